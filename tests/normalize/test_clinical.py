"""Results, visits, conditions, allergies, teams, plans, answers and people."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.normalize.given import Json, observation, record

QUANTITY = {"value": 0.80, "unit": "mmol/l"}


def test_a_result_has_value_day_and_codes() -> None:
    (found,) = record(observation(valueQuantity={**QUANTITY, "comparator": "<"})).results
    assert found.value is not None
    assert (found.value.value, found.value.unit) == (Decimal("0.8"), "mmol/L")
    assert found.comparator == "<"
    assert found.effective == date(2026, 2, 1)
    assert found.codings[0].code == "14334-7"


def test_components_are_results_of_their_own() -> None:
    parts = [
        {"code": {"text": "systolic"}, "valueQuantity": {"value": 120, "unit": "mm[Hg]"}},
        {"code": {"text": "diastolic"}, "valueQuantity": {"value": 80, "unit": "mm[Hg]"}},
    ]
    found = record(observation(component=parts)).results
    assert [one.path for one in found] == [
        "component[0].valueQuantity",
        "component[1].valueQuantity",
    ]
    assert [one.codings[0].display for one in found] == ["systolic", "diastolic"]


LOW, HIGH = {"value": 0.60, "unit": "mmol/l"}, {"value": 1.0, "unit": "mmol/L"}


@pytest.mark.parametrize(
    ("ranges", "usual"),
    [
        ([{"low": LOW, "high": HIGH}], (Decimal("0.6"), Decimal("1.0"))),
        ([{"high": HIGH}], (None, Decimal("1.0"))),
        ([{"text": "see the method"}], (None, None)),
        ([{"low": {"value": 4, "unit": "mg/L"}, "high": HIGH}], (None, Decimal("1.0"))),
        ([{"low": LOW}, {"low": {**LOW, "value": 0.4}}], (None, None)),
        ([], (None, None)),
    ],
)
def test_the_one_range_of_a_result_is_kept_in_its_own_unit(ranges: Json, usual: Json) -> None:
    (found,) = record(observation(valueQuantity=QUANTITY, referenceRange=ranges)).results
    assert found.usual == usual


@pytest.mark.parametrize(
    ("value", "text", "path"),
    [
        ({"valueCodeableConcept": {"text": "Positive"}}, "Positive", "valueCodeableConcept"),
        ({"valueString": "see note"}, "see note", "valueString"),
        ({"valueBoolean": True}, "true", "valueBoolean"),
    ],
)
def test_coded_and_text_results_have_no_value(value: Json, text: str, path: str) -> None:
    (found,) = record(observation(**value)).results
    assert (found.value, found.text, found.path) == (None, text, path)


def test_absent_data_says_why() -> None:
    reason = {"coding": [{"code": "not-performed"}]}
    (found,) = record(observation(dataAbsentReason=reason)).results
    assert (found.value, found.absent) == (None, "not-performed")


def test_an_impossible_value_is_a_problem_and_no_value() -> None:
    found = record(observation(valueQuantity={"value": "1e999", "unit": "mmol/L"}))
    assert found.results[0].value is None
    assert any("valueQuantity left out" in problem.what for problem in found.problems)


def test_a_result_in_error_is_left_out_with_a_word() -> None:
    found = record(observation(status="entered-in-error", valueQuantity=QUANTITY))
    assert found.results == ()
    assert found.problems[0].what.startswith("entered in error")


def test_an_appointment_is_a_visit_with_whom_and_what_for() -> None:
    appointment = {
        "resourceType": "Appointment",
        "id": "a1",
        "status": "booked",
        "created": "2026-03-01",
        "start": "2026-04-02T09:00:00-05:00",
        "serviceType": [{"text": "medication review"}],
        "specialty": [{"coding": [{"code": "394587001", "display": "Psychiatry"}]}],
        "participant": [
            {"actor": {"reference": "Patient/p1"}},
            {"actor": {"reference": "Practitioner/d1", "display": "Dr Held"}},
        ],
    }
    (found,) = record(appointment).visits
    assert (found.kind, found.start, found.source_role) == (
        "appointment",
        date(2026, 4, 2),
        "psychiatry",
    )
    assert [one.display for one in found.services] == ["medication review", "Psychiatry"]
    assert found.with_whom == ("Dr Held",)


def encounter(**elements: Any) -> Json:
    return {"resourceType": "Encounter", "id": "e1", "status": "finished", **elements}


@pytest.mark.parametrize(
    ("elements", "discharged"),
    [
        ({"class": {"code": "IMP"}, "period": {"start": "2026-02-01", "end": "2026-02-09"}}, True),
        ({"class": {"code": "IMP"}, "period": {"start": "2026-02-01"}}, False),
        ({"class": {"code": "AMB"}, "period": {"start": "2026-02-01", "end": "2026-02-01"}}, False),
        (
            {
                "period": {"start": "2026-02-01"},
                "hospitalization": {"dischargeDisposition": {"text": "home"}},
            },
            True,
        ),
    ],
)
def test_a_stay_that_ended_is_a_discharge(elements: Json, discharged: bool) -> None:
    (found,) = record(encounter(**elements)).visits
    assert found.discharge is discharged


def condition(**elements: Any) -> Json:
    named = {"code": {"text": "Bipolar disorder"}, "recordedDate": "2025-01-01"}
    return {"resourceType": "Condition", "id": "c1", **named, **elements}


@pytest.mark.parametrize(
    ("elements", "active", "refuted"),
    [
        ({"clinicalStatus": {"coding": [{"code": "active"}]}}, True, False),
        ({"clinicalStatus": "active"}, True, False),
        ({"clinicalStatus": "resolved"}, False, False),
        ({}, True, False),
        ({"abatementDateTime": "2025-06-01"}, False, False),
        ({"abatementDateTime": "2027-06-01"}, True, False),
        ({"verificationStatus": {"coding": [{"code": "refuted"}]}}, True, True),
    ],
)
def test_a_condition_is_active_until_it_is_said_otherwise(
    elements: Json, active: bool, refuted: bool
) -> None:
    (found,) = record(condition(**elements)).conditions
    assert (found.active, found.refuted) == (active, refuted)


def test_an_allergy_leads_to_the_ingredient() -> None:
    lamotrigine = {
        "resourceType": "AllergyIntolerance",
        "id": "al1",
        "recordedDate": "2020-01-01",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"text": "lamotrigine"},
        "category": ["medication"],
        "reaction": [{"manifestation": [{"text": "rash"}]}],
    }
    (found,) = record(lamotrigine).allergies
    assert [one.name for one in found.ingredients] == ["lamotrigine"]
    assert found.reactions == ("rash",)
    assert found.active
    food = {**lamotrigine, "code": {"text": "peanut"}, "category": ["food"]}
    assert record(food).allergies[0].ingredients == ()


def test_members_of_teams_in_force_and_general_practitioners_care() -> None:
    member = {"role": [{"text": "psychiatrist"}], "member": {"reference": "PractitionerRole/r"}}
    gone = {"member": {"display": "Dr Gone"}, "period": {"end": "2025-01-01"}}
    team = {
        "resourceType": "CareTeam",
        "id": "t",
        "status": "active",
        "participant": [member, gone],
    }
    ended = {**team, "id": "t2", "status": "inactive"}
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "generalPractitioner": [{"reference": "Organization/o", "display": "Elm Practice"}],
    }
    people = [
        {
            "resourceType": "PractitionerRole",
            "id": "r",
            "practitioner": {"reference": "Practitioner/d"},
        },
        {"resourceType": "Practitioner", "id": "d", "name": [{"text": "Dr Held"}]},
    ]
    found = record(team, ended, patient, *people).care_team
    assert [(one.name, one.role) for one in found] == [
        ("Dr Held", "psychiatrist"),
        ("Elm Practice", "general practitioner"),
    ]


def test_a_plan_has_activities_by_reference_or_by_words() -> None:
    plan = {
        "resourceType": "CarePlan",
        "id": "cp",
        "status": "active",
        "created": "2026-01-01",
        "title": "Bipolar plan",
        "activity": [
            {"reference": {"reference": "MedicationRequest/r1"}},
            {"detail": {"status": "scheduled", "description": "lithium level"}},
        ],
    }
    (found,) = record(plan).plans
    assert [(one.reference, one.text, one.status) for one in found.activities] == [
        ("MedicationRequest/r1", "", ""),
        ("", "lithium level", "scheduled"),
    ]


@pytest.mark.parametrize(
    ("resource", "text", "about"),
    [
        (
            {
                "resourceType": "Communication",
                "sent": "2026-02-01",
                "payload": [{"contentString": "level is fine"}],
                "about": [{"reference": "Observation/o1"}],
            },
            "level is fine",
            ("Observation/o1",),
        ),
        (
            {
                "resourceType": "Task",
                "authoredOn": "2026-02-01",
                "description": "call the patient",
                "focus": {"reference": "DetectedIssue/1"},
            },
            "call the patient",
            ("DetectedIssue/1",),
        ),
        (
            {
                "resourceType": "ServiceRequest",
                "authoredOn": "2026-02-01",
                "code": {"text": "ECG"},
                "reasonReference": [{"reference": "MedicationRequest/1"}],
            },
            "ECG",
            ("MedicationRequest/1",),
        ),
        (
            {
                "resourceType": "Goal",
                "startDate": "2026-02-01",
                "lifecycleStatus": "active",
                "description": {"text": "no weight gain"},
                "addresses": [{"reference": "Condition/1"}],
            },
            "no weight gain",
            ("Condition/1",),
        ),
        (
            {
                "resourceType": "FamilyMemberHistory",
                "date": "2026-02-01",
                "relationship": {"text": "mother"},
                "condition": [{"code": {"text": "long QT"}}],
            },
            "mother: long QT",
            (),
        ),
        (
            {
                "resourceType": "QuestionnaireResponse",
                "authored": "2026-02-01",
                "questionnaire": "Questionnaire/phq9",
                "item": [{"linkId": "1", "item": [{"answer": [{"valueString": "not now"}]}]}],
            },
            "Questionnaire/phq9; not now",
            (),
        ),
        (
            {
                "resourceType": "Procedure",
                "performedPeriod": {"start": "2026-02-01"},
                "code": {"text": "ECT"},
            },
            "ECT",
            (),
        ),
        (
            {
                "resourceType": "Consent",
                "dateTime": "2026-02-01",
                "category": [{"text": "may share with pharmacy"}],
            },
            "may share with pharmacy",
            (),
        ),
    ],
)
def test_answers_say_what_when_and_about_what(
    resource: Json, text: str, about: tuple[str, ...]
) -> None:
    (found,) = record({"id": "x", "status": "completed", **resource}).answers
    assert found.type == resource["resourceType"]
    assert found.when == date(2026, 2, 1)
    assert found.text == text
    assert found.about == about
