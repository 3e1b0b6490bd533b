"""A dosage's structure beside its text: where one is silent the other speaks, else they must agree.

Source: text-structure-conflict in the catalogue of findings.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from service.errors import UnitMismatch
from service.model.dosage import Dosage
from service.normalize.amount import shown
from service.normalize.timing import in_words
from service.normalize.units import Units

TOLERANCE = Decimal("0.01")


def from_text(part: Dosage, structured: Dosage) -> Dosage:
    """A reading of the text, with what the structure knows besides dose and frequency."""
    return replace(
        part,
        text=structured.text,
        sequence=part.sequence if part.sequence is not None else structured.sequence,
        as_needed=part.as_needed or structured.as_needed,
        as_needed_for=structured.as_needed_for or part.as_needed_for,
        max_per_day=structured.max_per_day or part.max_per_day,
        route=structured.route or part.route,
        starts=structured.starts,
        ends=structured.ends,
        duration_d=structured.duration_d or part.duration_d,
    )


def merged(structured: Dosage, told: Dosage, units: Units) -> Dosage:
    """The structure, filled from the text where it is silent."""
    frequency = structured.frequency or told.frequency
    if frequency and told.frequency and not frequency.when and not frequency.days:
        frequency = replace(frequency, when=told.frequency.when, days=told.frequency.days)
    return replace(
        structured,
        dose=structured.dose or told.dose,
        dose_high=structured.dose_high if structured.dose else told.dose_high,
        amount=told.amount,
        rate=structured.rate or told.rate,
        worn_h=told.worn_h,
        sides=_sides(structured, told, units),
        frequency=frequency,
        as_needed=structured.as_needed or told.as_needed,
        as_needed_for=structured.as_needed_for or told.as_needed_for,
        max_per_day=structured.max_per_day or told.max_per_day,
        route=structured.route or told.route,
        duration_d=structured.duration_d
        or (told.duration_d if not (structured.ends or structured.starts) else None),
    )


def _sides(structured: Dosage, told: Dosage, units: Units) -> int:
    """Both sides, unless the structured dose counts them already (4 sprays: 2 in each nostril)."""
    if structured.dose is None or told.dose is None:
        return told.sides
    counted = _both_sides(told, structured.dose.unit, units)
    return 1 if counted is not None and counted == structured.dose.value else told.sides


def _both_sides(told: Dosage, unit: str, units: Units) -> Decimal | None:
    """What a text's dose for each of two sides comes to, in this unit; None for one side."""
    if told.sides == 1 or told.dose is None:
        return None
    try:
        return units.convert(told.dose.value * told.sides, told.dose.unit, unit)
    except UnitMismatch:
        return None


def disagreement(structured: Dosage, told: Dosage, units: Units) -> str:
    """How text and structure disagree, in words; empty where they do not, or cannot be compared."""
    if structured.frequency and told.frequency:
        ours, theirs = structured.frequency, told.frequency
        if different(ours.per_day, theirs.per_day):
            return f"the text says {in_words(theirs)}, the structure {in_words(ours)}"
    if structured.dose is None:
        return ""
    stated = [dose for dose in (told.dose, told.amount) if dose is not None]
    for dose in stated:
        try:
            value = units.convert(dose.value, dose.unit, structured.dose.unit)
        except UnitMismatch:
            continue
        highest = told.dose_high.value if told.dose_high else value
        if _both_sides(told, structured.dose.unit, units) == structured.dose.value:
            return ""
        if different(value, structured.dose.value) and different(highest, structured.dose.value):
            return f"the text says {shown(dose)}, the structure {shown(structured.dose)}"
        return ""
    return ""


def different(one: Decimal, other: Decimal) -> bool:
    """Whether two amounts differ by more than one part in a hundred (finding dose-mismatch)."""
    return abs(one - other) > TOLERANCE * max(abs(one), abs(other))
