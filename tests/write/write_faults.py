"""Rows 77 to 95 of the fault catalogue: what goes wrong while writing, and where it is to end."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import text

from service.errors import StoreUnavailable
from service.model.review import DeliveryState
from service.pipeline import review as desk
from service.pipeline.courier import LEASE_S
from service.pipeline.deliver import deliver_due
from service.sandbox.faults import Action, Answer, Edit, Fault
from service.store import database
from service.store.deliveries import Delivery
from service.write.crash import CrashPoint, arm
from service.write.deliver.next_step import NEXT_STEP
from service.write.identity import resource_id
from tests.write.bench import Bench, bench
from tests.write.just_before import with_somebody_else
from tests.write.synthetic import PHARMACIST, report

DONE, CONFLICT, REFUSED = DeliveryState.DONE, DeliveryState.CONFLICT, DeliveryState.REFUSED
NEEDS_REVIEW, CANCELLED = DeliveryState.NEEDS_REVIEW, DeliveryState.CANCELLED
SOURCE = "psychiatry"
TOGETHER: Mapping[str, Any] = {}
BY_PUT: Mapping[str, Any] = {"transaction": "refused"}
BY_CREATE: Mapping[str, Any] = {"transaction": "refused", "update_create": False}


@dataclass(frozen=True, eq=False)
class Case:
    """One fault: how it comes about, and the gravest state in which a write may end.

    Args:
        run: signs and delivers with the fault; gives the rows at the end.
        manners: of the server.
        on_disk: with a store in a file.
    """

    row: int
    name: str
    state: DeliveryState
    run: Callable[[Bench], Awaitable[Sequence[Delivery]]]
    manners: Mapping[str, Any] = field(default_factory=dict)
    on_disk: bool = False


def answered(action: Action, method: str = "POST") -> Callable[[Bench], Awaitable[Any]]:
    """The first write is answered like this."""

    async def run(bench: Bench) -> Sequence[Delivery]:
        review = await bench.signed()
        bench.servers[SOURCE].faults.add(Fault(action, method=method))
        await drain(bench)
        return await bench.rows(review)

    return run


async def drain(bench: Bench, rounds: int = 5) -> None:
    for _ in range(rounds):
        await deliver_due(bench.courier)
        bench.later(120)


async def other_content_under_our_identifier(bench: Bench) -> Sequence[Delivery]:
    review = await bench.signed()
    (listed,) = [row for row in await bench.rows(review) if row.type == "List"]
    bench.servers[SOURCE].storage.add(
        "List", "theirs", {**listed.resource, "mode": "snapshot"}, "POST"
    )
    await drain(bench)
    return await bench.rows(review)


async def second_signature(bench: Bench) -> Sequence[Delivery]:
    changed = report()
    changed["medications"][0]["daily_dose"]["value"] = 50
    review = await bench.signed(changed)
    await drain(bench)
    return await bench.rows(review)


async def changed_there(bench: Bench) -> Sequence[Delivery]:
    await bench.signed()
    await drain(bench)
    storage = bench.servers[SOURCE].storage
    (ours,) = bench.holds(SOURCE)["List"]
    storage.add("List", ours["id"], {**ours, "title": "edited there"}, "PUT")
    return await second_signature(bench)


async def changed_just_before(bench: Bench) -> Sequence[Delivery]:
    await bench.signed()
    await drain(bench)
    storage = bench.servers[SOURCE].storage
    (ours,) = bench.holds(SOURCE)["List"]
    edited = {**ours, "title": "edited there"}
    with_somebody_else(bench, lambda: storage.add("List", ours["id"], edited, "PUT"))
    return await second_signature(bench)


async def restored_there(bench: Bench) -> Sequence[Delivery]:
    await bench.signed()
    await drain(bench)
    (ours,) = bench.holds(SOURCE)["List"]
    bench.servers[SOURCE].storage.forget("List", ours["id"])
    return await second_signature(bench)


async def deleted_there(bench: Bench) -> Sequence[Delivery]:
    review = await bench.signed()
    (listed,) = [row for row in await bench.rows(review) if row.type == "List"]
    place, storage = resource_id(listed.key), bench.servers[SOURCE].storage
    storage.add("List", place, listed.resource, "PUT")
    storage.delete("List", place)
    gone = Answer(409, issue="was deleted", code="deleted")
    bench.servers[SOURCE].faults.add(Fault(gone, method="PUT", type="List", times=0))
    await drain(bench)
    return await bench.rows(review)


async def rolled_back_but_200(bench: Bench) -> Sequence[Delivery]:
    review = await bench.signed()
    entries = [
        {"response": {"status": "201 Created", "location": f"{row.type}/lie-{row.ordinal}"}}
        for row in await bench.rows(review)
    ]
    lie = {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}
    answer = Answer(200, body=json.dumps(lie), content_type="application/fhir+json", commit=False)
    bench.servers[SOURCE].faults.add(Fault(answer, method="POST"))
    await drain(bench)
    return await bench.rows(review)


async def full_disk(bench: Bench) -> Sequence[Delivery]:
    review = await bench.signed()
    with no_room():
        try:
            await deliver_due(bench.courier)
            raise AssertionError("the disk is not full")
        except StoreUnavailable:
            pass
    await drain(bench)
    return await bench.rows(review)


@contextmanager
def no_room() -> Iterator[None]:
    """No file of this process takes another byte: the system refuses each write (EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def locked(bench: Bench) -> Sequence[Delivery]:
    review = await bench.signed()
    file = str(bench.store._engine.url.database)
    before, database._BUSY_MS = database._BUSY_MS, 50
    await bench.store._engine.dispose()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        await deliver_due(bench.courier)
        raise AssertionError("the database is not locked")
    except StoreUnavailable:
        pass
    finally:
        other.execute("ROLLBACK")
        other.close()
        database._BUSY_MS = before
    await drain(bench)
    return await bench.rows(review)


async def clock_back(bench: Bench) -> Sequence[Delivery]:
    review = await bench.signed()

    def back(point: CrashPoint) -> None:
        if point is CrashPoint.AFTER_SEND:
            arm(None)
            bench.later(-3600)

    arm(back)
    await drain(bench)
    bench.later(3600 + LEASE_S)
    await drain(bench)
    return await bench.rows(review)


async def killed(bench: Bench) -> Sequence[Delivery]:
    class Killed(BaseException):
        """The process ends here."""

    def kill(point: CrashPoint) -> None:
        if point is CrashPoint.AFTER_SEND:
            raise Killed

    review = await bench.signed()
    arm(kill)
    try:
        await deliver_due(bench.courier)
    except Killed:
        arm(None)
    bench.later(LEASE_S + 1)
    await drain(bench)
    return await bench.rows(review)


async def two_processes(bench: Bench) -> Sequence[Delivery]:
    review = await bench.signed()
    url = f"sqlite:///{bench.store._engine.url.database}"
    second = await database.open_store(url)
    try:
        other = replace(bench.courier, store=second, worker="w2")
        for _ in range(4):
            await asyncio.gather(deliver_due(bench.courier), deliver_due(other))
            bench.later(120)
    finally:
        await second.close()
    return await bench.rows(review)


async def poison(bench: Bench) -> Sequence[Delivery]:
    """One row's bytes are broken as they rest; another patient's writes must not wait for it."""
    review = await bench.signed()
    async with bench.store.transaction() as tx:
        await tx.execute(text("UPDATE deliveries SET resource = x'789cff' WHERE type = 'List'"))
    await deliver_due(bench.courier)
    async with bench.store.read() as look:
        rows = await look.execute(
            text("SELECT state, reason FROM deliveries WHERE review = :review"),
            {"review": review.id},
        )
        return [_Seen(DeliveryState(row.state), row.reason) for row in rows]  # type: ignore[misc]


async def secret_rotated(bench: Bench) -> Sequence[Delivery]:
    review = await bench.signed()
    denied = Answer(401, issue="the token is no longer good", code="login")
    bench.servers[SOURCE].faults.add(Fault(denied, method="POST"))
    await drain(bench)
    refused = await bench.rows(review)
    assert {row.state for row in refused} == {REFUSED}
    for row in refused:
        await desk.replay(bench.store, PHARMACIST, row.id, at=bench.now[0])
    await drain(bench)
    assert {row.state for row in await bench.rows(review)} == {DONE}
    return refused


@dataclass(frozen=True)
class _Seen:
    state: DeliveryState
    reason: str


CASES = (
    Case(77, "201, and the answer is lost", DONE, answered(Answer(500, commit=True))),
    Case(
        77, "nothing came about, and the answer is lost", DONE, answered(Answer(500, commit=False))
    ),
    Case(
        78,
        "200 to a conditional create: other content stands under our identifier",
        NEEDS_REVIEW,
        other_content_under_our_identifier,
        BY_CREATE,
    ),
    Case(79, "409", CONFLICT, answered(Answer(409, issue="busy"))),
    Case(80, "somebody changed it since it was seen", CONFLICT, changed_there),
    Case(80, "412: somebody changed it after our last look", CONFLICT, changed_just_before),
    Case(
        81,
        "422, and half of it is kept",
        NEEDS_REVIEW,
        answered(Answer(422, issue="no", commit=True)),
    ),
    Case(81, "422, and nothing is kept", REFUSED, answered(Answer(422, issue="no"))),
    Case(82, "413", REFUSED, answered(Answer(413))),
    Case(
        83,
        "an identifier is silently dropped",
        NEEDS_REVIEW,
        answered(Answer(500, commit=True), "DELETE"),
        {"drops": frozenset({"identifier"})},
    ),
    Case(
        83,
        "a status is rewritten",
        NEEDS_REVIEW,
        answered(
            Edit(set={"status": "unknown"}, of="stored"),
        ),
        BY_CREATE,
    ),
    Case(84, "the server gives another id", DONE, answered(Answer(500), "DELETE"), BY_CREATE),
    Case(
        85,
        "a transaction answered 200 with 200 and 412 inside",
        CONFLICT,
        changed_just_before,
        {"transaction": "partial"},
    ),
    Case(85, "200 to a transaction that was rolled back", NEEDS_REVIEW, rolled_back_but_200),
    Case(86, "202, done later", DONE, answered(Answer(202, commit=True))),
    Case(86, "202, never done", DONE, answered(Answer(202, commit=False))),
    Case(87, "the server was restored and has lost ours", CONFLICT, restored_there),
    Case(88, "our id stands there as deleted", NEEDS_REVIEW, deleted_there, BY_PUT),
    Case(89, "disk full", DONE, full_disk, on_disk=True),
    Case(90, "database locked", DONE, locked, on_disk=True),
    Case(91, "our clock jumps back by an hour", DONE, clock_back),
    Case(92, "killed after sending", DONE, killed),
    Case(93, "two processes on one SQLite file", DONE, two_processes, on_disk=True),
    Case(94, "a row whose bytes are broken", DeliveryState.DEAD, poison),
    Case(95, "a secret that was changed meanwhile", REFUSED, secret_rotated),
)
GRAVITY = (DONE, CANCELLED, CONFLICT, REFUSED, DeliveryState.DEAD, NEEDS_REVIEW)
"""A write that cannot be known is graver than one that surely is not there."""


async def outcome(case: Case, folder: Path) -> tuple[Sequence[Delivery], Bench]:
    """The rows at the end, and the bench with what stands on the server."""
    url = f"sqlite:///{folder / 'store.db'}" if case.on_disk else "sqlite://"
    async with AsyncExitStack() as stack:
        made = await bench(stack, url=url, **case.manners)
        try:
            return await case.run(made), made
        finally:
            arm(None)


_DRAWN = re.compile(r"/[0-9a-f-]{32,36}\b")
"""An id that is another one in each run."""


def gravest(rows: Sequence[Delivery]) -> Delivery:
    return max(rows, key=lambda row: GRAVITY.index(row.state))


def table(found: Mapping[Case, Delivery]) -> Iterator[str]:
    """One line per case, for the docs."""
    yield "| Row | Fault | Ends | What is said | What a person does |"
    yield "|---|---|---|---|---|"
    for case, row in found.items():
        said = _DRAWN.sub("/ID", row.reason).replace("|", "/")
        yield f"| {case.row} | {case.name} | {row.state.value} | {said} | {NEXT_STEP[row.state]} |"
