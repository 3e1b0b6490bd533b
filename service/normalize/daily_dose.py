"""How much of each ingredient a day, from dosages and the product's strength, with the working.

A dose in dose forms is multiplied by the strength, a volume by the concentration, a patch by its
hours; an amount of ingredient stands as it is. Doses that repeat after seven days or more are
given per interval, as-needed doses as a maximum. What contradicts itself gives a problem and no
dose.
Source: HL7 FHIR R4 (4.0.1), Dosage; RxNorm technical documentation (strengths).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from msgspec.structs import replace

from service.model.concept import AdministrationClass, DrugConcept
from service.model.dosage import DailyDose, Dosage, Frequency, Quantity
from service.normalize.amount import Amount, amounts_by_rate, amounts_of, number
from service.normalize.dosage import different
from service.normalize.steps import in_force
from service.normalize.units import Units

_INTERVAL_FROM_D = 7


@dataclass(frozen=True, slots=True)
class DailyDoses:
    """Doses per ingredient on one day; `interval_d` for interval dosing; what was impossible."""

    doses: tuple[DailyDose, ...] = ()
    interval_d: Decimal | None = None
    problems: tuple[str, ...] = ()


def daily_doses(
    dosages: Sequence[Dosage],
    drug: DrugConcept | None,
    units: Units,
    as_of: date,
    begins: date | None = None,
) -> DailyDoses:
    """The doses that the instructions give on `as_of`.

    Args:
        dosages: of one line; those in force on the day are added up.
        drug: None gives nothing, as doses are per ingredient.
        begins: the first day of the line, from which the steps of a taper are counted.
    """
    if drug is None or not drug.ingredients:
        return DailyDoses()
    problems: list[str] = []
    parts = [
        found
        for dosage in in_force(dosages, as_of, begins, problems)
        if (found := _of_dosage(dosage, drug, units, problems)) is not None
    ]
    if problems or not parts:
        return DailyDoses(problems=tuple(dict.fromkeys(problems)))
    intervals = {part.interval_d for part in parts}
    if len(intervals) > 1 and drug.administration is not AdministrationClass.DEPOT:
        parts, intervals = [_averaged(part) for part in parts], {None}
    if len(intervals) > 1:
        return DailyDoses(problems=("parts of the dosage have different intervals",))
    doses = tuple(
        _added([part.doses[place] for part in parts]) for place in range(len(parts[0].doses))
    )
    return DailyDoses(doses, intervals.pop())


def _averaged(part: DailyDoses) -> DailyDoses:
    """A part of a week's schedule (once on fridays) as an amount a day, to be added to others."""
    if part.interval_d is None:
        return part
    days = part.interval_d
    doses = (
        replace(one, value=one.value and one.value / days, max=one.max and one.max / days)
        for one in part.doses
    )
    return DailyDoses(tuple(doses))


def supplied_dose(
    quantity: Quantity,
    days_supply: Decimal,
    drug: DrugConcept | None,
    units: Units,
    *,
    how: str = "supplied",
) -> DailyDoses:
    """The daily dose that a supply lasts for: quantity by days' supply, said so in the working.

    `how` is what was done with it: supplied, or ordered.
    """
    if drug is None or not 0 < days_supply <= 1000 or quantity.value <= 0:
        return DailyDoses()
    unit = units.find(quantity.unit)
    if unit is None or not (unit.is_count or unit.kind == "volume"):
        return DailyDoses()
    per_day = quantity.value / days_supply
    depot = drug.administration is AdministrationClass.DEPOT
    if depot or per_day * _INTERVAL_FROM_D <= 1:
        interval = days_supply if depot else days_supply / quantity.value
        dose = quantity if depot else Quantity(Decimal(1), quantity.unit)
        dosage = Dosage(dose=dose, frequency=Frequency(Decimal(1), interval))
    else:
        dosage = Dosage(
            dose=Quantity(per_day, quantity.unit), frequency=Frequency(Decimal(1), Decimal(1))
        )
    problems: list[str] = []
    found = _of_dosage(dosage, drug, units, problems)
    if found is None or problems:
        return DailyDoses()
    said = f"{number(quantity.value)} {how} for {number(days_supply)} days: "
    return DailyDoses(
        tuple(
            DailyDose(dose.rxcui, dose.unit, dose.value, dose.max, said + dose.working)
            for dose in found.doses
        ),
        found.interval_d,
    )


def one_dose(dose: Quantity, drug: DrugConcept | None, units: Units) -> DailyDoses:
    """What one administration gave of each ingredient."""
    if drug is None or not drug.ingredients:
        return DailyDoses()
    problems: list[str] = []
    amounts = amounts_of(dose, drug, units, problems)
    if amounts is None:
        return DailyDoses(problems=tuple(problems))
    return DailyDoses(
        tuple(
            DailyDose(one.rxcui, amount.unit, amount.value, None, f"{amount.working} given")
            for one, amount in zip(drug.ingredients, amounts, strict=True)
        )
    )


def _of_dosage(
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
    most = _of_dosage(replace(dosage, dose=dosage.dose_high, dose_high=None), drug, units, problems)
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
    return apart if apart >= _INTERVAL_FROM_D else None


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


def _added(doses: Sequence[DailyDose]) -> DailyDose:
    """The same ingredient from several parts of a day; a part as needed leaves only a maximum."""
    if len(doses) == 1:
        return doses[0]
    scheduled = [dose for dose in doses if dose.value is not None]
    value = _total(scheduled, lambda dose: dose.value) if scheduled else None
    bounded = all((dose.max or dose.value) is not None for dose in doses)
    most = _total(doses, lambda dose: dose.max or dose.value) if bounded else None
    working = " + ".join(dose.working for dose in doses)
    return DailyDose(doses[0].rxcui, doses[0].unit, value, most if most != value else None, working)


def _total(doses: Sequence[DailyDose], part: Callable[[DailyDose], Decimal | None]) -> Decimal:
    return sum((part(dose) or Decimal(0) for dose in doses), Decimal(0))
