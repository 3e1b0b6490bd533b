"""The dosages of one line, with the doses that follow from them on the day asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from service.model.concept import DrugConcept
from service.model.dosage import DailyDose, Dosage, Quantity
from service.normalize.amount import shown
from service.normalize.daily_dose import daily_doses, one_dose
from service.normalize.dosage import Instruction, instructions
from service.normalize.dosage_amount import DailyDoses
from service.normalize.dosage_text import different
from service.normalize.steps import depends_on_day, placed
from service.normalize.tables import Tables
from service.normalize.timing import in_words
from service.normalize.units import Units
from service.normalize.wire.dosage import DosageInstruction


class Doses(msgspec.Struct, frozen=True, gc=False):
    """A line's dosages with what follows from them on the day asked."""

    dosages: tuple[Dosage, ...] = ()
    daily: tuple[DailyDose, ...] = ()
    interval_d: Decimal | None = None
    as_needed: bool = False
    timing: str = ""
    route: str = ""
    starts: date | None = None
    ends: date | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """The instructions of a line as read.

    `dated`: what follows from them depends on the day asked and on the line's first day. `begins`
    is the first start that they state, as written.
    """

    parts: tuple[Instruction, ...]
    dosages: tuple[Dosage, ...]
    dated: bool
    begins: str


def directions(found: tuple[DosageInstruction, ...], tables: Tables) -> Directions:
    """What the instructions of a line say, whatever its drug and the day."""
    parts = instructions(found, tables)
    dosages = tuple(dosage for one in parts for dosage in one.dosages)
    told = tuple(dosage for one in parts for dosage in one.told)
    repeats = (one.timing.repeat for one in found if one.timing and one.timing.repeat)
    starts = (one.bounds_period.start for one in repeats if one.bounds_period)
    dated = depends_on_day(dosages) or depends_on_day(told)
    return Directions(parts, dosages, dated, next(starts, ""))


@lru_cache(maxsize=32768)
def doses_of(
    read: Directions,
    drug: DrugConcept | None,
    tables: Tables,
    as_of: date,
    begins: date | None,
    *,
    one_dose_only: bool = False,
) -> tuple[Doses, tuple[str, ...]]:
    """What directions come to on the day asked, and what is wrong with them.

    Args:
        read: the same object for the same words, by which the doses are remembered.
        as_of, begins: the day asked and the line's first day, from which the steps of a taper are
            counted; any where the directions are not dated.
        one_dose_only: the instructions tell what was given once, not what is given a day.
    """
    if not read.parts:
        return Doses(), ()
    problems = [problem for one in read.parts for problem in one.problems]
    dosages, units = read.dosages, tables.units
    if any(one.refused for one in read.parts):
        daily = DailyDoses()
    elif one_dose_only and dosages and dosages[0].dose:
        daily = one_dose(dosages[0].dose, drug, units)
    else:
        daily = daily_doses(dosages, drug, units, as_of, begins)
        dosages = _compared(read.parts, dosages, daily, drug, units, as_of, begins)
    problems.extend(daily.problems)
    if any(dosage.conflict for dosage in dosages):
        problems.append("text and structure of the dosage disagree; no dose was taken from it")
        daily = DailyDoses()
    dated = placed(dosages, begins)
    doses = Doses(
        dosages=dated,
        daily=daily.doses,
        interval_d=daily.interval_d,
        as_needed=bool(dated) and all(dosage.as_needed for dosage in dated),
        timing="; ".join(dict.fromkeys(filter(None, map(_timing, dated)))),
        route=next((dosage.route for dosage in dated if dosage.route), ""),
        starts=min((one.starts for one in dosages if one.starts), default=None),
        ends=max((one.ends for one in dated if one.ends), default=None)
        if all(one.ends for one in dated)
        else None,
    )
    return doses, tuple(problems)


def _compared(
    read: Sequence[Instruction],
    dosages: tuple[Dosage, ...],
    daily: DailyDoses,
    drug: DrugConcept | None,
    units: Units,
    as_of: date,
    begins: date | None,
) -> tuple[Dosage, ...]:
    """The dosages, in conflict where the text alone leads to another dose per day."""
    if len(read) != 1 or not read[0].told or not dosages or dosages[0].conflict:
        return dosages
    told = daily_doses(read[0].told, drug, units, as_of, begins)
    for ours, said in zip(daily.doses, told.doses, strict=False):
        if ours.value is None or said.value is None or ours.unit != said.unit:
            continue
        if told.interval_d == daily.interval_d and different(ours.value, said.value):
            one, other = Quantity(said.value, said.unit), Quantity(ours.value, ours.unit)
            conflict = f"the text says {shown(one)} a day, the structure {shown(other)}"
            return (replace(dosages[0], conflict=conflict), *dosages[1:])
    return dosages


def _timing(dosage: Dosage) -> str:
    """The timing in words, or the text as it stands where nothing could be read from it."""
    words = in_words(dosage.frequency) if dosage.frequency else ""
    if dosage.as_needed:
        words = f"{words} as needed".strip()
        if dosage.as_needed_for:
            words += f" for {dosage.as_needed_for}"
    return words or dosage.text
