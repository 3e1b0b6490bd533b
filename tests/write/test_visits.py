"""A visit that is missing is proposed to whoever books it, and to nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from service.fhir.release import check
from service.model.around import CareMember
from service.model.review import Decision, Disposition, PlannedWrite
from service.write import gate
from service.write.identity import full_url
from service.write.target import WRITTEN, WriteTarget
from tests.write.given import PSYCHIATRY, of, planned
from tests.write.synthetic import all_decided, decision, finding, report, reviewed

GP = CareMember("psychiatry", "Practitioner/5", "Dr Gita Pract", "primary care")
DUE = date(2026, 3, 24)


def missed(type_: str = "follow-up-missing", rule: str = "follow-up/start") -> dict[str, Any]:
    named = {"id": rule, "version": 1, "source": "NICE", "reviewed": False}
    return finding("f-visit", ["m-ser"], "moderate", type=type_, rule=named)


def writes(
    found: dict[str, Any] | None = None,
    judged: Decision | None = None,
    target: WriteTarget = PSYCHIATRY,
) -> tuple[PlannedWrite, ...]:
    judged = judged or decision("f-visit", Disposition.ACCEPT, assigned_to="Dr Gita Pract", due=DUE)
    content = report()
    content["findings"].append(found or missed())
    review = reviewed(*all_decided(), judged)
    made: tuple[PlannedWrite, ...] = planned(content, target, review=review, members=(GP,))
    assert gate.problems(made) == ()
    return made


def test_a_missing_visit_is_proposed_to_whom_the_finding_was_given_and_never_booked() -> None:
    (visit,) = of(writes(), "Appointment")
    assert visit["status"] == "proposed"
    assert not {"start", "end", "slot"} & visit.keys()
    assert visit["requestedPeriod"] == [{"start": "2026-03-10", "end": "2026-03-24"}]
    actors = [one["actor"]["reference"] for one in visit["participant"]]
    assert actors == ["Patient/17", "Practitioner/5"]
    assert {one["status"] for one in visit["participant"]} == {"needs-action"}
    assert check(visit) == ()


def test_the_care_plan_refers_to_the_task_the_visit_and_what_was_sent() -> None:
    made = writes()
    (plan,) = of(made, "CarePlan")
    places = {full_url(write.key): write for write in made if write.item == "f-visit"}
    leads = {
        places[one["reference"]["reference"]].type: one
        for one in plan["activity"]
        if one["reference"]["reference"] in places
    }
    assert set(leads) == {"Task", "Appointment"}
    (sent,) = leads["Task"]["outcomeReference"]
    assert places[sent["reference"]].type == "Communication"
    assert "outcomeReference" not in leads["Appointment"]


@pytest.mark.parametrize(
    ("found", "judged"),
    [
        (missed("dose-mismatch"), None),
        (missed(rule="follow-up/discharge-reconciliation"), None),
        (missed(), decision("f-visit", Disposition.ACCEPT)),
        (missed(), decision("f-visit", Disposition.OVERRIDE, reason="seen", due=DUE)),
    ],
)
def test_no_visit_is_proposed_where_none_was_asked_for(
    found: dict[str, Any], judged: Decision | None
) -> None:
    assert of(writes(found, judged), "Appointment") == []


def test_a_server_that_takes_no_appointment_is_told_by_the_task_and_refers_to_no_visit() -> None:
    made = writes(target=replace(PSYCHIATRY, offered=frozenset(WRITTEN) - {"Appointment"}))
    assert [w.skipped for w in made if w.type == "Appointment"] == ["it does not take Appointment"]
    (plan,) = of(made, "CarePlan")
    assert not any(one["reference"].get("type") == "Appointment" for one in plan["activity"])
    assert any(task["focus"] and task.get("owner") for task in of(made, "Task"))


def test_a_visit_with_a_time_does_not_pass_the_gate() -> None:
    made = [
        replace(one, resource=dict(one.resource) | {"start": "2026-03-20T09:00:00Z"})
        if one.type == "Appointment"
        else one
        for one in writes()
    ]
    assert any("booked by whoever runs the calendar" in said for said in gate.problems(made))
