"""How much of each ingredient a day, from dosages and the product's strength, with the working.

The dosages that hold on the day are added up. Doses that repeat after seven days or more are given
per interval, as-needed doses as a maximum. What contradicts itself gives a problem and no dose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

from msgspec.structs import replace

from service.model.concept import AdministrationClass, DrugConcept
from service.model.dosage import DailyDose, Dosage, Frequency, Quantity
from service.normalize.amount import amounts_of, number
from service.normalize.dosage_amount import INTERVAL_FROM_D, DailyDoses, of_dosage
from service.normalize.steps import in_force
from service.normalize.units import Unit, Units


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
        if (found := of_dosage(dosage, drug, units, problems)) is not None
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
    depot = drug.administration is AdministrationClass.DEPOT
    if unit is None or not (unit.is_count or unit.kind == "volume"):
        return DailyDoses()
    if _holds_many_doses(unit, drug) and not depot:
        return DailyDoses()
    per_day = quantity.value / days_supply
    if depot or per_day * INTERVAL_FROM_D <= 1:
        interval = days_supply if depot else days_supply / quantity.value
        dose = quantity if depot else Quantity(Decimal(1), quantity.unit)
        dosage = Dosage(dose=dose, frequency=Frequency(Decimal(1), interval))
    else:
        dosage = Dosage(
            dose=Quantity(per_day, quantity.unit), frequency=Frequency(Decimal(1), Decimal(1))
        )
    problems: list[str] = []
    found = of_dosage(dosage, drug, units, problems)
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


def _holds_many_doses(unit: Unit, drug: DrugConcept) -> bool:
    """Whether what is counted is a container that lasts as long as it lasts: an inhaler, or the mL
    of pens and vials, of which the days of supply tell no dose."""
    by_puff = any(one.per_unit == "{actuat}" for one in drug.strengths)
    return (by_puff and unit.kind == "count") or (
        drug.form == "injection" and unit.kind == "volume"
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
