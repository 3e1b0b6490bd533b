"""Somebody else writes in the moment between our look at a resource and our own write of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from service.model.review import DeliveryState
from service.pipeline.changes import changes
from service.pipeline.courier import LEASE_S
from service.pipeline.deliver import deliver_due
from service.store.backup import backup
from service.write.crash import CrashPoint, arm
from tests.write.bench import Bench, bench, on_bench
from tests.write.just_before import with_somebody_else
from tests.write.test_own_updates import (
    CONFLICT,
    DONE,
    UNHEEDING,
    delivered,
    edit,
    fresh,
    listed,
    looked_at,
    states,
)
from tests.write.ways import WAYS, drain

WAYS_OF_UPDATE: dict[str, dict[str, Any]] = {
    "in one transaction": WAYS["in one transaction"],
    "in a transaction that is not one": {"transaction": "partial"},
    "by PUT under our id": WAYS["by PUT under our id"],
}


@pytest.mark.parametrize("way", WAYS_OF_UPDATE)
def test_an_edit_between_our_look_and_our_write_stands(way: str) -> None:
    async def use(bench: Bench) -> None:
        await delivered(bench, 100)
        with_somebody_else(bench, lambda: edit(bench, "edited there"))
        second = await delivered(bench, 50)
        assert (listed(bench).resource or {})["title"] == "edited there"
        rows = {row.type: row.state for row in await bench.rows(second)}
        assert rows["List"] is DeliveryState.CONFLICT

    on_bench(use, **WAYS_OF_UPDATE[way])


@pytest.mark.parametrize("way", ["in one transaction", "by conditional create"])
def test_a_request_of_ours_that_arrives_late_does_not_make_a_second_one(way: str) -> None:
    """What If-None-Exist is for: what was looked up and not found stands there a moment later."""

    async def use(bench: Bench) -> None:
        review = await bench.signed()
        (ours,) = [row for row in await bench.rows(review) if row.type == "List"]
        storage = bench.servers["psychiatry"].storage

        def arrives() -> None:
            if not list(storage.live("List")):
                storage.add("List", "late", ours.resource, "POST")

        with_somebody_else(bench, arrives)
        await drain(bench)
        assert [version.id for version in storage.live("List")] == ["late"]

    on_bench(use, **WAYS[way])


@pytest.mark.parametrize("way", ["in one transaction", "by conditional create"])
def test_what_stood_there_when_we_came_to_create_it_is_not_taken_for_our_own_version(
    way: str,
) -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed(fresh(100))
        (ours,) = [row for row in await bench.rows(review) if row.type == "Flag"]
        storage = bench.servers["psychiatry"].storage

        def arrives() -> None:
            if not list(storage.live("Flag")):
                storage.add("Flag", "late", ours.resource | ADDED["an element"], "POST")

        with_somebody_else(bench, arrives)
        await drain(bench)
        await delivered(bench, 50)
        (flag,) = storage.live("Flag")
        assert (flag.id, (flag.resource or {})["language"]) == ("late", "fr")

    on_bench(use, **WAYS[way])


class Killed(BaseException):
    """The process ends here."""


ADDED = {
    "an element": {"language": "fr"},
    "inside one of ours": {"code": {"text": "Medication list"}},
    "a label": {"meta": {"security": [{"system": "https://ehr.example/labels", "code": "R"}]}},
    "another narrative": {
        "text": {
            "status": "additional",
            "div": '<div xmlns="http://www.w3.org/1999/xhtml">Call the ward first</div>',
        }
    },
}
LOSSES = [CrashPoint.AFTER_SEND, CrashPoint.AFTER_MARK_SENT]
HEEDING: dict[str, dict[str, Any]] = {"heeds versions": {}, **UNHEEDING}


def lists(bench: Bench) -> list[int]:
    """The version numbers of the lists that stand there."""
    return [one.number for one in bench.servers["psychiatry"].storage.live("List")]


async def killed_once_listed(bench: Bench, at: CrashPoint) -> None:
    """Delivers; the worker dies at this moment with the list written; its lease runs out."""
    before = lists(bench)

    def kill(point: CrashPoint) -> None:
        if point is at and lists(bench) != before:
            raise Killed

    arm(kill)
    try:
        with pytest.raises(Killed):
            await deliver_due(bench.courier)
    finally:
        arm(None)
    bench.later(LEASE_S + 1)


def with_more(resource: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The resource with this in it too; what goes into an element stands beside what it has."""
    inside = {
        name: {**resource[name], **value} if isinstance(resource.get(name), dict) else value
        for name, value in more.items()
    }
    return {**resource, **inside}


