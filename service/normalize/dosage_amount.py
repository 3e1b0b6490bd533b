"""How much of each ingredient one dosage gives a day, or an interval, with the working.

A dose in dose forms is multiplied by the strength, a volume by the concentration, a patch by its
hours; an amount of ingredient stands as it is. As needed gives a maximum, no dose.
Source: HL7 FHIR R4 (4.0.1), Dosage; RxNorm technical documentation (strengths).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from service.model.concept import DrugConcept
from service.model.dosage import DailyDose, Dosage, Frequency, Quantity
from service.normalize.amount import Amount, amounts_by_rate, amounts_of, number
from service.normalize.dosage_text import different
from service.normalize.units import Units

INTERVAL_FROM_D = 7


@dataclass(frozen=True, slots=True)
class DailyDoses:
    """Doses per ingredient on one day; `interval_d` for interval dosing; what was impossible."""

    doses: tuple[DailyDose, ...] = ()
    interval_d: Decimal | None = None
    problems: tuple[str, ...] = ()


def of_dosage(
    dosage: Dosage, drug: DrugConcept, units: Units, problems: list[str]
) -> DailyDoses | None:
    amounts = _taken(dosage, drug, units, problems)
    if amounts is None and dosage.dose is None and dosage.dose_high and dosage.rate is None:
        return _upper_end(dosage, drug, units, problems)
    if amounts is None:
        return None
    highest = amounts
    if dosage.dose_high:
        high = amounts_of(_on_both_sides(dosage.dose_high, dosage), drug, units, problems)
        if high is None:
            return None
        highest = high
    if dosage.frequency is None and not (dosage.as_needed or amounts[0].continuous):
        return None
    interval = _interval(dosage.frequency) if not amounts[0].continuous else None
    doses = []
    for place, ingredient in enumerate(drug.ingredients):
        low, high_amount = amounts[place], highest[place]
        value, top = _per_day(low, high_amount, dosage.frequency, interval)
        limit = _limit(dosage, place, drug, units)
        working = _working(low, high_amount, dosage.frequency)
        if dosage.as_needed:
            known = [bound for bound in (top, limit) if bound is not None]
            most = min(known, default=None)
            said = f"as needed, {working}"
            doses.append(DailyDose(ingredient.rxcui, low.unit, None, most, said))
        else:
            ranged = top if top != value else None
            most = min((one for one in (ranged, limit) if one is not None), default=None)
            if value is not None and limit is not None and value > limit * Decimal("1.01"):
                problems.append("the dosage is above its own stated maximum a day")
                return None
            doses.append(DailyDose(ingredient.rxcui, low.unit, value, most, working))
    return DailyDoses(tuple(doses), interval)


def _upper_end(
    dosage: Dosage, drug: DrugConcept, units: Units, problems: list[str]
) -> DailyDoses | None:
    """A range without a lower end: a maximum, no dose."""
    if dosage.dose_high is None:
        return None
    most = of_dosage(replace(dosage, dose=dosage.dose_high, dose_high=None), drug, units, problems)
    if most is None:
        return None
    doses = tuple(replace(one, value=None, max=one.max or one.value) for one in most.doses)
    return DailyDoses(doses, most.interval_d)


def _taken(
    dosage: Dosage, drug: DrugConcept, units: Units, problems: list[str]
) -> list[Amount] | None:
    """The amounts of one take, from the dose, or from what the text states, or from a rate."""
    if dosage.dose is None:
        return amounts_by_rate(dosage.rate, drug, units) if dosage.rate else None
    unknown: list[str] = []
    amounts = amounts_of(_on_both_sides(dosage.dose, dosage), drug, units, unknown, dosage.worn_h)
    if amounts and dosage.rate and amounts[0].continuous and dosage.worn_h is None:
        by_rate = amounts_by_rate(dosage.rate, drug, units)
        if by_rate and different(amounts[0].value, by_rate[0].value):
            problems.append(
                f"the rate of {number(dosage.rate.value)} {dosage.rate.unit}/h is not that of "
                f"{drug.name}; no dose was taken"
            )
            return None
    if dosage.amount is None:
        problems.extend(unknown)
        return amounts
    stated = amounts_of(dosage.amount, drug, units, [])
    if amounts is None:
        return stated
    if stated is None or amounts[0].continuous:
        return amounts
    ours, said = amounts[0].value, stated[0].value
    if len(amounts) == 1 and different(ours, said):
        problems.append(
            f"the text states {number(dosage.amount.value)} {dosage.amount.unit}, but "
            f"{amounts[0].working} is {number(ours)} {amounts[0].unit}; no dose was taken"
        )
        return None
    return amounts


def _on_both_sides(dose: Quantity, dosage: Dosage) -> Quantity:
    """Two sprays in each nostril are four."""
    return dose if dosage.sides == 1 else Quantity(dose.value * dosage.sides, dose.unit)


def _interval(frequency: Frequency | None) -> Decimal | None:
    if frequency is None:
        return None
    apart = frequency.period_d / frequency.count
    return apart if apart >= INTERVAL_FROM_D else None


def _per_day(
    low: Amount, high: Amount, frequency: Frequency | None, interval: Decimal | None
) -> tuple[Decimal | None, Decimal | None]:
    """Lowest and highest amount a day (or an interval)."""
    if low.continuous:
        return low.value, high.value
    if frequency is None:
        return None, None
    if interval is not None:
        return low.value, high.value
    most = (frequency.count_max or frequency.count) / frequency.period_d
    return low.value * frequency.per_day, high.value * most


def _limit(dosage: Dosage, place: int, drug: DrugConcept, units: Units) -> Decimal | None:
    if dosage.max_per_day is None:
        return None
    amounts = amounts_of(dosage.max_per_day, drug, units, [])
    return amounts[place].value if amounts and not amounts[place].continuous else None


def _working(low: Amount, high: Amount, frequency: Frequency | None) -> str:
    amount = low.working if high is low else f"{low.working} to {high.working}"
    if low.continuous or frequency is None:
        return amount
    times = number(frequency.count)
    if frequency.count_max and frequency.count_max != frequency.count:
        times = f"{times} to {number(frequency.count_max)}"
    said = amount if times == "1" and " x " in amount else f"{times} x {amount}"
    return said if frequency.period_d == 1 else f"{said} every {number(frequency.period_d)} days"
