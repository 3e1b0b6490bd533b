"""CarePlan: the pharmacist's action plan, ours alone; nobody else's plan is touched.

Sources: Standardized Medication Profile (category SNOMED 736378000, supportingInfo of
DetectedIssues), Multiple Chronic Conditions care plan (activity by reference, never detail), US
Core (category assess-plan, text).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.write.codes import ASSESS_PLAN, MANAGEMENT_PLAN, SIGNED, WITHHELD, concept
from service.write.elements import compact, instant, meta, narrative, person, printable
from service.write.identity import identifier
from service.write.target import Desk

TYPE = "CarePlan"


def build(
    desk: Desk,
    issues: Sequence[tuple[str, str]],
    tasks: Sequence[tuple[str, str]],
    labels: frozenset[str],
) -> dict[str, Any]:
    """The plan over these issues and tasks, each as (key, title); at least one issue."""
    at = instant(desk.signing.at)
    tags = [SIGNED, WITHHELD] if desk.withheld else [SIGNED]
    return compact(
        {
            "resourceType": TYPE,
            "meta": meta(tags, labels),
            "text": narrative("Medication action plan", [title for _, title in (*issues, *tasks)]),
            "identifier": [identifier(desk.standing_key(TYPE))],
            "status": "active",
            "intent": "plan",
            "category": [concept(MANAGEMENT_PLAN), concept(ASSESS_PLAN)],
            "title": "Medication action plan",
            "subject": desk.patient_reference(),
            "created": at,
            "author": person(desk.signing.by),
            "supportingInfo": [
                desk.ours("DetectedIssue", key, printable(title)) for key, title in issues
            ],
            "activity": [
                {"reference": desk.ours("Task", key, printable(title))} for key, title in tasks
            ],
        }
    )
