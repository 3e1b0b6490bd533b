"""What a source says, as evidence: one Fact for each kind of record that a rule can rest on."""

from __future__ import annotations

from service.assess.exposure import Exposure
from service.assess.exposure import line_fact as line_fact
from service.model.clinical import Allergy, Answer, Condition, LabResult, Visit
from service.model.evidence import Fact


def exposure_facts(*taken: Exposure) -> tuple[Fact, ...]:
    """Every line that an exposure rests on."""
    if len(taken) == 1:
        return taken[0].facts
    return tuple([fact for exposure in taken for fact in exposure.facts])


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
