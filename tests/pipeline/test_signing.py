"""What was seen is what is signed; what was signed is what the next report compares itself with."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec import structs

from service.errors import ReviewStale
from service.model.review import DeliveryState, Disposition, Review, ReviewState
from service.model.source import MEDICATION_TYPES
from service.pipeline import review as desk
from service.pipeline.audit_events import audit_events
from service.pipeline.changes import changes
from service.review.asked import Asked
from service.sandbox.faults import Answer, Fault
from service.settings import Measures
from service.store import worklist
from service.store.reviews import Signature
from service.store.terms import Wanted
from tests.patients.golden import AS_OF
from tests.pipeline.wards import Ward, in_ward


def an_active_line(ward: Ward, source: str) -> dict[str, object]:
    """An active medication line that a source holds now."""
    return next(
        dict(version.resource)
        for kind in ("MedicationRequest", "MedicationStatement")
        for version in ward.servers[source].storage.live(kind)
        if version.resource and version.resource["status"] == "active"
    )


def test_a_signature_stands_while_every_source_says_what_was_shown() -> None:
    async def use(ward: Ward) -> None:
        review = await ward.opened()
        await ward.decide_rest(review)
        signature = await ward.sign(review)
        await ward.house.deliver(signature.id)
        rows = await desk.deliveries(ward.house.store, review.id)
        assert {row.state for row in rows} == {DeliveryState.DONE}

    in_ward(use)


def test_an_order_changed_since_it_was_seen_refuses_the_signature_and_shows_the_newest() -> None:
    async def use(ward: Ward) -> None:
        review = await ward.opened()
        await ward.decide_rest(review)
        order = an_active_line(ward, "primary-care")
        ward.servers["primary-care"].load([order | {"status": "stopped"}])
        with pytest.raises(ReviewStale, match="medication"):
            await ward.sign(review)
        state = (await desk.review_state(ward.house.store, review.id)).review.state
        assert state is ReviewState.SUPERSEDED
        assert (await ward.newest()).id != review.report
        assert await desk.deliveries(ward.house.store, review.id) == ()

    in_ward(use)


def test_a_source_that_fell_silent_since_refuses_the_signature_and_is_shown_as_stale() -> None:
    async def use(ward: Ward) -> None:
        review = await ward.opened()
        await ward.decide_rest(review)
        ward.servers["pharmacy"].faults.add(Fault(Answer(status=503), times=0))
        with pytest.raises(ReviewStale, match="pharmacy is stale"):
            await ward.sign(review)
        states = {source["name"]: source["state"] for source in (await ward.report())["sources"]}
        assert states["pharmacy"] == "stale"

    in_ward(use)


def test_what_nobody_was_shown_does_not_stand_in_the_way() -> None:
    async def use(ward: Ward) -> None:
        review = await ward.opened()
        await ward.decide_rest(review)
        other = {"resourceType": "Patient", "id": "somebody-else", "active": True}
        ward.servers["psychiatry"].load([other])
        await ward.sign(review)

    in_ward(use)


def test_the_next_report_says_what_changed_since_the_signed_list() -> None:
    async def use(ward: Ward) -> None:
        first = await ward.report()
        assert {medication["change"] for medication in first["medications"]} == {None}
        review = await ward.opened()
        await ward.decide_rest(review)
        await ward.sign(review)
        await ward.house.reconcile(ward.patient)
        again = await ward.report()
        assert {medication["change"] for medication in again["medications"]} == {"unchanged"}
        for source in ("psychiatry", "primary-care"):
            for version in tuple(ward.servers[source].storage.live("MedicationRequest")):
                assert version.resource is not None
                ward.servers[source].load([version.resource | {"status": "stopped"}])
        await ward.house.reconcile(ward.patient)
        changes = {m["change"] for m in (await ward.report())["medications"]}
        assert changes & {"changed", "stopped"}

    in_ward(use)


def test_a_signed_drug_that_stands_in_no_list_any_more_is_told() -> None:
    async def use(ward: Ward) -> None:
        signed = {m["display"] for m in (await ward.report())["medications"]}
        review = await ward.opened()
        await ward.decide_rest(review)
        await ward.sign(review)
        await ward.house.reconcile(ward.patient)
        assert not [p for p in (await ward.report())["problems"] if "list signed" in p["what"]]
        for server in ward.servers.values():
            for kind in MEDICATION_TYPES:
                for version in tuple(server.storage.live(kind)):
                    assert version.resource is not None
                    server.load([version.resource | {"status": "entered-in-error"}])
        await ward.house.reconcile(ward.patient)
        report = await ward.report()
        assert report["medications"] == []
        told = [p["what"] for p in report["problems"] if "list signed" in p["what"]]
        assert told
        assert {what.partition(" stood on ")[0] for what in told} <= signed

    in_ward(use)


@pytest.mark.parametrize(("days", "bucket"), [(30, "suppressed"), (-1, "shown")])
def test_what_was_called_intended_stays_quiet_until_its_day(days: int, bucket: str) -> None:
    async def use(ward: Ward) -> None:
        found = next(
            finding
            for finding in (await ward.report())["findings"]
            if finding["type"] == "dose-mismatch" and finding["bucket"] == "shown"
        )
        review = await ward.opened()
        meant = Asked(
            Disposition.OVERRIDE,
            reason_code="intended",
            reason="titration",
            intentional=True,
            due=AS_OF + timedelta(days=days),
        )
        await ward.decide(review, found["id"], meant)
        await ward.decide_rest(review)
        await ward.sign(review)
        for _ in range(2):
            await ward.house.reconcile(ward.patient)
            now = {one["id"]: one for one in (await ward.report())["findings"]}
            assert now[found["id"]]["bucket"] == bucket
            again = await ward.opened()
            await ward.decide_rest(again)
            await ward.sign(again)

    in_ward(use)


def test_a_server_is_a_recipient_as_the_site_describes_it() -> None:
    async def use(ward: Ward) -> None:
        one = ward.house.settings.sources["psychiatry"]
        said = structs.replace(one, coordinate=("CarePlan",), parties=("npi|1",))
        sources = ward.house.settings.sources | {"psychiatry": said}
        ward.house.settings = structs.replace(
            ward.house.settings, sources=sources, measures=Measures(cpt_licensed=True)
        )
        targets = {target.name: target for target in await ward.house.targets()}
        there = targets["psychiatry"]
        assert (there.coordinate, there.parties) == (frozenset({"CarePlan"}), frozenset({"npi|1"}))
        assert there.cpt_licensed
        assert targets["pharmacy"].coordinate == frozenset()

    in_ward(use)


async def signed_over_an_edit(ward: Ward) -> tuple[Review, Signature, str]:
    """A second review, its signature that nobody has delivered yet, and the list that somebody
    edited on the server between the two."""
    first = await ward.opened()
    await ward.decide_rest(first)
    await ward.house.deliver((await ward.sign(first)).id)
    await ward.house.reconcile(ward.patient)
    again = await ward.opened()
    await ward.decide_rest(again)
    signature = await ward.sign(again)
    storage = ward.servers["psychiatry"].storage
    (listed,) = [version for version in storage.live("List") if version.resource]
    edited = dict(listed.resource or {}) | {"title": "Edited by somebody"}
    storage.add("List", listed.id, edited, "PUT")
    return again, signature, listed.reference


def test_after_a_conflict_the_patient_is_read_again_and_what_changed_is_told() -> None:
    async def use(ward: Ward) -> None:
        again, signature, listed = await signed_over_an_edit(ward)
        await ward.house.deliver(signature.id)
        stuck = (await changes(ward.house.store, again.id)).conflicts
        (told,) = [one for one in stuck if one.reference == listed]
        assert told.now == "2"
        assert ("title", "Edited by somebody") in [(f.name, f.now) for f in told.fields]

    in_ward(use)


def test_every_reading_is_accounted_for_also_where_it_changed_nothing() -> None:
    async def use(ward: Ward) -> None:
        review = await ward.opened()
        await ward.decide_rest(review)
        before = await reads_told(ward)
        await ward.sign(review)
        assert await reads_told(ward) == before + len(ward.servers)

    in_ward(use)


async def reads_told(ward: Ward) -> int:
    """How many readings of a source the exported audit trail tells."""
    async with ward.house.store.read() as look:
        told = await audit_events(look, patient=ward.patient, after=0, limit=1000)
    return sum(one["subtype"][0]["code"] == "read" for one in told)


def test_whatever_process_met_a_conflict_another_reads_the_patient_again() -> None:
    """The background delivery of one process leaves it to whoever looks next."""

    async def use(ward: Ward) -> None:
        again, _, listed = await signed_over_an_edit(ward)
        await ward.house.deliver_due()
        unread = (await changes(ward.house.store, again.id)).conflicts
        assert [one.now for one in unread if one.reference == listed] == [None]
        assert await found_as(ward, "changed")
        assert not await found_as(ward, "signed")
        ward.house.worker = "w2"
        before = await reads_told(ward)
        await ward.house.look_again()
        told = (await changes(ward.house.store, again.id)).conflicts
        assert [(one.reference, one.now) for one in told] == [(listed, "2")]
        assert await reads_told(ward) > before
        await ward.house.look_again()
        third = await ward.opened()
        await ward.decide_rest(third)
        await ward.house.deliver((await ward.sign(third)).id)
        rows = await desk.deliveries(ward.house.store, third.id)
        assert {row.state for row in rows} == {DeliveryState.DONE}

    in_ward(use)


async def found_as(ward: Ward, state: str) -> bool:
    """Whether the worklist shows the patient in this state."""
    async with ward.house.store.read() as look:
        rows, _ = await worklist.page(look, wanted=Wanted(state=state))
    return [row.patient for row in rows] == [ward.patient]
