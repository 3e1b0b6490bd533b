"""What a source says, as evidence: one Fact for each kind of record that a rule can rest on."""

from __future__ import annotations

from collections.abc import Iterable

from service.assess.exposure import Exposure, Taking, begins
from service.model.clinical import Allergy, Answer, Condition, LabResult, Visit
from service.model.evidence import Fact
from service.model.medication import MedicationEntry, PlacedLine


def line_fact(entry: MedicationEntry) -> Fact:
    """The line as evidence: what it says, since when."""
    origin = entry.origin
    return Fact(
        origin.source, origin.reference, origin.version, "medication", entry.text, begins(entry)
    )


def exposure_facts(*taken: Exposure) -> tuple[Fact, ...]:
    """Every line that an exposure rests on."""
    return tuple(line_fact(line.entry) for exposure in taken for line in _telling(exposure))


def _telling(exposure: Exposure) -> Iterable[PlacedLine]:
    """The lines in force; where none is (a past drug), all of them."""
    inactive = ("stopped",)
    if exposure.taking is Taking.PAST:
        return exposure.lines
    return [line for line in exposure.lines if line.state.value not in inactive] or exposure.lines


def result_fact(result: LabResult) -> Fact:
    shown = result.text
    if result.value is not None:
        unit = "" if result.value.unit == "1" else result.value.unit
        shown = f"{result.comparator}{result.value.value} {unit}".strip()
    elif result.value_codings:
        shown = result.value_codings[0].display or result.value_codings[0].code
    origin = result.origin
    return Fact(
        origin.source, origin.reference, origin.version, result.path, shown, result.effective
    )


def visit_fact(visit: Visit) -> Fact:
    origin = visit.origin
    return Fact(
        origin.source, origin.reference, origin.version, "status", visit.status, visit.start
    )


def condition_fact(condition: Condition) -> Fact:
    origin = condition.origin
    shown = condition.text or next((c.display or c.code for c in condition.codings), "")
    on = condition.onset or condition.recorded
    return Fact(origin.source, origin.reference, origin.version, "code", shown, on)


def answer_fact(answer: Answer) -> Fact:
    origin = answer.origin
    shown = answer.text or next((c.display or c.code for c in answer.codings), answer.status)
    return Fact(origin.source, origin.reference, origin.version, "status", shown, answer.when)


def allergy_fact(allergy: Allergy) -> Fact:
    origin = allergy.origin
    shown = allergy.text or next((c.display or c.code for c in allergy.codings), "")
    return Fact(origin.source, origin.reference, origin.version, "code", shown, allergy.recorded)