def add(bench: Bench, more: Mapping[str, Any]) -> None:
    """Somebody else adds to our list on the server."""
    now = listed(bench)
    changed = with_more(now.resource or {}, more)
    bench.servers["psychiatry"].storage.add("List", now.id, changed, "PUT")


def stands(bench: Bench, more: Mapping[str, Any]) -> bool:
    now = listed(bench).resource or {}
    return with_more(now, more) == now


@pytest.mark.parametrize("way", WAYS_OF_UPDATE)
@pytest.mark.parametrize("at", LOSSES)
@pytest.mark.parametrize("kind", HEEDING)
def test_an_addition_made_while_an_answer_was_lost_stands(
    kind: str, at: CrashPoint, way: str
) -> None:
    """Found by the state machine: signed, lost, added to by somebody, signed again, settled."""

    async def use(bench: Bench) -> None:
        await bench.signed()
        await killed_once_listed(bench, at)
        add(bench, ADDED["an element"])
        second = await delivered(bench, 50)
        assert stands(bench, ADDED["an element"])
        assert DeliveryState.CONFLICT in await states(bench, second)

    on_bench(use, **(WAYS_OF_UPDATE[way] | HEEDING[kind]))


@pytest.mark.parametrize("what", ADDED)
@pytest.mark.parametrize("updated", [False, True])
def test_what_was_added_before_the_read_back_is_shown_before_it_is_written_over(
    what: str, *, updated: bool
) -> None:
    """Also where it was settled long before the next signature, and where ours was an update."""

    async def use(bench: Bench) -> None:
        await bench.signed(fresh(100))
        if updated:
            await drain(bench)
            bench.later(60)
            await bench.signed(fresh(75))
        await killed_once_listed(bench, CrashPoint.AFTER_SEND)
        add(bench, ADDED[what])
        await drain(bench)
        second = await delivered(bench, 50)
        assert stands(bench, ADDED[what])
        assert CONFLICT in await states(bench, second)
        await looked_at(bench)
        (told,) = (await changes(bench.store, second.id)).conflicts
        assert told.reference == listed(bench).reference
        third = await delivered(bench, 25)
        assert await states(bench, third) == {DONE}

    on_bench(use)


@pytest.mark.parametrize("way", WAYS_OF_UPDATE)
def test_an_addition_to_what_an_old_backup_does_not_know_stands(way: str, tmp_path: Path) -> None:
    async def use() -> None:
        async with AsyncExitStack() as stack:
            made = await bench(stack, **WAYS_OF_UPDATE[way])
            await made.signed(fresh(100))
            await backup(made.store, tmp_path / "backup.gz")
            await drain(made)
            add(made, ADDED["an element"])
            await made.restored(tmp_path / "backup.gz", stack)
            await drain(made)
            second = await delivered(made, 50)
            assert stands(made, ADDED["an element"])
            assert CONFLICT in await states(made, second)

    asyncio.run(use())


OWN_WORDS: dict[str, dict[str, Any]] = {
    "adds nothing": {},
    "adds elements": {"adds": {"language": "en-US"}},
    "adds elements and gives no versions": {"adds": {"language": "en-US"}, "versioned": False},
}


@pytest.mark.parametrize("way", WAYS_OF_UPDATE)
@pytest.mark.parametrize("kind", OWN_WORDS)
def test_what_a_server_adds_by_itself_is_no_change_by_somebody_else(kind: str, way: str) -> None:
    async def use(bench: Bench) -> None:
        for dose in (100, 75, 50):
            review = await delivered(bench, dose)
            assert await states(bench, review) == {DONE}
        assert lists(bench) == [3]

    on_bench(use, **(WAYS_OF_UPDATE[way] | OWN_WORDS[kind]))


@pytest.mark.parametrize("at", LOSSES)
def test_a_lost_answer_alone_asks_nobody(at: CrashPoint) -> None:
    async def use(bench: Bench) -> None:
        await bench.signed(fresh(100))
        await killed_once_listed(bench, at)
        second = await delivered(bench, 50)
        assert await states(bench, second) == {DONE}
        assert lists(bench) == [2]

    on_bench(use)
