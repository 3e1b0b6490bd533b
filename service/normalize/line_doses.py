"""The dosages of one line, with the doses that follow from them on the day asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from service.model.dosage import DailyDose, Dosage, Quantity
from service.model.medication import MedicationEntry
from service.normalize.amount import shown
from service.normalize.context import Context, Notes
from service.normalize.daily_dose import DailyDoses, daily_doses, one_dose
from service.normalize.dosage import Instruction, different, instructions
from service.normalize.steps import placed
from service.normalize.timing import in_words
from service.normalize.wire.dosage import DosageInstruction


@dataclass(frozen=True, slots=True)
class Doses:
    """A line's dosages with what follows from them on the day asked."""

    dosages: tuple[Dosage, ...] = ()
    daily: tuple[DailyDose, ...] = ()
    interval_d: Decimal | None = None
    as_needed: bool = False
    timing: str = ""
    route: str = ""
    starts: date | None = None
    ends: date | None = None


def doses_of(
    found: Sequence[DosageInstruction],
    line: MedicationEntry,
    context: Context,
    notes: Notes,
    begins: date | None,
    *,
    one_dose_only: bool = False,
) -> Doses:
    read = instructions(found, context.tables)
    for one in read:
        for problem in one.problems:
            notes.say(problem)
    dosages = tuple(dosage for one in read for dosage in one.dosages)
    drug, units = line.resolution.drug, context.tables.units
    if any(one.refused for one in read):
        daily = DailyDoses()
    elif one_dose_only and dosages and dosages[0].dose:
        daily = one_dose(dosages[0].dose, drug, units)
    else:
        daily = daily_doses(dosages, drug, units, context.as_of, begins)
        dosages = _compared(read, dosages, daily, line, context, begins)
    for problem in daily.problems:
        notes.say(problem)
    if any(dosage.conflict for dosage in dosages):
        notes.say("text and structure of the dosage disagree; no dose was taken from it")
        daily = DailyDoses()
    dated = placed(dosages, begins)
    return Doses(
        dosages=dated,
        daily=daily.doses,
        interval_d=daily.interval_d,
        as_needed=bool(dated) and all(dosage.as_needed for dosage in dated),
        timing="; ".join(dict.fromkeys(filter(None, map(_timing, dated)))),
        route=next((dosage.route for dosage in dated if dosage.route), "")
        or (drug.route if drug else ""),
        starts=min((one.starts for one in dosages if one.starts), default=None),
        ends=max((one.ends for one in dated if one.ends), default=None)
        if all(one.ends for one in dated)
        else None,
    )


def _compared(
    read: Sequence[Instruction],
    dosages: tuple[Dosage, ...],
    daily: DailyDoses,
    line: MedicationEntry,
    context: Context,
    begins: date | None,
) -> tuple[Dosage, ...]:
    """The dosages, in conflict where the text alone leads to another dose per day."""
    if len(read) != 1 or not read[0].told or not dosages or dosages[0].conflict:
        return dosages
    told = daily_doses(
        read[0].told, line.resolution.drug, context.tables.units, context.as_of, begins
    )
    for ours, said in zip(daily.doses, told.doses, strict=False):
        if ours.value is None or said.value is None or ours.unit != said.unit:
            continue
        if told.interval_d == daily.interval_d and different(ours.value, said.value):
            one, other = Quantity(said.value, said.unit), Quantity(ours.value, ours.unit)
            conflict = f"the text says {shown(one)} a day, the structure {shown(other)}"
            return (replace(dosages[0], conflict=conflict), *dosages[1:])
    return dosages


def with_doses(line: MedicationEntry, doses: Doses) -> MedicationEntry:
    drug = line.resolution.drug
    return replace(
        line,
        dosages=doses.dosages,
        daily_doses=doses.daily,
        interval_d=doses.interval_d,
        as_needed=doses.as_needed,
        route=doses.route or (drug.route if drug else ""),
        timing=doses.timing,
        start=doses.starts,
        end=doses.ends,
    )


def _timing(dosage: Dosage) -> str:
    """The timing in words, or the text as it stands where nothing could be read from it."""
    words = in_words(dosage.frequency) if dosage.frequency else ""
    if dosage.as_needed:
        words = f"{words} as needed".strip()
        if dosage.as_needed_for:
            words += f" for {dosage.as_needed_for}"
    return words or dosage.text
