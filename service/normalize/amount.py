"""What one take gives of each ingredient, of dose forms, volumes, patches and combinations.

Source: RxNorm technical documentation (strengths per dose form, mL, hour or actuation).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from service.errors import UnitMismatch
from service.model.concept import AdministrationClass, DrugConcept, Strength
from service.model.dosage import Quantity
from service.normalize.units import Unit, Units

_HOURS_WORN = re.compile(r"(\d{1,3}) HR ", re.IGNORECASE)
_ONE_DOSE_FORMS = frozenset({"Prefilled Syringe", "Auto-Injector"})
_BODY = {"kg": "body weight", "m2": "body surface"}
_FORMS_TAKEN = tuple(Decimal(number) / 2 for number in range(1, 13))


@dataclass(frozen=True, slots=True)
class Amount:
    """What one take gives of one ingredient; `continuous` amounts are per day already (patches)."""

    value: Decimal
    unit: str
    working: str
    continuous: bool = False


def amounts_of(
    dose: Quantity,
    drug: DrugConcept,
    units: Units,
    problems: list[str],
    worn_h: Decimal | None = None,
) -> list[Amount] | None:
    """What `dose` holds of each ingredient, in the unit of its strength, in their order.

    None where it cannot be told: no strength is known, doses by body weight, preparations that act
    where they are applied. What contradicts the product is added to `problems` as well.
    `worn_h` are the hours that the direction has a patch worn, where it says them.
    """
    unit = units.find(dose.unit)
    if unit is None:
        _, slash, per = dose.unit.partition("/")
        if slash:
            if by := _BODY.get(per.partition("/")[0].lower()):
                problems.append(f"a dose of {shown(dose)} needs the {by}, which is not known here")
            return None
        problems.append(f"a dose in {dose.unit!r} cannot be turned into an amount of {drug.name}")
        return None
    if not drug.strengths:
        if len(drug.ingredients) != 1 or unit.is_count or unit.kind in ("volume", "time"):
            return None
        stated = Amount(dose.value, unit.ucum, shown(dose))
        if unit.kind == "mass":
            value = units.convert(dose.value, unit.ucum, "mg")
            stated = Amount(value, "mg", f"{number(value)} mg")
        return [_as_salt(stated, drug.ingredients[0].rxcui, units)]
    ordered = _in_order(drug)
    if ordered is None:
        return None
    found = _by_strength(dose, unit, ordered, drug, units, problems, worn_h)
    return found and [
        _as_salt(one, strength.rxcui, units) for one, strength in zip(found, ordered, strict=True)
    ]


def _as_salt(amount: Amount, rxcui: str, units: Units) -> Amount:
    """Milliequivalents or millimoles of an ion as mg of its salt: 8 meq of lithium are 300 mg."""
    if rxcui not in units.ions or amount.unit not in ("meq", "mmol"):
        return amount
    value = units.convert(amount.value, amount.unit, "mg", rxcui=rxcui)
    return Amount(value, "mg", f"{amount.working} ({number(value)} mg)")


def _by_strength(
    dose: Quantity,
    unit: Unit,
    ordered: list[Strength],
    drug: DrugConcept,
    units: Units,
    problems: list[str],
    worn_h: Decimal | None,
) -> list[Amount] | None:
    """The amounts in the units of the strengths, in their order."""
    try:
        if unit.is_count:
            return [_of_count(dose.value, one, drug, units, unit.kind, worn_h) for one in ordered]
        if unit.kind == "volume":
            return [_of_volume(dose.value, unit.ucum, one, units) for one in ordered]
        if len(ordered) == 1:
            return [_of_amount(dose, ordered[0], units)]
        return _of_combination(dose, ordered, units, summed=drug.stated_as_sum)
    except UnitMismatch as error:
        if drug.dose_form and drug.administration is not AdministrationClass.LOCAL:
            problems.append(f"a dose of {shown(dose)} of {drug.name}: {error}")
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
    count: Decimal,
    strength: Strength,
    drug: DrugConcept,
    units: Units,
    kind: str,
    worn_h: Decimal | None,
) -> Amount:
    target, per = _ucum(strength, units), strength.per_unit
    said = f"{number(strength.value)} {target}"
    if per is None:
        if kind in ("drop", "application"):
            raise UnitMismatch(f"the strength is per dose form, not per {kind}")
        working = said if count == 1 else f"{number(count)} x {said}"
        return Amount(count * strength.value, target, working)
    unit = units.find(per)
    if unit is not None and unit.kind == "time":
        worn = _HOURS_WORN.search(drug.name)
        hours = worn_h or (min(Decimal(worn[1]), Decimal(24)) if worn else Decimal(24))
        per_hours = strength.per_value * unit.factor * 24
        value = count * strength.value * hours / per_hours
        times = "" if count == 1 else f"{number(count)} x "
        return Amount(value, target, f"{times}{said}/h x {number(hours)} h", continuous=True)
    if unit is not None and unit.kind == "actuation" and kind in ("actuation", "count"):
        value = count * strength.value / strength.per_value
        return Amount(value, target, f"{number(count)} x {said}")
    filled = drug.container if drug.container_unit == "mL" else None
    one_dose = drug.dose_form in _ONE_DOSE_FORMS or (
        drug.administration is AdministrationClass.DEPOT
    )
    if unit is not None and unit.kind == "volume" and filled and one_dose and kind == "count":
        return _of_volume(count * filled, "mL", strength, units)
    raise UnitMismatch(f"the strength is per {per}, not per dose form")


def _of_volume(value: Decimal, unit: str, strength: Strength, units: Units) -> Amount:
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
    return Amount(amount, target, working)


def _of_amount(dose: Quantity, strength: Strength, units: Units) -> Amount:
    target = _ucum(strength, units)
    per = units.find(strength.per_unit) if strength.per_unit else None
    if per is not None and per.kind == "mass":
        weight = units.convert(dose.value, dose.unit, per.ucum)
        value = weight * strength.value / strength.per_value
        return Amount(value, target, f"{number(weight)} {per.ucum} of the preparation")
    given = units.find(dose.unit)
    in_salt = given is not None and given.kind == "mass" and target in ("meq", "mmol")
    if in_salt and strength.rxcui in units.ions:
        target = "mg"
    value = units.convert(dose.value, dose.unit, target, rxcui=strength.rxcui)
    return Amount(value, target, f"{number(value)} {target}")


def _of_combination(
    dose: Quantity, strengths: Sequence[Strength], units: Units, *, summed: bool
) -> list[Amount] | None:
    """An amount of a combination, where only one number of dose forms can be meant by it.

    `summed`: people state this combination as one sum, so that nothing else can be meant.
    """
    if any(one.per_unit for one in strengths):
        return None
    amounts = [
        units.convert(one.value, _ucum(one, units), dose.unit, rxcui=one.rxcui) for one in strengths
    ]
    meant = (sum(amounts),) if summed else (*amounts, sum(amounts))
    counts = {dose.value / amount for amount in meant if amount > 0}
    possible = {count for count in counts if count in _FORMS_TAKEN}
    if len(possible) != 1:
        return None
    count = possible.pop()
    return [
        Amount(
            count * one.value,
            _ucum(one, units),
            f"{number(count)} x {number(one.value)} {_ucum(one, units)}",
        )
        for one in strengths
    ]


def amounts_by_rate(rate: Quantity, drug: DrugConcept, units: Units) -> list[Amount] | None:
    """A rate that runs all day, as with a patch; combinations are not told apart by it."""
    if len(drug.ingredients) != 1:
        return None
    target = _ucum(drug.strengths[0], units) if drug.strengths else "mg"
    try:
        value = units.convert(rate.value, rate.unit, target)
    except UnitMismatch:
        return None
    working = f"{number(value)} {target}/h x 24 h"
    return [Amount(value * 24, target, working, continuous=True)]


def _ucum(strength: Strength, units: Units) -> str:
    unit = units.find(strength.unit)
    return unit.ucum if unit else strength.unit


def shown(quantity: Quantity) -> str:
    """`2 tablet`, `50 mg`: a quantity as a person reads it."""
    unit = quantity.unit.strip("{}").replace("[drp]", "drop").replace("[iU]", "unit")
    return number(quantity.value) if unit == "1" else f"{number(quantity.value)} {unit}".strip()


def number(value: Decimal) -> str:
    """A decimal without exponent and without needless zeros, at most 6 significant digits."""
    if not value.is_finite() or abs(value.adjusted()) > 15:
        return str(value)[:16]
    return _plain(value)


@lru_cache(maxsize=4096)
def _plain(value: Decimal) -> str:
    if value == value.to_integral_value():
        return format(value.quantize(Decimal(1)), "f")
    return format(Decimal(f"{value:.6g}").normalize(), "f")
