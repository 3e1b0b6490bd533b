"""How much of each ingredient a day, from dosages and the strength of the product, with the working.

A dose in dose forms is multiplied by the strength, a volume by the concentration, a patch by its
hours; an amount of ingredient stands as it is. Doses that repeat after seven days or more are given
per interval, as-needed doses as a maximum. What contradicts itself gives a problem and no dose.
Source: HL7 FHIR R4 (4.0.1), Dosage; RxNorm technical documentation (strength per dose form, mL or h).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from service.errors import UnitMismatch
from service.model.concept import AdministrationClass, DrugConcept, Strength
from service.model.dosage import DailyDose, Dosage, Frequency, Quantity
from service.normalize.dosage import different
from service.normalize.steps import in_force
from service.normalize.units import Units

_INTERVAL_FROM_D = 7
_HOURS_WORN = re.compile(r"(\d{1,3}) HR ", re.IGNORECASE)
_MILLILITRES = re.compile(r"(\d+(?:\.\d+)?) ML ", re.IGNORECASE)
_ONE_DOSE_FORMS = frozenset({"Prefilled Syringe", "Auto-Injector"})
_FORMS_TAKEN = tuple(Decimal(number) / 2 for number in range(1, 13))


@dataclass(frozen=True, slots=True)
class DailyDoses:
    """Doses per ingredient on one day; `interval_d` for interval dosing; what was impossible."""

    doses: tuple[DailyDose, ...] = ()
    interval_d: Decimal | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Amount:
    """What one take gives of one ingredient; `continuous` amounts are per day already (patches)."""

    value: Decimal
    unit: str
    working: str
    continuous: bool = False


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
    if len(intervals) > 1:
        return DailyDoses(problems=("parts of the dosage have different intervals",))
    doses = tuple(
        _added([part.doses[place] for part in parts]) for place in range(len(parts[0].doses))
    )
    return DailyDoses(doses, intervals.pop())


def supplied_dose(
    quantity: Quantity, days_supply: Decimal, drug: DrugConcept | None, units: Units
) -> DailyDoses:
    """The daily dose that a supply lasts for: quantity by days' supply, said so in the working."""
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
    said = f"{number(quantity.value)} supplied for {number(days_supply)} days: "
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
    amounts = _amounts(dose, drug, units, problems)
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
    if amounts is None:
        return None
    highest = amounts
    if dosage.dose_high:
        high = _amounts(dosage.dose_high, drug, units, problems)
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


def _taken(
    dosage: Dosage, drug: DrugConcept, units: Units, problems: list[str]
) -> list[_Amount] | None:
    """The amounts of one take, from the dose, or from what the text states, or from a rate."""
    if dosage.dose is None:
        return _by_rate(dosage.rate, drug, units) if dosage.rate else None
    unknown: list[str] = []
    amounts = _amounts(dosage.dose, drug, units, unknown)
    if dosage.amount is None:
        problems.extend(unknown)
        return amounts
    stated = _amounts(dosage.amount, drug, units, [])
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


def _amounts(
    dose: Quantity, drug: DrugConcept, units: Units, problems: list[str]
) -> list[_Amount] | None:
    unit = units.find(dose.unit)
    if unit is None:
        if "/" in dose.unit:
            return None
        problems.append(f"a dose in {dose.unit!r} cannot be turned into an amount of {drug.name}")
        return None
    if not drug.strengths:
        if len(drug.ingredients) != 1 or unit.is_count or unit.kind in ("volume", "time"):
            return None
        target = "mg" if unit.kind == "mass" else unit.ucum
        value = units.convert(dose.value, unit.ucum, target)
        return [_Amount(value, target, f"{number(value)} {target}")]
    ordered = _in_order(drug)
    if ordered is None:
        return None
    try:
        if unit.is_count:
            return [_of_count(dose.value, one, drug, units, unit.kind) for one in ordered]
        if unit.kind == "volume":
            return [_of_volume(dose.value, unit.ucum, one, units) for one in ordered]
        if len(ordered) == 1:
            return [_of_amount(dose, ordered[0], units)]
        return _of_combination(dose, ordered, units)
    except UnitMismatch as error:
        if drug.administration is not AdministrationClass.LOCAL:
            problems.append(f"a dose of {number(dose.value)} {dose.unit} of {drug.name}: {error}")
        return None


def _in_order(drug: DrugConcept) -> list[Strength] | None:
    """The strengths in the order of the ingredients; None where they do not pair."""
    known = {one.rxcui: one for one in drug.strengths}
    if len(drug.ingredients) == 1 and len(drug.strengths) == 1:
        return list(drug.strengths)
    if any(one.rxcui not in known for one in drug.ingredients):
        return None
    return [known[one.rxcui] for one in drug.ingredients]


