"""What a supply comes to a day, where no direction says a dose: quantity by the days it lasts."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from msgspec.structs import replace

from service.model.concept import DrugConcept
from service.model.dosage import Quantity
from service.normalize.daily_dose import supplied_dose
from service.normalize.dosage_amount import DailyDoses
from service.normalize.line_doses import Doses
from service.normalize.units import Units
from service.normalize.wire import base


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
