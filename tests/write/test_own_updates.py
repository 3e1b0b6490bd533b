"""Our own resources in their next version: on top of what was seen, on every kind of server."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from service.model.review import DeliveryState, Disposition, Review
from service.model.source import RawResource, Role, SourceRead
from service.pipeline import review as desk
from service.pipeline.changes import changes
from service.pipeline.conflict import look_again, to_look_after
from service.pipeline.deliver import deliver_due
from service.pipeline.withdrawn import WITHDRAWN
from service.review.asked import Asked
from service.review.difference import Field
from service.sandbox.faults import Answer, Fault
from service.sandbox.manners import Manners
from service.sandbox.server import Sandbox
from service.sandbox.storage import Version
from service.store import patients, reads
from service.write.deliver.recipient import Recipient
from tests.write.bench import Bench, on_bench
from tests.write.synthetic import PHARMACIST, report
from tests.write.ways import WAYS, drain, versions

DONE, CONFLICT, REFUSED = DeliveryState.DONE, DeliveryState.CONFLICT, DeliveryState.REFUSED
WAYS_OF_UPDATE = list(WAYS)[:3]
UNHEEDING: dict[str, dict[str, Any]] = {
    "gives no versions": {"versioned": False},
    "ignores If-Match": {"honours_if_match": False},
}


def fresh(number: int) -> dict[str, Any]:
    """A report with another daily dose, so that the list says something new."""
    changed = report()
    changed["medications"][0]["daily_dose"]["value"] = number
    return changed


def listed(bench: Bench) -> Version:
    (found,) = bench.servers["psychiatry"].storage.live("List")
    return found


def edit(bench: Bench, title: str) -> None:
    """Somebody else changes our list on the server."""
    now = listed(bench)
    storage = bench.servers["psychiatry"].storage
    storage.add("List", now.id, dict(now.resource or {}) | {"title": title}, "PUT")


async def delivered(bench: Bench, dose: int) -> Review:
    """One more signature, delivered, later than whatever was before."""
    bench.later(60)
    review = await bench.signed(fresh(dose))
    await drain(bench)
    return review


async def looked_at(bench: Bench) -> None:
    for patient in await to_look_after(bench.courier):
        await look_again(bench.courier, patient)


async def states(bench: Bench, review: Review) -> set[DeliveryState]:
    return {row.state for row in await bench.rows(review) if row.resource}


def with_every_way(
    use: Callable[[Bench], Awaitable[None]], way: str, manners: dict[str, Any]
) -> None:
    on_bench(use, **(WAYS[way] | manners))


@pytest.mark.parametrize("way", WAYS_OF_UPDATE)
@pytest.mark.parametrize("kind", UNHEEDING)
def test_a_server_that_heeds_no_versions_gets_the_next_version_of_ours(kind: str, way: str) -> None:
    async def use(bench: Bench) -> None:
        await delivered(bench, 100)
        second = await delivered(bench, 50)
        assert await states(bench, second) == {DONE}
        assert listed(bench).number == 2

    with_every_way(use, way, UNHEEDING[kind])


@pytest.mark.parametrize("way", WAYS_OF_UPDATE)
@pytest.mark.parametrize("kind", UNHEEDING)
def test_a_server_that_heeds_no_versions_loses_nobodys_words_through_us(
    kind: str, way: str
) -> None:
    async def use(bench: Bench) -> None:
        await delivered(bench, 100)
        edit(bench, "edited there")
        second = await delivered(bench, 50)
        assert CONFLICT in await states(bench, second)
        assert (listed(bench).resource or {})["title"] == "edited there"

    with_every_way(use, way, UNHEEDING[kind])


@pytest.mark.parametrize("way", WAYS_OF_UPDATE)
@pytest.mark.parametrize("manners", [{}, *UNHEEDING.values()])
def test_after_a_change_by_somebody_else_the_difference_is_told_and_the_next_signature_goes_on_top(
    manners: dict[str, Any], way: str
) -> None:
    async def use(bench: Bench) -> None:
        await delivered(bench, 100)
        edit(bench, "edited there")
        second = await delivered(bench, 50)
        await looked_at(bench)
        (told,) = (await changes(bench.store, second.id)).conflicts
        assert told.reference == listed(bench).reference
        assert Field("title", "Reconciled medication list", "edited there") in told.fields
        third = await delivered(bench, 25)
        assert await states(bench, third) == {DONE}
        assert listed(bench).number == 3
        assert (await changes(bench.store, third.id)).conflicts == ()

    with_every_way(use, way, manners)


def test_a_review_that_was_open_before_the_look_does_not_write_over_what_it_never_showed() -> None:
    async def use(bench: Bench) -> None:
        await delivered(bench, 100)
        edit(bench, "edited there")
        await delivered(bench, 50)
        bench.later(60)
        review = await bench.open(fresh(25))
        bench.later(60)
        await looked_at(bench)
        for item in ("m-ser", "m-li"):
            await bench.decide(review, item, Asked(Disposition.CONTINUE))
        await bench.decide(review, "f-dose", Asked(Disposition.ACCEPT))
        targets = bench.targets
        await desk.sign(bench.store, PHARMACIST, review.id, "all", targets, at=bench.now[0])
        await drain(bench)
        assert CONFLICT in await states(bench, review)
        assert (listed(bench).resource or {})["title"] == "edited there"

    on_bench(use)


def test_a_resource_of_ours_that_somebody_deleted_is_written_anew_by_the_next_signature() -> None:
    async def use(bench: Bench) -> None:
        await delivered(bench, 100)
        gone = listed(bench)
        bench.servers["psychiatry"].storage.delete("List", gone.id)
        second = await delivered(bench, 50)
        await looked_at(bench)
        if CONFLICT in await states(bench, second):
            (told,) = (await changes(bench.store, second.id)).conflicts
            assert told.gone
        third = await delivered(bench, 25)
        assert await states(bench, third) == {DONE}
        assert (listed(bench).resource or {})["status"] == "current"

    on_bench(use)


def test_one_process_looks_after_a_conflict_and_another_tries_again_when_it_could_not() -> None:
    async def use(bench: Bench) -> None:
        await delivered(bench, 100)
        edit(bench, "edited there")
        await delivered(bench, 50)
        other = replace(bench.courier, worker="w2")
        assert await to_look_after(bench.courier) == [bench.patient]
        assert await to_look_after(other) == []
        bench.later(61)
        assert await to_look_after(other) == [bench.patient]
        await look_again(other, bench.patient)
        bench.later(61)
        assert await to_look_after(bench.courier) == []

    on_bench(use)


def test_sending_again_does_not_write_what_was_switched_off_since() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        to = bench.courier.recipients["psychiatry"]
        off = Recipient(to.server, replace(to.target, allowed=to.target.allowed - {"List"}))
        bench.courier = replace(bench.courier, recipients={"psychiatry": off})
        await drain(bench)
        for row in await bench.rows(review):
            if row.state is REFUSED and row.type == "List":
                await desk.replay(bench.store, PHARMACIST, row.id, at=bench.now[0])
        await drain(bench)
        refused = {row.type for row in await bench.rows(review) if row.state is REFUSED}
        assert "List" in refused
        assert bench.servers["psychiatry"].storage.count("List") == 0
        assert versions(bench) == {1}

    on_bench(use)


async def read_since(bench: Bench, *resources: dict[str, Any]) -> None:
    """What psychiatry holds by now, read after the signature."""
    bench.later(60)
    raws = tuple(
        RawResource(one["resourceType"], one["id"], "1", json.dumps(one).encode())
        for one in resources
    )
    read = SourceRead("psychiatry", Role.PSYCHIATRY, resources=raws)
    async with bench.store.transaction() as tx:
        await reads.keep(tx, bench.patient, read, at=bench.now[0])


REFUSAL = {
    "resourceType": "Consent",
    "id": "c1",
    "status": "active",
    "scope": {"coding": [{"code": "patient-privacy"}]},
    "provision": {"type": "deny"},
}


@pytest.mark.parametrize("lost", [False, True])
def test_a_consent_withdrawn_while_a_write_waits_keeps_it_from_going(*, lost: bool) -> None:
    """Whatever was not sent yet stays; so does what would have to be sent a second time."""

    async def use(bench: Bench) -> None:
        faults = bench.servers["primary-care"].faults
        faults.add(Fault(Answer(status=500 if lost else 503), method="POST", times=1))
        review = await bench.signed()
        await deliver_due(bench.courier)
        await read_since(bench, REFUSAL)
        await drain(bench)
        rows = [row for row in await bench.rows(review) if row.resource]
        assert {row.state for row in rows if row.target == "psychiatry"} == {DONE}
        waited = [row for row in rows if row.target == "primary-care"]
        assert {(row.state, row.reason) for row in waited} == {(REFUSED, WITHDRAWN)}
        assert bench.holds("primary-care") == {}

    servers = {name: Sandbox(Manners(name)) for name in ("psychiatry", "primary-care")}
    on_bench(use, servers=servers)


def test_a_reading_that_changes_no_consent_stops_nothing() -> None:
    async def use(bench: Bench) -> None:
        bench.servers["psychiatry"].faults.add(Fault(Answer(status=503), method="POST", times=1))
        review = await bench.signed()
        await deliver_due(bench.courier)
        await read_since(bench, {"resourceType": "Observation", "id": "o1"})
        await drain(bench)
        assert await states(bench, review) == {DONE}

    on_bench(use)


def test_a_record_said_to_be_somebody_elses_since_the_signature_gets_nothing() -> None:
    async def use(bench: Bench) -> None:
        bench.servers["psychiatry"].faults.add(Fault(Answer(status=503), method="POST", times=1))
        review = await bench.signed()
        await deliver_due(bench.courier)
        bench.later(60)
        async with bench.store.transaction() as tx:
            place = "psychiatry", "Patient/17"
            await patients.say_link(
                tx, bench.patient, *place, PHARMACIST, same=False, at=bench.now[0]
            )
        await drain(bench)
        assert await states(bench, review) == {REFUSED}
        assert bench.holds("psychiatry") == {}

    on_bench(use)
