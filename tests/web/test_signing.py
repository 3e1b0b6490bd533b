"""Before the signature: what goes where in words; after it: how each server stands, and why not."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from service.errors import WriteRejected
from service.model.review import DeliveryState, PlannedWrite
from service.store import deliveries as outbox
from service.web.errors import status_of
from service.web.signing.delivered import STATES, by_target, pending
from service.web.signing.writes import sentence
from tests.web.office import Office, in_office, report
from tests.write.synthetic import PHARMACIST, PSYCHIATRIST

SAME = {"Sec-Fetch-Site": "same-origin"}


def write(resource: dict[str, Any], **more: Any) -> PlannedWrite:
    return PlannedWrite("k", "psychiatry", 1, resource["resourceType"], resource, **more)


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ({"resourceType": "List", "entry": [{}, {}]}, "The signed list, with 2 medications"),
        ({"resourceType": "List"}, "The signed list, with no medication"),
        (
            {
                "resourceType": "Task",
                "status": "requested",
                "description": "Please clarify.",
                "owner": {"display": "Dr. Gita Pract"},
                "restriction": {"period": {"end": "2026-04-01"}},
            },
            "Asks Dr. Gita Pract until 2026-04-01: Please clarify.",
        ),
        (
            {"resourceType": "Task", "status": "requested", "description": "Please stop."},
            "Asks whoever owns the order: Please stop.",
        ),
        (
            {"resourceType": "Task", "status": "completed"},
            "That the medications were reconciled, by whom and when",
        ),
        ({"resourceType": "CarePlan", "activity": [{}]}, "The care plan: 1 activity"),
        (
            {"resourceType": "CarePlan", "note": [{}, {}]},
            "The care plan: 2 questions or wishes of the patient",
        ),
        (
            {"resourceType": "DetectedIssue", "code": {"text": "Too much"}},
            "A finding, as it was decided: Too much",
        ),
        ({"resourceType": "Communication"}, "Writes a Communication"),
    ],
)
def test_each_resource_is_one_sentence(resource: dict[str, Any], words: str) -> None:
    assert sentence(write(resource)) == words
    again = sentence(write(resource, if_match="3"))
    assert again == f"{words} (a new version of what Concord wrote there before)"


def test_a_server_is_written_only_when_everything_there_is_done() -> None:
    def row(target: str, state: str, *, skipped: bool = False) -> dict[str, Any]:
        return {"target": target, "state": state, "skipped": skipped}

    rows = [row("a", "done"), row("b", "done"), row("b", "sending"), row("c", "done")]
    rows += [row("c", "refused"), row("d", "dead"), row("e", "done"), row("e", "conflict")]
    rows += [row("a", "refused", skipped=True), row("f", "refused", skipped=True)]
    assert pending(rows)
    assert [(target, how) for target, how, _ in by_target(rows)] == [
        ("a", "good"),
        ("b", "busy"),
        ("c", "bad"),
        ("d", "bad"),
        ("e", "bad"),
        ("f", "bad"),
    ]
    assert STATES.keys() == {state.value for state in DeliveryState}


async def all_decided(office: Office) -> tuple[str, str]:
    patient = await office.patient()
    review = await office.review(patient)
    await office.decide(review, "m-ser", {"decision": "not-sure", "assigned_to": "Dr Gita Pract"})
    await office.decide(review, "m-li", {"decision": "continue"}, PSYCHIATRIST)
    await office.decide(review, "f-dose", {"decision": "accept"})
    return patient, review


def test_the_page_says_what_was_decided_and_what_goes_where() -> None:
    async def use(office: Office) -> None:
        patient, _ = await all_decided(office)
        page = await office.client.get(f"/patients/{patient}/plan", headers=office.bearer())
        assert "Not sure" in page.text
        assert "Continue" in page.text
        assert "Asks Dr Gita Pract" in page.text
        assert "The signed list, with" in page.text
        assert "&#34;resourceType&#34;: &#34;Bundle&#34;" in page.text
        mine = f"/patients/{patient}/plan?scope=mine"
        narrowed = await office.client.get(mine, headers=office.bearer())
        assert "Asks Dr Gita Pract" in narrowed.text
        assert office.queued == []

    in_office(use)


def test_a_list_that_changed_meanwhile_is_not_signed_and_the_difference_is_shown() -> None:
    async def use(office: Office) -> None:
        patient, _ = await all_decided(office)
        async with office.store.read() as look:
            rows = await look.exec_driver_sql("SELECT digest FROM reports")
            seen = rows.scalar_one()
        changed = report()
        changed["medications"][0]["lines"][0]["status"] = "stopped"
        await office.keep(patient, changed)
        answer = await office.client.post(
            f"/patients/{patient}/sign",
            data={"report": f'"{seen}"', "scope": "all"},
            headers=office.bearer(PHARMACIST) | SAME,
        )
        assert answer.status_code == 412
        assert "What changed while you looked" in answer.text
        assert "<td>active</td><td><mark>stopped</mark></td>" in answer.text
        async with office.store.read() as look:
            assert (await look.exec_driver_sql("SELECT * FROM signatures")).all() == []

    in_office(use)


def test_a_resource_that_somebody_else_changed_is_told_and_nothing_written_over() -> None:
    async def use(office: Office) -> None:
        patient, review = await all_decided(office)
        path = f"/api/reviews/{review}/sign"
        await office.client.post(path, json={"scope": "all"}, headers=office.bearer())
        async with office.store.transaction() as tx:
            row = (await outbox.of_review(tx, review))[0]
            await outbox.move(tx, row.id, DeliveryState.CONFLICT, at=office.now[0])
            known = "UPDATE deliveries SET reference = 'List/9' WHERE id = ?"
            await tx.exec_driver_sql(known, (row.id,))
        page = await office.client.get(f"/patients/{patient}/plan", headers=office.bearer())
        assert "Changed there by somebody else" in page.text
        assert "not read again yet" in page.text

    in_office(use)


def test_a_plan_that_the_gate_refuses_is_told_as_a_conflict_not_as_a_fault() -> None:
    assert status_of(WriteRejected("nothing was signed")) is HTTPStatus.CONFLICT
