"""What a supply comes to a day, where no direction says a dose, and what of it cannot be meant."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from msgspec.structs import replace

from service.model.concept import DrugConcept
from service.model.dosage import Quantity
from service.normalize.daily_dose import supplied_dose
from service.normalize.dates import first_day, last_day
from service.normalize.dosage_amount import DailyDoses
from service.normalize.line_doses import Doses
from service.normalize.units import Units
from service.normalize.wire import base

_MOST_FORMS_A_DAY = 1000


def by_supply(
    doses: Doses,
    quantity: base.Quantity | None,
    days_supply: Decimal | None,
    drug: DrugConcept | None,
    units: Units,
    how: str,
) -> Doses:
    """The doses with what a quantity comes to a day in the days it is meant for.

    Args:
        how: what was done with the quantity: "supplied", or "ordered".
    """
    if quantity is None or not days_supply:
        return doses
    told = _supplied(quantity, days_supply, drug, units, how)
    if told is None:
        return doses
    return replace(doses, daily=told.doses, interval_d=told.interval_d)


@lru_cache(maxsize=8192)
def _supplied(
    quantity: base.Quantity, days_supply: Decimal, drug: DrugConcept | None, units: Units, how: str
) -> DailyDoses | None:
    """What a supply comes to a day; None without an amount. Remembered, as packs repeat a lot."""
    unit = units.of(quantity)
    if unit is None or not quantity.value:
        return None
    amount = Quantity(quantity.value, unit.ucum)
    return supplied_dose(amount, days_supply, drug, units, how=how)


def beyond_taking(packed: base.Quantity, days_supply: Decimal | None, units: Units) -> bool:
    """Whether so many dose forms cannot be taken in the days that they are supplied for."""
    unit = units.of(packed)
    if packed.value is None or days_supply is None or unit is None or not unit.is_count:
        return False
    return packed.value > _MOST_FORMS_A_DAY * days_supply


def invalid(validity: base.Period | None) -> tuple[str, ...]:
    """What is wrong with the time in which an order may be dispensed."""
    begins, ends = (first_day(validity.start), last_day(validity.end)) if validity else (None, None)
    if begins is None or ends is None or begins <= ends:
        return ()
    return (f"validityPeriod ends on {ends}, before it starts on {begins}",)
