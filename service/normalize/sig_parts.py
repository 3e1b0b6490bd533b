"""The doses of a direction while it is read, and what becomes of them together.

Parts that hold together are added up by whoever asks for a day; steps follow one another. What
lacks its times, or contradicts itself, is not read at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from service.model.dosage import Dosage, Frequency, Quantity
from service.normalize.frequency import folded, frequency

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EACH_MEAL = frozenset({"C", "AC", "PC"})


class NotRead(Exception):
    """The direction says something that the grammar does not know."""


@dataclass(slots=True)
class Part:
    """One dose with its times, while it is being read."""

    dose: Quantity | None = None
    dose_high: Quantity | None = None
    amount: Quantity | None = None
    every: Frequency | None = None
    when: list[str] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    clock: int = 0
    duration_d: Decimal | None = None
    window: tuple[int, int] | None = None
    count: Decimal | None = None
    but_days: list[str] = field(default_factory=list)
    other_days: bool = False
    days_a_week: Decimal | None = None
    rate: Quantity | None = None
    worn_h: Decimal | None = None
    sides: int = 1
    single: bool = False
    as_needed: bool = False
    reason: list[str] = field(default_factory=list)
    max_per_day: Quantity | None = None
    route: str = ""
    after_then: bool = False
    stepped: bool = False
    joined: bool = False
    exception: bool = False
    alternates: bool = False

    @property
    def timed(self) -> bool:
        return bool(
            self.every
            or self.when
            or self.days
            or self.clock
            or self.single
            or self.other_days
            or self.days_a_week
        )


def dosages_of(parts: list[Part], text: str) -> tuple[Dosage, ...]:
    """The parts as dosages.

    Raises: NotRead when a part lacks its times or the parts contradict each other.
    """
    steps = any(part.after_then for part in parts)
    if any(part.alternates for part in parts):
        _alternate(parts)
    _name_other_days(parts)
    if len(parts) > 1 and not steps:
        _share(parts)
    if steps:
        _check_steps(parts)
    return tuple(
        _dosage(part, text, number if steps else None) for number, part in enumerate(parts, start=1)
    )


def _name_other_days(parts: list[Part]) -> None:
    """Days that are told by what they are not: `except sundays`, `on all other days`."""
    for before, part in pairwise(parts):
        if part.exception:
            if not part.days or part.every or part.when or part.clock or len(parts) > 2:
                raise NotRead
            before.but_days.extend(part.days)
    for part in parts:
        if part.but_days:
            part.days = [day for day in _WEEK if day not in part.but_days]
        if part.other_days:
            named = {day for one in parts if one is not part for day in one.days}
            if not named or sum(one.other_days for one in parts) > 1:
                raise NotRead
            part.days = [day for day in _WEEK if day not in named]
        if (part.but_days or part.other_days) and not part.days:
            raise NotRead


def _alternate(parts: list[Part]) -> None:
    """Two doses, each on every second day."""
    if len(parts) != 2 or not all(part.alternates and part.dose for part in parts):
        raise NotRead
    for part in parts:
        often = part.every
        if often and (often.count != 1 or often.period_d > 2):
            raise NotRead
        if part.days or part.clock or part.single or part.duration_d:
            raise NotRead
    when = parts[0].when or parts[1].when
    for part in parts:
        part.every, part.when = Frequency(Decimal(1), Decimal(2)), list(when)


def _share(parts: list[Part]) -> None:
    """Parts that hold together: the length said at the end holds for all of them."""
    if any(part.duration_d or part.window or part.count for part in parts[:-1]):
        raise NotRead
    apart = [bool(part.when or part.days or part.clock or part.alternates) for part in parts]
    if not all(apart) and not all(part.joined for part in parts[1:]):
        raise NotRead
    if apart.count(False) > 1:  # "1 tablet daily and 2 tablets daily" contradicts itself
        raise NotRead
    for part in parts:
        part.duration_d = parts[-1].duration_d
        part.route = part.route or parts[0].route


def _check_steps(parts: list[Part]) -> None:
    if not all(part.after_then for part in parts[1:]):
        raise NotRead
    windows = [part.window for part in parts]
    if any(windows):
        last = 0
        for place, part in enumerate(parts):
            if part.window is None and place == len(parts) - 1 and place:
                break
            if part.window is None or part.window[0] != last + 1:
                raise NotRead
            last = part.window[1]
            part.duration_d = Decimal(last - part.window[0] + 1)
    elif not all(part.duration_d for part in parts[:-1]):
        raise NotRead
    for before, part in pairwise(parts):
        if part.dose and part.dose.unit == "1" and before.dose:
            part.dose = Quantity(part.dose.value, before.dose.unit)
        if not part.timed:
            part.every, part.when = before.every, list(before.when)
        if part.stepped and part.every and part.every.period_d > 1:
            raise NotRead
        part.route = part.route or before.route
    for part in parts:
        if not part.timed:
            part.every = Frequency(Decimal(1), Decimal(1))


def _dosage(part: Part, text: str, sequence: int | None) -> Dosage:
    often = _often(part)
    if often is None and not (part.as_needed and part.dose):
        raise NotRead
    duration = part.duration_d
    if part.count is not None:
        if often is None or part.as_needed or duration is not None:
            raise NotRead
        duration = part.count / often.per_day
    if part.single and not (part.every or part.when or part.days):
        duration = Decimal(1)
    return Dosage(
        text=text,
        sequence=sequence,
        dose=part.dose,
        dose_high=part.dose_high,
        amount=part.amount,
        rate=part.rate,
        worn_h=part.worn_h,
        sides=part.sides,
        frequency=often,
        as_needed=part.as_needed,
        as_needed_for=" ".join(part.reason),
        max_per_day=part.max_per_day,
        route=part.route,
        duration_d=duration,
        read_from="text",
    )


def _often(part: Part) -> Frequency | None:
    when = folded(tuple(part.when))
    days = tuple(dict.fromkeys(part.days))
    occasions = len(when) + part.clock
    if _EACH_MEAL & set(when):
        if part.every is None:
            return None
        occasions = 0
    every = part.every
    if part.days_a_week is not None:
        if days or (every and occasions and every.count != occasions):
            raise NotRead
        if every and every.period_d != 1:
            raise NotRead
        times = every.count if every else Decimal(occasions or 1)
        return frequency(times * part.days_a_week, Decimal(7), when=when)
    if days:
        per_day = Decimal(occasions or 1)
        if every and not occasions and every.period_d == 1 and not every.count_max:
            per_day = every.count  # twice daily on weekdays
        if every and every.per_day not in (1, per_day, Decimal(len(days)) / 7):
            raise NotRead
        return frequency(per_day * len(days), Decimal(7), when=when, days=days)
    if every:
        if occasions and every.count != occasions:
            raise NotRead
        return Frequency(every.count, every.period_d, every.count_max, when)
    if occasions:
        return frequency(Decimal(occasions), Decimal(1), when=when)
    return Frequency(Decimal(1), Decimal(1)) if part.single else None
