"""The written CarePlan: calendar and teaching in words, the target's own things as references."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from service.fhir.release import check
from service.model.around import PatientWord
from service.model.review import PlannedWrite
from service.write.gate import problems
from service.write.known import Known
from service.write.plan import plan
from service.write.target import ORDER, Signing, WriteTarget
from tests.write.synthetic import AT, PHARMACIST, PSYCHIATRIST, all_decided, report, reviewed

PSYCHIATRY = WriteTarget(
    "psychiatry", "https://psy.example/fhir", frozenset(ORDER), transactions=True
)
PRIMARY_CARE = replace(PSYCHIATRY, name="primary-care", base_url="https://pc.example/fhir")
ITEMS = {
    "calendar": [
        {
            "what": "lithium level",
            "due": "2026-03-20",
            "overdue": False,
            "rule": "monitoring/lithium-level",
            "medications": ["m-li"],
            "owner": "Dr Moss (psychiatry)",
            "appointment": "psychiatry:Appointment/3",
            "appointment_date": "2026-03-20",
        }
    ],
    "questions": [],
    "activities": [
        {
            "kind": "cbt",
            "title": "Cognitive behavioral therapy",
            "source": "psychiatry",
            "reference": "ServiceRequest/5",
            "status": "active",
            "date": None,
        },
        {
            "kind": "coordinated-specialty-care",
            "title": "Team leader",
            "source": "psychiatry",
            "reference": "CareTeam/6",
            "status": "active",
            "date": None,
        },
    ],
    "goals": [
        {
            "kind": "goal",
            "text": "Back to work",
            "source": "psychiatry",
            "reference": "Goal/7",
            "status": "active",
            "date": None,
        },
        {
            "kind": "preference",
            "text": "No injections",
            "source": "psychiatry",
            "reference": "Observation/8",
            "status": "final",
            "date": None,
        },
    ],
    "education": [
        {"text": "Keep salt even.", "source": "US lithium label", "medications": ["m-li"]}
    ],
    "timeline": [],
}


WORDS = (
    PatientWord(1, "question", "Why two tablets\x07?", PSYCHIATRIST, AT),
    PatientWord(2, "preference", "No <b>injections</b>", PHARMACIST, AT),
)


def planned(content: dict[str, Any], target: WriteTarget, known: Known) -> tuple[PlannedWrite, ...]:
    """The writes of a signature over the whole list, each of them sound."""
    signing = Signing("sg-1", PHARMACIST, AT, "all")
    writes: tuple[PlannedWrite, ...] = plan(
        reviewed(*all_decided()),
        content,
        (target,),
        signing,
        key=b"k" * 32,
        version="0.1.0",
        known=known,
    )
    assert problems(writes) == ()
    return writes


def kinds(content: dict[str, Any], target: WriteTarget, known: Known) -> set[str]:
    """The types that are written and not skipped."""
    return {write.type for write in planned(content, target, known) if not write.skipped}


def written(
    content: dict[str, Any], target: WriteTarget = PSYCHIATRY, known: Known | None = None
) -> dict[str, Any]:
    writes = planned(content, target, known or Known())
    (found,) = (write.resource for write in writes if write.type == "CarePlan")
    return dict(found)


def references(found: dict[str, Any]) -> set[str]:
    return {one["reference"].get("reference", "") for one in found["activity"]}


def test_the_plan_names_the_targets_own_therapy_visit_and_goal() -> None:
    found = written(report(plan=ITEMS))
    assert {"ServiceRequest/5", "Appointment/3"} <= references(found)
    assert found["goal"] == [{"reference": "Goal/7"}]
    assert check(found) == ()


def test_what_an_activity_cannot_refer_to_is_left_out() -> None:
    found = written(report(plan=ITEMS))
    assert not {"CareTeam/6", "Observation/8"} & references(found)
    assert all(set(activity) == {"reference"} for activity in found["activity"])


def test_what_is_due_and_what_is_taught_stand_in_the_text() -> None:
    text = written(report(plan=ITEMS))["text"]["div"]
    assert "lithium level: due 2026-03-20 (Dr Moss (psychiatry))" in text
    assert "Keep salt even." in text


def test_another_server_is_told_no_therapy_and_no_goal() -> None:
    found = written(report(plan=ITEMS), PRIMARY_CARE)
    assert "goal" not in found
    assert not any("ServiceRequest" in str(one) for one in found["activity"])


def test_what_is_withheld_from_a_server_stands_in_no_word_of_its_plan() -> None:
    content = report(plan=ITEMS)
    content["medications"][1]["lines"][0]["labels"] = ["ETH"]
    told = str(written(content, PRIMARY_CARE))
    assert "lithium" not in told
    assert "Keep salt" not in told


def test_what_the_patient_asks_and_wishes_are_notes_by_who_noted_them() -> None:
    found = written(report(plan=ITEMS), known=Known(words=WORDS))
    asked, wished = found["note"]
    assert (asked["text"], asked["authorString"]) == (
        "The patient asks: Why two tablets?",
        "Piet Psych",
    )
    assert wished["text"] == "The patient wishes: No <b>injections</b>"
    assert asked["time"] == "2026-03-10T09:30:00+00:00"
    assert "<li>The patient wishes: No &lt;b&gt;injections&lt;/b&gt;</li>" in found["text"]["div"]
    assert check(found) == ()


def test_what_the_patient_says_is_written_where_nothing_else_is_to_be_followed() -> None:
    nothing_found = report(findings=[])
    assert "CarePlan" not in kinds(nothing_found, PSYCHIATRY, Known())
    assert "CarePlan" in kinds(nothing_found, PSYCHIATRY, Known(words=WORDS))
    found = written(nothing_found, known=Known(words=WORDS))
    assert [one["text"] for one in found["note"]] == [
        "The patient asks: Why two tablets?",
        "The patient wishes: No <b>injections</b>",
    ]
    assert "supportingInfo" not in found
    assert "Why two tablets?" in found["text"]["div"]
    assert check(found) == ()


def test_words_alone_lead_to_no_plan_where_something_is_withheld() -> None:
    content = report(findings=[])
    content["medications"][1]["lines"][0]["labels"] = ["ETH"]
    assert "CarePlan" in kinds(content, PSYCHIATRY, Known(words=WORDS))
    assert "CarePlan" not in kinds(content, PRIMARY_CARE, Known(words=WORDS))


def test_free_words_go_to_nobody_from_whom_something_is_withheld() -> None:
    content = report(plan=ITEMS)
    content["medications"][1]["lines"][0]["labels"] = ["ETH"]
    found = written(content, PRIMARY_CARE, Known(words=WORDS))
    assert "note" not in found
    assert "two tablets" not in str(found)


def test_a_report_without_a_plan_is_written_as_before() -> None:
    found = written(report())
    assert "goal" not in found
    assert found["activity"]
