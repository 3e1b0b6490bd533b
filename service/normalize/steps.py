"""Which instructions of a line hold on one day: parts taken together, or steps of a taper.

Source: HL7 FHIR R4 (4.0.1), Dosage.sequence: equal numbers are taken together, different ones in
their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from msgspec.structs import replace

from service.model.dosage import Dosage


def placed(dosages: Sequence[Dosage], begins: date | None) -> tuple[Dosage, ...]:
    """The dosages with the days between which each step holds, as far as they can be told.

    A step without dates begins the day after the one before it ended, the first one on `begins`.
    """
    groups = _groups(dosages)
    if len(groups) < 2:
        return tuple(dosages)
    found: list[Dosage] = []
    begin = begins
    for group in groups:
        ends: list[date] = []
        for dosage in group:
            start = dosage.starts or begin
            end = dosage.ends or _end(start, dosage.duration_d)
            found.append(replace(dosage, starts=start, ends=end))
            if end is not None:
                ends.append(end)
        begin = _later(max(ends), 1) if len(ends) == len(group) else None
    return tuple(found)


def depends_on_day(dosages: Sequence[Dosage]) -> bool:
    """Whether the day asked, or the line's first day, decides which of the dosages hold."""
    return any(one.starts or one.ends for one in dosages) or len(_groups(dosages)) > 1


def in_force(
    dosages: Sequence[Dosage], as_of: date, begins: date | None, problems: list[str]
) -> tuple[Dosage, ...]:
    """Those that hold on `as_of`: before the first step the first, after the last the last one.

    Nothing, with a problem, where steps follow one another and nothing tells when.
    """
    dated = placed(dosages, begins)
    groups = _groups(dated)
    if len(groups) < 2:
        return _within(dated, as_of)
    if not any(dosage.starts or dosage.ends for dosage in dated) or any(
        group[0].starts is None for group in groups[1:]
    ):
        if _parts_of_a_day(dated):
            return tuple(dated)
        problems.append("steps follow one another, but nothing tells when each begins")
        return ()
    held = groups[0]
    for group in groups:
        start = group[0].starts
        if start is None or start <= as_of:
            held = group
    return tuple(held)


def _within(dosages: Sequence[Dosage], as_of: date) -> tuple[Dosage, ...]:
    """Parts taken together; where their own dates tell some apart, those of the day."""
    now = tuple(
        dosage
        for dosage in dosages
        if (dosage.starts is None or dosage.starts <= as_of)
        and (dosage.ends is None or dosage.ends >= as_of)
    )
    if now or len({(dosage.starts, dosage.ends) for dosage in dosages}) < 2:
        return now or tuple(dosages)
    past = [dosage for dosage in dosages if dosage.ends is not None and dosage.ends < as_of]
    if not past:
        first = min(dosage.starts for dosage in dosages if dosage.starts is not None)
        return tuple(dosage for dosage in dosages if dosage.starts == first)
    last = max(dosage.ends for dosage in past if dosage.ends is not None)
    return tuple(dosage for dosage in past if dosage.ends == last)


def _groups(dosages: Sequence[Dosage]) -> list[list[Dosage]]:
    numbers = [dosage.sequence for dosage in dosages]
    if any(number is None for number in numbers):
        return [list(dosages)] if dosages else []
    groups: dict[int, list[Dosage]] = {}
    for dosage in dosages:
        groups.setdefault(dosage.sequence or 0, []).append(dosage)
    return [groups[number] for number in sorted(groups)]


def _parts_of_a_day(dosages: Sequence[Dosage]) -> bool:
    """Whether numbered instructions name different parts of the day: servers number those too."""
    parts = [dosage.frequency.when if dosage.frequency else () for dosage in dosages]
    return all(parts) and len(set(parts)) == len(parts)


def _end(start: date | None, duration_d: Decimal | None) -> date | None:
    if start is None or duration_d is None or duration_d > 36_600:
        return None
    return _later(start, max(int(duration_d.to_integral_value()) - 1, 0))


def _later(day: date, days: int) -> date | None:
    """So many days later; None beyond the calendar."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None
