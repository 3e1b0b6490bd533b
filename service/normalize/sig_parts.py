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
    single: bool = False
    as_needed: bool = False
    reason: list[str] = field(default_factory=list)
    max_per_day: Quantity | None = None
    route: str = ""
    after_then: bool = False
    stepped: bool = False
    joined: bool = False

    @property
    def timed(self) -> bool:
        return bool(self.every or self.when or self.days or self.clock or self.single)


def dosages_of(parts: list[Part], text: str) -> tuple[Dosage, ...]:
    """The parts as dosages.

    Raises: NotRead when a part lacks its times or the parts contradict each other.
    """
    steps = any(part.after_then for part in parts)
    if len(parts) > 1 and not steps:
        _share(parts)
    if steps:
        _check_steps(parts)
    return tuple(
        _dosage(part, text, number if steps else None) for number, part in enumerate(parts, start=1)
    )


def _share(parts: list[Part]) -> None:
    """Parts that hold together: the length said at the end holds for all of them."""
    if any(part.duration_d or part.window for part in parts[:-1]):
        raise NotRead
    apart = all(part.when or part.days or part.clock for part in parts)
    if not apart and not all(part.joined for part in parts[1:]):
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
        for part in parts:
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
    if part.single and not (part.every or part.when or part.days):
        duration = Decimal(1)
    return Dosage(
        text=text,
        sequence=sequence,
        dose=part.dose,
        dose_high=part.dose_high,
        amount=part.amount,
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
    if days:
        per_day = Decimal(occasions or 1)
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
