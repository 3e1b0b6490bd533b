"""FHIR Timing as a Frequency with its bounds.

Source: HL7 FHIR R4 (4.0.1), Timing; code and repeat say the same thing twice, so that where they
disagree neither is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from service.model.dosage import Frequency
from service.normalize.concept import codings, text_of
from service.normalize.dates import first_day, last_day
from service.normalize.frequency import Frequencies, frequency
from service.normalize.units import Units
from service.normalize.wire import base
from service.normalize.wire import dosage as wire

_MOST_TIMES_A_DAY = 100
_LONGEST_PERIOD_D = 3660
_EVERY_MEAL = frozenset({"C", "AC", "PC"})


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What a Timing says: how often, from when to when, for how many days; and what is wrong."""

    frequency: Frequency | None = None
    starts: date | None = None
    ends: date | None = None
    duration_d: Decimal | None = None
    contradiction: str = ""
    problems: tuple[str, ...] = ()


def scheduled(timing: wire.Timing | None, units: Units, table: Frequencies) -> Scheduled:
    """The schedule of one Timing; `contradiction` where its code and its repeat disagree."""
    if timing is None:
        return Scheduled()
    problems: list[str] = []
    coded = table.of_codings(codings(timing.code), text_of(timing.code)) if timing.code else None
    repeat = timing.repeat
    repeated = _frequency(repeat, units, problems) if repeat else None
    contradiction = ""
    if coded and repeated and repeated.per_day != coded.per_day:
        said = f"{in_words(coded)}, timing.repeat {in_words(repeated)}"
        contradiction = f"timing.code says {said}"
        problems.append(contradiction)
    found = None if contradiction else _joined(repeated, coded)
    starts, ends, duration = _bounds(repeat, units, problems) if repeat else (None, None, None)
    if timing.event and found is None and not contradiction:
        days = [day for day in map(first_day, timing.event) if day is not None]
        if len(days) == 1:
            found, starts, ends = Frequency(Decimal(1), Decimal(1)), days[0], days[0]
        elif days:
            problems.append(f"timing.event names {len(days)} days; no daily dose follows from them")
    if repeat and repeat.count is not None and repeat.count <= 0:
        problems.append(f"timing.repeat: {repeat.count} takes in all is not possible")
    elif repeat and repeat.count and found and duration is None and ends is None:
        duration = repeat.count / found.per_day
    return Scheduled(found, starts, ends, duration, contradiction, tuple(problems))


def _joined(repeated: Frequency | None, coded: Frequency | None) -> Frequency | None:
    if repeated and coded and not repeated.when:
        return Frequency(
            repeated.count, repeated.period_d, repeated.count_max, coded.when, repeated.days
        )
    return repeated or coded


def _frequency(repeat: wire.Repeat, units: Units, problems: list[str]) -> Frequency | None:
    when = tuple(part for part in base.several(repeat.when) if part)
    days = tuple(day[:3].lower() for day in repeat.day_of_week if day)
    times = len(repeat.time_of_day) or (0 if _EVERY_MEAL & set(when) else len(when))
    count, period = repeat.frequency, repeat.period
    unit = units.find(repeat.period_unit or repeat.period_units)
    if (repeat.period_unit or repeat.period_units) and (unit is None or unit.kind != "time"):
        problems.append(f"timing.repeat.periodUnit {repeat.period_unit!r} is no unit of time")
        return None
    if unit is None and period is not None:
        problems.append("timing.repeat.period has no unit")
        return None
    if unit is None and count is None and not times and not days:
        return None
    if unit is None and count is not None and not times and not days and not when:
        problems.append("timing.repeat.frequency has no period")
        return None
    if count is None or (count == 1 and times > 1):
        count = Decimal(times or 1)
    period_d = (Decimal(1) if period is None else period) * (unit.factor if unit else Decimal(1))
    longest = repeat.period_max * unit.factor if repeat.period_max and unit else None
    if not (count > 0 and 0 < period_d <= _LONGEST_PERIOD_D):
        problems.append(f"timing.repeat: {count} times in {period_d} days is not possible")
        return None
    weekly = period_d == 7 and repeat.frequency in (None, 1, len(days))
    if days and (period_d == 1 or weekly):
        # On these days of the week; `2 per 1 d` is twice on each of them.
        per_day = count if period_d == 1 and repeat.frequency else Decimal(times or 1)
        return frequency(per_day * len(days), Decimal(7), when=when, days=days)
    count_max = repeat.frequency_max
    if count_max is not None and count_max < count:
        problems.append(f"timing.repeat: {count} to {count_max} times is upside down")
        return None
    if longest and longest > period_d:
        count_max = count * longest / period_d
        period_d = longest
    found = frequency(count, period_d, count_max=count_max, when=when, days=days)
    if found.per_day > _MOST_TIMES_A_DAY:
        problems.append(f"{in_words(found)} is more often than a drug is taken")
        return None
    return found


def _bounds(
    repeat: wire.Repeat, units: Units, problems: list[str]
) -> tuple[date | None, date | None, Decimal | None]:
    period = repeat.bounds_period
    starts = first_day(period.start) if period else None
    ends = last_day(period.end) if period else None
    length = repeat.bounds_duration or (repeat.bounds_range.high if repeat.bounds_range else None)
    lasts = days_of(length, units)
    if length is not None and length.value is not None and lasts is None:
        problems.append(f"a duration of {length.value} {length.unit or length.code} was not read")
    return starts, ends, lasts


@lru_cache(maxsize=1024)
def days_of(length: base.Quantity | None, units: Units) -> Decimal | None:
    """A duration in days; None without a unit of time, and for one that is not above zero."""
    if length is None or length.value is None or not 0 < length.value < 100_000:
        return None
    unit = units.of(length)
    if unit is None or unit.kind != "time":
        return length.value if unit is not None and unit.ucum == "1" else None
    return length.value * unit.factor


def in_words(found: Frequency) -> str:
    """`twice a day`, `once every 28 days`, `3 times in 7 days (mon, wed, fri)`."""
    count = {1: "once", 2: "twice"}.get(int(found.count)) if found.count in (1, 2) else None
    times = count or f"{_plain(found.count)} times"
    if found.count_max and found.count_max != found.count:
        times = f"{_plain(found.count)} to {_plain(found.count_max)} times"
    if found.period_d == 1:
        words = f"{times} a day"
    elif found.period_d == 7:
        words = f"{times} a week"
    else:
        words = f"{times} every {_plain(found.period_d)} days"
    details = ", ".join([*found.days, *found.when])
    return f"{words} ({details})" if details else words


def _plain(value: Decimal) -> str:
    return format(value.quantize(Decimal("0.01")).normalize(), "f")
