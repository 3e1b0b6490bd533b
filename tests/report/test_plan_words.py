"""The plan in words: every part is told, and an empty part says what that means."""

from __future__ import annotations

from typing import Any

from service.report.plan_words import sections

PLAN: dict[str, Any] = {
    "calendar": [
        {
            "what": "lithium level",
            "due": "2026-03-01",
            "overdue": True,
            "rule": "monitoring/lithium-level",
            "medications": ["m-1", "m-gone"],
            "owner": "Dr. Ada Invented (psychiatry)",
            "appointment": "psychiatry:Appointment/1",
            "appointment_date": "2026-03-20",
        },
        {
            "what": "TSH",
            "due": "2026-06-01",
            "overdue": False,
            "rule": "monitoring/lithium-tsh",
            "medications": ["m-1"],
            "owner": None,
            "appointment": None,
            "appointment_date": None,
        },
    ],
    "questions": [
        {
            "finding": "f-1",
            "text": "Ask about tremor.",
            "appointment": None,
            "appointment_date": "2026-03-20",
        }
    ],
    "activities": [
        {
            "kind": "coordinated-specialty-care",
            "title": "Peer specialist: R. Invented",
            "source": "psychiatry",
            "reference": "CareTeam/1",
            "status": "active",
            "date": None,
        }
    ],
    "goals": [
        {
            "kind": "preference",
            "text": "No injections",
            "source": "psychiatry",
            "reference": "Observation/1",
            "status": "final",
            "date": "2026-01-01",
        }
    ],
    "education": [{"text": "Drink evenly.", "source": "US lithium label", "medications": ["m-1"]}],
    "timeline": [
        {
            "date": "2026-02-01",
            "kind": "side-effect",
            "what": "Drug-induced tremor",
            "value": "active",
            "source": "psychiatry",
        },
        {
            "date": "2026-02-02",
            "kind": "scale",
            "what": "PHQ-9",
            "value": "12 {score}",
            "source": "psychiatry",
        },
    ],
}
VISIT = {"date": "2026-03-20", "kind": "appointment", "status": "booked", "source": "psychiatry"}


def told(plan: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    content = {
        "as_of": "2026-03-10",
        "medications": [{"id": "m-1", "display": "lithium carbonate 300 mg capsule"}],
        "findings": [{"id": "f-1", "title": "Lithium level too high"}],
        "context": {
            "visits": [
                {**VISIT, "date": "2026-01-20", "with": ["Dr. Before"]},
                {**VISIT, "with": ["Dr. Ada Invented"]},
            ]
        },
        "plan": plan,
    }
    return {section.title: section.lines for section in sections(content)}


def test_a_test_stands_with_its_day_its_owner_and_the_visit_that_can_serve_it() -> None:
    overdue, later = told(PLAN)["Monitoring calendar"]
    assert overdue == (
        "lithium level (lithium carbonate 300 mg capsule): OVERDUE since 2026-03-01, "
        "owner Dr. Ada Invented (psychiatry); at the visit of 2026-03-20"
    )
    assert "due 2026-06-01, owner nobody named; no visit is booked for it" in later


def test_only_visits_to_come_are_follow_up_visits() -> None:
    assert told(PLAN)["Follow-up visits"] == ("2026-03-20: Dr. Ada Invented (booked, psychiatry)",)


def test_a_question_names_its_finding_and_its_visit() -> None:
    (asked,) = told(PLAN)["To ask the patient"]
    assert asked == "Ask about tremor. (Lithium level too high, at the visit of 2026-03-20)"


def test_team_roles_preferences_and_teaching_are_told_with_their_source() -> None:
    parts = told(PLAN)
    (role,) = parts["Therapy and team care"]
    assert role == ("Coordinated specialty care: Peer specialist: R. Invented (active, psychiatry)")
    (goal,) = parts["Goals and preferences"]
    assert goal == "No injections (preference, final, 2026-01-01, psychiatry)"
    (taught,) = parts["What to teach"]
    assert taught == "Drink evenly. (lithium carbonate 300 mg capsule) [US lithium label]"


def test_side_effects_stand_beside_scores_without_the_annotation_of_a_unit() -> None:
    effect, score = told(PLAN)["Doses, scores and side effects over time"]
    assert effect == "2026-02-01 side effect: Drug-induced tremor active (psychiatry)"
    assert score == "2026-02-02 score: PHQ-9 12 (psychiatry)"


def test_every_part_says_what_it_means_that_nothing_is_there() -> None:
    content = {"as_of": "2026-03-10", "medications": [], "findings": []}
    found = sections(content)
    assert len(found) == len(told(PLAN))
    assert all(not section.lines and section.empty.endswith(".") for section in found)
