"""FHIR Dosage (R4 and STU3) as Dosage: structure first, the text where the structure is silent.

Where both speak, they are compared, and what they say differently stands in `Dosage.conflict`.
Sources: HL7 FHIR R4 (4.0.1), Dosage; text-structure-conflict in the catalogue of findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from service.model.dosage import Dosage, Quantity
from service.normalize.amount import shown
from service.normalize.concept import text_of
from service.normalize.dosage_text import disagreement, from_text, merged
from service.normalize.tables import Tables
from service.normalize.timing import Scheduled, scheduled
from service.normalize.units import Units
from service.normalize.wire import base
from service.normalize.wire import dosage as wire

_MOST_FORMS_AT_ONCE = 100
_MOST_AT_ONCE = {"mass": Decimal(1_000_000), "volume": Decimal(10_000)}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One dosage instruction: what holds, what its text alone says, and what is wrong with it.

    `dosages` is one for a structured instruction, several where only the text tells steps or parts.
    `told` is empty where the text was not read. `refused` forbids any dose from it.
    """

    dosages: tuple[Dosage, ...]
    told: tuple[Dosage, ...] = ()
    problems: tuple[str, ...] = ()
    refused: bool = False


def instructions(
    found: Sequence[wire.DosageInstruction], tables: Tables
) -> tuple[Instruction, ...]:
    """Every instruction of a line, in the order of the source."""
    return tuple(_instruction(one, tables) for one in found)


def _instruction(found: wire.DosageInstruction, tables: Tables) -> Instruction:
    problems: list[str] = []
    when = scheduled(found.timing, tables.units, tables.frequencies)
    problems.extend(when.problems)
    structured = _structured(found, when, tables, problems)
    refused = bool(when.contradiction) or _impossible(structured, tables.units, problems)
    text = found.text or found.patient_instruction
    told = tables.grammar.read(text) if text else ()
    if refused:
        return Instruction((structured,), told, tuple(problems), refused=True)
    if not told:
        return Instruction((structured,), (), tuple(problems))
    if structured.dose is None and structured.frequency is None and structured.rate is None:
        dosages = tuple(from_text(part, structured) for part in told)
        refused = sum(_impossible(part, tables.units, problems) for part in dosages) > 0
        return Instruction(dosages, (), tuple(problems), refused)
    if len(told) > 1:
        return Instruction((structured,), told, tuple(problems))
    conflict = disagreement(structured, told[0], tables.units)
    whole = (
        replace(structured, conflict=conflict)
        if conflict
        else merged(structured, told[0], tables.units)
    )
    return Instruction((whole,), told, tuple(problems))


def _structured(
    found: wire.DosageInstruction, when: Scheduled, tables: Tables, problems: list[str]
) -> Dosage:
    low, high, rate = _dose_and_rate(found)
    if low is not None and high is None and rate is None and _per_hour(low, found, tables.units):
        low, rate = None, low
    units = tables.units
    read = any((low, high, rate, when.frequency, found.as_needed_boolean))
    return Dosage(
        text=found.text or found.patient_instruction,
        sequence=found.sequence,
        dose=_quantity(low, units, problems),
        dose_high=_quantity(high, units, problems),
        frequency=when.frequency,
        rate=_per_hour(rate, found, units),
        as_needed=bool(found.as_needed_boolean) or found.as_needed_codeable_concept is not None,
        as_needed_for=text_of(found.as_needed_codeable_concept),
        max_per_day=_per_day(found.max_dose_per_period, units, problems),
        route=tables.routes.of(found.route),
        starts=when.starts,
        ends=when.ends,
        duration_d=when.duration_d,
        read_from="structure" if read else "nothing",
    )


def _dose_and_rate(
    found: wire.DosageInstruction,
) -> tuple[base.Quantity | None, base.Quantity | None, base.Quantity | None]:
    """Low dose, high dose and rate; what was ordered counts before what was calculated."""
    ordered = sorted(
        found.dose_and_rate,
        key=lambda one: text_of(one.type).lower() == "calculated",
    )
    quantity, span, rate = found.dose_quantity, found.dose_range, found.rate_quantity
    for one in ordered:
        if quantity is None and span is None:
            quantity, span = one.dose_quantity, one.dose_range
        rate = rate or one.rate_quantity
    if quantity is not None:
        return quantity, None, rate
    if span is not None:
        return span.low, span.high, rate
    return None, None, rate


def _quantity(found: base.Quantity | None, units: Units, problems: list[str]) -> Quantity | None:
    if found is None or found.value is None:
        return None
    unit = units.of(found)
    if unit is None:
        said = found.code or found.unit
        if "/" not in said:
            problems.append(f"the unit {said!r} of a dose is not known")
        return Quantity(found.value, said)
    return Quantity(found.value, unit.ucum)


def _per_day(found: base.Ratio | None, units: Units, problems: list[str]) -> Quantity | None:
    if found is None or found.numerator is None or found.denominator is None:
        return None
    amount = _quantity(found.numerator, units, problems)
    span = found.denominator
    unit = units.of(span)
    if amount is None or unit is None or unit.kind != "time" or not span.value or span.value < 0:
        return None
    return Quantity(amount.value / (span.value * unit.factor), amount.unit)


def _per_hour(
    rate: base.Quantity | None, found: wire.DosageInstruction, units: Units
) -> Quantity | None:
    """An amount per hour from a rate such as `25 ug/h` or a ratio of an amount and a time."""
    ratio = found.rate_ratio or next(
        (one.rate_ratio for one in found.dose_and_rate if one.rate_ratio), None
    )
    if rate is not None and rate.value is not None:
        amount, _, time = (rate.code or rate.unit).partition("/")
        part, span = units.find(amount), units.find(time)
        value, length = rate.value, Decimal(1)
    elif ratio and ratio.numerator and ratio.denominator and ratio.numerator.value is not None:
        part, span = units.of(ratio.numerator), units.of(ratio.denominator)
        value, length = ratio.numerator.value, ratio.denominator.value or Decimal(0)
    else:
        return None
    if part is None or span is None or span.kind != "time" or length <= 0 or value <= 0:
        return None
    return Quantity(value / (length * span.factor * 24), part.ucum)


def _impossible(found: Dosage, units: Units, problems: list[str]) -> bool:
    """Whether a dose is negative, zero, upside down or beyond anything that is taken."""
    before = len(problems)
    for dose in (found.dose, found.dose_high, found.max_per_day):
        if dose is None:
            continue
        unit = units.find(dose.unit)
        most = _MOST_AT_ONCE.get(unit.kind) if unit else None
        if unit and unit.is_count:
            most = Decimal(_MOST_FORMS_AT_ONCE)
        if not dose.value.is_finite() or dose.value <= 0 or (most and dose.value > most):
            problems.append(f"a dose of {shown(dose)} is not possible; no dose was taken from it")
    low, high = found.dose, found.dose_high
    if high and low is None:
        problems.append(f"a dose range up to {shown(high)} has no lower end: read as a maximum")
    if low and high and low.unit == high.unit and low.value > high.value:
        problems.append(f"a dose range from {shown(low)} to {shown(high)} is upside down")
    refused = len(problems) > before + (high is not None and low is None)
    if found.starts and found.ends and found.starts > found.ends:
        problems.append(f"the dosage ends on {found.ends}, before it starts on {found.starts}")
    return refused
