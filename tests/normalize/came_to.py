"""The daily doses of a line in one string, as a pharmacist writes them beside an order.

    name 50 mg          taken every day         name 156 mg / 28 d  one interval's dose
    name <= 4 mg        as needed, at most      name 50 to 100 mg   a range
    -                   no dose follows         !                   text and structure disagree

Several ingredients are joined by +.
"""

from __future__ import annotations

from decimal import Decimal

from service.model.dosage import DailyDose
from service.model.medication import MedicationEntry


def written(one: DailyDose, names: dict[str, str], interval: Decimal | None) -> str:
    name = names[one.rxcui]
    if one.value is None:
        return f"{name} <= {plain(one.max)} {one.unit}" if one.max else f"{name} <= ?"
    top = f" to {plain(one.max)}" if one.max is not None else ""
    every = f" / {plain(interval)} d" if interval else ""
    return f"{name} {plain(one.value)}{top} {one.unit}{every}"


def plain(value: Decimal | None) -> str:
    assert value is not None
    return f"{float(value):.6g}"


def came_to(found: MedicationEntry) -> str:
    if any(dosage.conflict for dosage in found.dosages):
        assert not found.daily_doses
        return "!"
    names = {one.rxcui: one.name for one in found.ingredients}
    return " + ".join(written(d, names, found.interval_d) for d in found.daily_doses) or "-"