def _of_count(
    count: Decimal, strength: Strength, drug: DrugConcept, units: Units, kind: str
) -> _Amount:
    target, per = _ucum(strength, units), strength.per_unit
    said = f"{number(strength.value)} {target}"
    if per is None:
        if kind in ("drop", "application"):
            raise UnitMismatch(f"the strength is per dose form, not per {kind}")
        working = said if count == 1 else f"{number(count)} x {said}"
        return _Amount(count * strength.value, target, working)
    unit = units.find(per)
    if unit is not None and unit.kind == "time":
        worn = _HOURS_WORN.search(drug.name)
        hours = min(Decimal(worn[1]), Decimal(24)) if worn else Decimal(24)
        per_hours = strength.per_value * unit.factor * 24
        value = count * strength.value * hours / per_hours
        times = "" if count == 1 else f"{number(count)} x "
        return _Amount(value, target, f"{times}{said}/h x {number(hours)} h", continuous=True)
    if unit is not None and unit.kind == "actuation" and kind in ("actuation", "count"):
        value = count * strength.value / strength.per_value
        return _Amount(value, target, f"{number(count)} x {said}")
    filled = _MILLILITRES.search(drug.name)
    one_dose = drug.dose_form in _ONE_DOSE_FORMS or (
        drug.administration is AdministrationClass.DEPOT
    )
    if unit is not None and unit.kind == "volume" and filled and one_dose and kind == "count":
        return _of_volume(count * Decimal(filled[1]), "mL", strength, units)
    raise UnitMismatch(f"the strength is per {per}, not per dose form")


def _of_volume(value: Decimal, unit: str, strength: Strength, units: Units) -> _Amount:
    target = _ucum(strength, units)
    if strength.per_unit is None:
        raise UnitMismatch("the strength is per dose form, not per volume")
    volume = units.convert(value, unit, strength.per_unit)
    amount = volume * strength.value / strength.per_value
    per = "" if strength.per_value == 1 else f"{number(strength.per_value)} "
    working = (
        f"{number(volume)} {strength.per_unit} x "
        f"{number(strength.value)} {target}/{per}{strength.per_unit}"
    )
    return _Amount(amount, target, working)


def _of_amount(dose: Quantity, strength: Strength, units: Units) -> _Amount:
    target = _ucum(strength, units)
    per = units.find(strength.per_unit) if strength.per_unit else None
    if per is not None and per.kind == "mass":
        weight = units.convert(dose.value, dose.unit, per.ucum)
        value = weight * strength.value / strength.per_value
        return _Amount(value, target, f"{number(weight)} {per.ucum} of the preparation")
    value = units.convert(dose.value, dose.unit, target, rxcui=strength.rxcui)
    return _Amount(value, target, f"{number(value)} {target}")


def _of_combination(
    dose: Quantity, strengths: Sequence[Strength], units: Units
) -> list[_Amount] | None:
    """An amount of a combination, where only one number of dose forms can be meant by it."""
    if any(one.per_unit for one in strengths):
        return None
    amounts = [
        units.convert(one.value, _ucum(one, units), dose.unit, rxcui=one.rxcui) for one in strengths
    ]
    counts = {dose.value / amount for amount in (*amounts, sum(amounts)) if amount > 0}
    possible = {count for count in counts if count in _FORMS_TAKEN}
    if len(possible) != 1:
        return None
    count = possible.pop()
    return [
        _Amount(count * one.value, _ucum(one, units), f"{number(count)} x {number(one.value)}")
        for one in strengths
    ]


def _by_rate(rate: Quantity, drug: DrugConcept, units: Units) -> list[_Amount] | None:
    """A rate that runs all day, as with a patch; combinations are not told apart by it."""
    if len(drug.ingredients) != 1:
        return None
    target = _ucum(drug.strengths[0], units) if drug.strengths else "mg"
    try:
        value = units.convert(rate.value, rate.unit, target)
    except UnitMismatch:
        return None
    working = f"{number(value)} {target}/h x 24 h"
    return [_Amount(value * 24, target, working, continuous=True)]


def _interval(frequency: Frequency | None) -> Decimal | None:
    if frequency is None:
        return None
    apart = frequency.period_d / frequency.count
    return apart if apart >= _INTERVAL_FROM_D else None


def _per_day(
    low: _Amount, high: _Amount, frequency: Frequency | None, interval: Decimal | None
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
    amounts = _amounts(dosage.max_per_day, drug, units, [])
    return amounts[place].value if amounts and not amounts[place].continuous else None


def _working(low: _Amount, high: _Amount, frequency: Frequency | None) -> str:
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


def _ucum(strength: Strength, units: Units) -> str:
    unit = units.find(strength.unit)
    return unit.ucum if unit else strength.unit


def number(value: Decimal) -> str:
    """A decimal without exponent and without needless zeros, at most 6 significant digits."""
    if value == value.to_integral_value():
        return format(value.quantize(Decimal(1)), "f") if abs(value) < 10**15 else str(value)
    return format(Decimal(f"{value:.6g}").normalize(), "f")
