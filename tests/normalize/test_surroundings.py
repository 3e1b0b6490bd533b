"""Care teams, ended stays and care plans of others, as far as what we write refers to them."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from service.model.around import CareMember, Stay
from service.model.identity import OUR_IDENTIFIERS
from service.model.source import RawResource, Role, SourceRead
from service.normalize.surroundings import foreign_plans, members, stays

DAY = date(2026, 3, 10)
PATIENT = frozenset({"Patient/17"})
TEAM = {
    "resourceType": "CareTeam",
    "id": "1",
    "status": "active",
    "participant": [
        {"member": {"reference": "Practitioner/5"}, "role": [{"text": "prescriber"}]},
        {"member": {"reference": "Patient/17", "display": "Ada"}},
        {"member": {"reference": "Practitioner/6", "display": "Gone"}, "period": {"end": "2025"}},
        {"member": {"display": "no reference"}},
    ],
}
PERSON = {"resourceType": "Practitioner", "id": "5", "name": [{"text": "Dr Gita Pract"}]}
STAY = {
    "resourceType": "Encounter",
    "id": "8",
    "status": "finished",
    "class": {"code": "IMP"},
    "period": {"start": "2026-02-20", "end": "2026-03-01T10:00:00+01:00"},
}
PLAN = {
    "resourceType": "CarePlan",
    "id": "7",
    "status": "active",
    "intent": "plan",
    "title": "Psychosis plan",
    "subject": {"reference": "Patient/17"},
}


def read(*bodies: dict[str, Any], version: str | None = "3", fhir: str = "R4") -> SourceRead:
    raws = tuple(
        RawResource(one["resourceType"], one["id"], version, json.dumps(one).encode(), fhir)
        for one in bodies
    )
    return SourceRead("psychiatry", Role.PSYCHIATRY, resources=raws)


def test_a_member_goes_by_the_name_of_the_practitioner_and_is_no_patient() -> None:
    gita = CareMember("psychiatry", "Practitioner/5", "Dr Gita Pract", "prescriber")
    assert members(read(TEAM, PERSON), DAY) == (gita,)


@pytest.mark.parametrize(
    "ended", [{"status": "inactive"}, {"period": {"end": "2026-03-09"}}, {"status": "proposed"}]
)
def test_nobody_stands_on_a_team_that_has_ended(ended: dict[str, Any]) -> None:
    assert members(read(TEAM | ended, PERSON), DAY) == ()


def test_a_stay_that_has_ended_is_known_by_its_day_of_discharge() -> None:
    later = STAY | {"id": "9", "period": {"end": "2026-03-05"}}
    found = stays(read(later, STAY))
    assert found == (
        Stay("psychiatry", "Encounter/8", "3", date(2026, 3, 1)),
        Stay("psychiatry", "Encounter/9", "3", date(2026, 3, 5)),
    )


@pytest.mark.parametrize(
    "other", [{"status": "in-progress"}, {"class": {"code": "AMB"}}, {"period": {"start": "2026"}}]
)
def test_a_visit_or_a_stay_that_goes_on_is_none(other: dict[str, Any]) -> None:
    assert stays(read(STAY | other)) == ()


def test_a_plan_of_somebody_else_is_offered_with_its_text_and_version() -> None:
    (found,) = foreign_plans(read(PLAN), PATIENT)
    assert found.name == "psychiatry:CarePlan/7/_history/3"
    assert (found.title, found.unusable) == ("Psychosis plan", "")
    assert found.text == json.dumps(PLAN)


def test_our_own_plan_is_not_somebody_elses() -> None:
    ours = PLAN | {"identifier": [{"system": OUR_IDENTIFIERS, "value": "x"}]}
    assert foreign_plans(read(ours), PATIENT) == ()


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"status": "revoked"}, "revoked"),
        ({"status": "completed"}, "completed"),
        ({"subject": {"reference": "Patient/18"}}, "patient's record"),
        ({"meta": {"tag": [{"code": "SUBSETTED"}]}}, "part of it"),
        ({"modifierExtension": [{"url": "urn:x"}]}, "changes its meaning"),
    ],
)
def test_why_a_plan_cannot_be_added_to_is_said(other: dict[str, Any], why: str) -> None:
    (found,) = foreign_plans(read(PLAN | other), PATIENT)
    assert why in found.unusable


def test_a_plan_without_a_version_or_of_an_older_release_cannot_be_added_to() -> None:
    assert "no version" in foreign_plans(read(PLAN, version=None), PATIENT)[0].unusable
    assert "STU3" in foreign_plans(read(PLAN, fhir="STU3"), PATIENT)[0].unusable
