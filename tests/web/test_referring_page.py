"""The person who signs chooses on the page which care plans of others refer to ours."""

from __future__ import annotations

import json
from typing import Any

from service.model.source import RawResource, Role, SourceRead
from service.pipeline import review as desk
from service.store import reads
from service.write.target import ORDER, WriteTarget
from tests.web.office import Office, in_office, report

NAME = "psychiatry:CarePlan/7/_history/3"
THEIRS: dict[str, Any] = {
    "resourceType": "CarePlan",
    "id": "7",
    "status": "active",
    "intent": "plan",
    "title": "Psychosis <b>plan</b>",
    "subject": {"reference": "Patient/17"},
}


async def targets() -> tuple[WriteTarget, ...]:
    return (
        WriteTarget(
            "psychiatry",
            "http://psychiatry.test/fhir",
            frozenset(ORDER),
            coordinate=frozenset({"CarePlan"}),
            version_guarded=frozenset({"CarePlan"}),
        ),
    )


async def decided(office: Office, *plans: dict[str, Any]) -> tuple[str, str, str]:
    """A patient with everything decided, the review, and the report's ETag."""
    patient = await office.patient()
    raws = tuple(RawResource("CarePlan", p["id"], "3", json.dumps(p).encode()) for p in plans)
    read = SourceRead("psychiatry", Role.PSYCHIATRY, resources=raws)
    async with office.store.transaction() as tx:
        await reads.keep(tx, patient, read, at=office.now[0])
    review = await office.review(patient)
    content = report()
    for one in content["medications"]:
        await office.decide(review, one["id"], {"decision": "continue"})
    for one in content["findings"]:
        asked = {"decision": "accept", "mitigation": "5", "assigned_to": "Dr Pract"}
        await office.decide(review, one["id"], asked)
    view = await desk.review_state(office.store, review)
    return patient, review, view.kept.etag


def test_a_care_plan_is_offered_shown_to_the_letter_and_signed_as_chosen() -> None:
    async def use(office: Office) -> None:
        patient, review, etag = await decided(
            office, THEIRS, THEIRS | {"id": "8", "status": "revoked"}
        )
        await office.sign_in()
        offered = (await office.client.get(f"/patients/{patient}/plan")).text
        assert f'value="{NAME}">' in offered
        assert "Psychosis &lt;b&gt;plan&lt;/b&gt;" in offered
        assert "it is revoked" in offered
        assert 'type="hidden" name="refer_in"' not in offered
        page = await office.client.get(f"/patients/{patient}/plan", params={"refer_in": NAME})
        assert f'type="hidden" name="refer_in" value="{NAME}"' in page.text
        assert "Then CarePlan/7" in page.text
        signed = await office.client.post(
            f"/patients/{patient}/sign",
            data={"report": etag, "scope": "all", "refer_in": NAME},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert signed.status_code == 303, signed.text
        rows = [row for row in await desk.deliveries(office.store, review) if row.text]
        assert [(row.reference, row.if_match) for row in rows] == [("CarePlan/7", "3")]
        assert rows[0].text.startswith(json.dumps(THEIRS)[:-1])

    in_office(use, targets=targets)


def test_a_plan_that_changed_since_it_was_shown_is_not_signed() -> None:
    async def use(office: Office) -> None:
        patient, review, etag = await decided(office, THEIRS)
        await office.sign_in()
        signed = await office.client.post(
            f"/patients/{patient}/sign",
            data={"report": etag, "scope": "all", "refer_in": NAME.replace("/3", "/2")},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert "A chosen care plan changed" in signed.text
        assert await desk.deliveries(office.store, review) == ()

    in_office(use, targets=targets)
