"""Our own resources in their next version: on top of what was seen, on every kind of server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from service.model.review import DeliveryState, Disposition, Review
from service.pipeline import review as desk
from service.pipeline.changes import changes
from service.pipeline.conflict import look_again, to_look_after
from service.review.asked import Asked
from service.review.difference import Field
from service.sandbox.storage import Version
from service.write.deliver.recipient import Recipient
from tests.write.bench import Bench, on_bench
from tests.write.synthetic import PHARMACIST, report
from tests.write.test_delivery import WAYS, drain, versions

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
