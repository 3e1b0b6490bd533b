"""How much of an ingredient is taken a day: now, on the first day, from step to step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from service.assess.exposure import Exposure, begins, is_order
from service.model.concept import AdministrationClass
from service.model.medication import MedicationEntry, PlacedLine, TherapyState

TAKEN = (TherapyState.CURRENT, TherapyState.CONFLICT)


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of an ingredient per day, the highest that any source states, with its lines.

    `as_needed` is set where a part of it is only allowed, not ordered.
    """

    value: Decimal
    unit: str
    lines: tuple[PlacedLine, ...]
    as_needed: bool = False


def daily_amount(exposure: Exposure) -> Amount | None:
    """The daily dose taken now, systemic and not depot; None where any source's dose is unknown.

    Orders and statements of one source add up (split regimens); of several sources the highest sum
    counts, because a maximum is exceeded wherever the higher instruction is followed.
    """
    return _highest(
        exposure,
        [line for line in _ordered(exposure) if line.state in TAKEN],
    )


def first_amount(exposure: Exposure) -> Amount | None:
    """The daily dose on the first day of the last episode, added up as `daily_amount` does.

    None where no order or statement begins on that day with a dose, and where an instruction of
    several steps begins then: its line says what is taken today.
    """
    begun = [line for line in _ordered(exposure) if begins(line.entry) == exposure.start]
    if any(len({dosage.sequence for dosage in line.entry.dosages}) > 1 for line in begun):
        return None
    return _highest(exposure, begun)


def _ordered(exposure: Exposure) -> list[PlacedLine]:
    """Orders and statements of systemic products."""
    return [
        line
        for line in exposure.lines
        if is_order(line) and line.entry.administration is AdministrationClass.SYSTEMIC
    ]


def _highest(exposure: Exposure, lines: Iterable[PlacedLine]) -> Amount | None:
    """The highest sum of any source; None without a line or where a dose is unknown."""
    by_source: dict[str, list[PlacedLine]] = defaultdict(list)
    for line in lines:
        by_source[line.entry.origin.source].append(line)
    sums = [_sum(found, exposure.ingredient.rxcui) for found in by_source.values()]
    if not sums or any(amount is None for amount in sums):
        return None
    known = [amount for amount in sums if amount is not None]
    if len({amount.unit for amount in known}) > 1:
        return None
    return max(known, key=lambda amount: amount.value)


def _sum(lines: list[PlacedLine], rxcui: str) -> Amount | None:
    total, unit, as_needed = Decimal(0), "", False
    for line in lines:
        part = line_amount(line.entry, rxcui)
        if part is None or (unit and part[1] != unit):
            return None
        total, unit = total + part[0], part[1]
        as_needed = as_needed or line.entry.as_needed
    return Amount(total, unit, tuple(lines), as_needed)


def line_amount(entry: MedicationEntry, rxcui: str) -> tuple[Decimal, str] | None:
    """Daily amount and unit of one line; as needed: its maximum; weekly drugs: per day."""
    for dose in entry.daily_doses:
        value = dose.value if dose.value is not None else dose.max
        if dose.rxcui == rxcui and value is not None:
            return (value / entry.interval_d if entry.interval_d else value), dose.unit
    return None


def dose_steps(exposure: Exposure) -> list[tuple[date, Decimal, PlacedLine]]:
    """Every ordered or stated daily amount with the day it holds from, oldest first.

    Steps of a taper inside one order (several Dosage with their own days) count where the source
    wrote the days; amounts in another unit than the newest are left out.
    """
    steps: list[tuple[date, Decimal, str, PlacedLine]] = []
    for line in exposure.lines:
        start = begins(line.entry)
        amount = line_amount(line.entry, exposure.ingredient.rxcui)
        if is_order(line) and start is not None and amount is not None:
            steps.append((start, amount[0], amount[1], line))
    steps.sort(key=lambda step: (step[0], step[3].entry.origin))
    unit = steps[-1][2] if steps else ""
    return [(on, value, line) for on, value, its_unit, line in steps if its_unit == unit]


def dose_changes(exposure: Exposure) -> list[date]:
    """Days within the last episode on which one source wrote another daily amount than before."""
    changes: list[date] = []
    before: dict[str, Decimal] = {}
    for on, value, line in dose_steps(exposure):
        source = line.entry.origin.source
        if exposure.start is not None and on < exposure.start:
            continue
        if source in before and before[source] != value:
            changes.append(on)
        before[source] = value
    return changes
