"""Reviewers, other people's edits, a worker, lost answers, kills, time and restores in any order.

A tiny model of the truth: what somebody else wrote last on the server, and what was accepted here.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections import Counter
from collections.abc import Awaitable, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, MetaData, select

from service.errors import DecisionNotAllowed, SourceError
from service.fhir import asking
from service.model.review import DeliveryState
from service.pipeline import outbox as desk
from service.pipeline.conflict import look_again, to_look_after
from service.pipeline.courier import LEASE_S
from service.pipeline.deliver import deliver_due
from service.sandbox.faults import Answer, Fault
from service.store import backup as backups
from service.store import conflicts, open_store
from service.store import deliveries as outbox
from service.store.backup import backup
from service.store.conflicts import Look
from service.store.tables import deliveries
from service.write.crash import CrashPoint, arm
from service.write.target import ORDER
from tests.acceptance.targets import our_key
from tests.write.at_once import STORES, empty_stores
from tests.write.bench import Bench, bench
from tests.write.synthetic import PHARMACIST, report
from tests.write.ways import WAYS

FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"
GUARDED = [way for way in WAYS if way != "by POST once"]
DELIVERY = [point for point in CrashPoint if "sign" not in point.value]
T = TypeVar("T")


SENT_AGAIN = {DeliveryState.DEAD, DeliveryState.REFUSED, DeliveryState.NEEDS_REVIEW}
CANCELLABLE = {DeliveryState.PLANNED, DeliveryState.CONFLICT}


async def both(first: Awaitable[int], second: Awaitable[int]) -> None:
    await asyncio.gather(first, second)


class Killed(BaseException):
    """The process ends here."""


SIGNED: dict[str, tuple[bytes, int]] = {}
"""What a store holds after the first signature, the same for every sequence of one way."""

SEEN: Counter[str] = Counter()
"""How many sequences ended, and how many steps they had."""


@cache
def tables() -> MetaData:
    """The tables as they rest, read from one store for all: each store here has the same."""

    async def run() -> MetaData:
        store = await open_store("sqlite://")
        try:
            async with store.read() as look:
                return await look.run_sync(reflected)
        finally:
            await store.close()

    return asyncio.run(run())


def reflected(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection)
    return found


class Interleavings(RuleBasedStateMachine):
    """One patient, one server that keeps its word, one store."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = -1
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        known = tables()
        self.stack.enter_context(patch.object(backups, "_tables", lambda _connection: known))
        self.stack.enter_context(empty_stores())
        self.stack.enter_context(patch.object(asking, "wait_politely", lambda _state: 0.0))
        self.bench: Bench
        self.edits: dict[tuple[str, str], str] = {}
        self.backups: list[tuple[Path, int]] = []
        self.accepted = 0
        self.dose = 100

    def do(self, work: Awaitable[T]) -> T:
        return self.loop.run_until_complete(work)  # type: ignore[arg-type]

    @initialize(way=st.sampled_from(GUARDED))
    def open(self, way: str) -> None:
        self.bench = self.do(bench(self.stack, **WAYS[way]))
        if way not in SIGNED:
            self.sign(report())
            SIGNED[way] = STORES.content(), self.accepted
        else:
            content, self.accepted = SIGNED[way]
            STORES.fill(content)

    @rule()
    def sign_a_newer_report(self) -> None:
        self.dose += 1
        self.bench.later(1)
        content = report()
        content["medications"][0]["daily_dose"]["value"] = self.dose
        self.sign(content)

    def sign(self, content: dict[str, Any]) -> None:
        signed = self.do(self.bench.signed(content))
        self.accepted += len(self.do(self.bench.rows(signed)))

    @rule(number=st.integers(0, 60))
    def a_person_sends_again_what_was_given_up(self, number: int) -> None:
        """Twice: the second time there is nothing to send again."""
        letters = [row for row in self.rows() if row.state in SENT_AGAIN and row.resource]
        if letters:
            letter = letters[number % len(letters)].id
            at = self.bench.now[0]
            self.do(desk.replay(self.bench.store, PHARMACIST, letter, at=at))
            with pytest.raises(DecisionNotAllowed):
                self.do(desk.replay(self.bench.store, PHARMACIST, letter, at=at))

    @rule(number=st.integers(0, 60))
    def a_person_cancels_what_was_not_sent(self, number: int) -> None:
        unsent = [row for row in self.rows() if row.state in CANCELLABLE]
        if unsent:
            one = unsent[number % len(unsent)].id
            self.do(desk.cancel(self.bench.store, PHARMACIST, one, at=self.bench.now[0]))

    @rule()
    def two_workers_work_at_once(self) -> None:
        other = replace(self.bench.courier, worker="w2")
        self.do(both(deliver_due(self.bench.courier), deliver_due(other)))

    @rule(times=st.integers(1, 40))
    def the_server_is_down_for_a_while(self, times: int) -> None:
        down = Fault(Answer(status=503), times=times)
        self.bench.servers["psychiatry"].faults.add(down)

    @rule(number=st.integers(0, 30))
    def somebody_else_edits_one_of_our_resources(self, number: int) -> None:
        storage = self.bench.servers["psychiatry"].storage
        ours = [v for kind in ORDER for v in storage.live(kind) if not v.loaded and v.resource]
        if not ours:
            return
        version = ours[number % len(ours)]
        assert version.resource is not None
        mark = f"edit {len(self.edits)} {version.number}"
        changed = {**version.resource, "language": mark}
        storage.add(version.type, version.id, changed, "PUT")
        self.edits[version.type, version.id] = mark

    @rule()
    def what_was_met_is_looked_at(self) -> None:
        """A person sees it before the next signature, which may go on top of it from then on."""
        courier = self.bench.courier
        for patient in self.do(to_look_after(courier)):
            with suppress(SourceError):
                self.do(look_again(courier, patient))

        async def looks() -> Iterable[Look]:
            async with self.bench.store.read() as look:
                return (await conflicts.of_patient(look, self.bench.patient)).values()

        for one in self.do(looks()):
            seen = json.loads(one.body or b"{}")
            place = seen.get("resourceType", ""), seen.get("id", "")
            if place in self.edits and self.edits[place] == seen.get("language"):
                del self.edits[place]

    @rule()
    def the_worker_works(self) -> None:
        self.do(deliver_due(self.bench.courier))

    @rule(point=st.sampled_from(DELIVERY), passing=st.integers(1, 3))
    def the_worker_is_killed(self, point: CrashPoint, passing: int) -> None:
        passed: list[CrashPoint] = []

        def kill(at: CrashPoint) -> None:
            if at is point:
                passed.append(at)
                if len(passed) == passing:
                    raise Killed

        arm(kill)
        try:
            self.do(deliver_due(self.bench.courier))
        except Killed:
            self.bench.later(LEASE_S + 1)
        finally:
            arm(None)

    @rule(committed=st.booleans(), method=st.sampled_from(["POST", "PUT"]))
    def the_next_answer_is_lost(self, committed: bool, method: str) -> None:
        lost = Fault(Answer(status=500, commit=committed), method=method)
        self.bench.servers["psychiatry"].faults.add(lost)

    @rule(seconds=st.sampled_from([1, 30, 600, 4000]))
    def time_goes_by(self, seconds: int) -> None:
        self.bench.later(seconds)

    @rule()
    def a_backup_is_taken(self) -> None:
        file = Path(self.folder) / f"{len(self.backups)}.gz"
        self.do(backup(self.bench.store, file))
        self.backups.append((file, self.accepted))

    @precondition(lambda self: bool(self.backups))
    @rule(number=st.integers(0, 5))
    def a_backup_is_restored(self, number: int) -> None:
        file, self.accepted = self.backups[number % len(self.backups)]
        self.do(self.bench.restored(file, self.stack))

    @invariant()
    def a_step_is_counted(self) -> None:
        self.steps += 1

    @invariant()
    def nothing_stands_twice(self) -> None:
        found = Counter(our_key(one) for one in self.held())
        assert [key for key, number in found.items() if number > 1] == []

    @invariant()
    def what_somebody_else_wrote_stands(self) -> None:
        storage = self.bench.servers["psychiatry"].storage
        for (kind, id_), mark in self.edits.items():
            version = storage.current(kind, id_)
            assert version is not None
            assert version.resource is not None
            assert version.resource.get("language") == mark

    @invariant()
    def what_is_called_done_stands(self) -> None:
        places = {f"{one['resourceType']}/{one['id']}" for one in self.held()}

        async def done() -> set[str]:
            query = select(deliveries.c.location)
            async with self.bench.store.read() as look:
                query = query.where(deliveries.c.state == DeliveryState.DONE.value)
                return set(await look.scalars(query))

        assert self.do(done()) <= places

    @invariant()
    def every_accepted_write_is_somewhere(self) -> None:
        """accepted = done + pending + dead + cancelled, and accepted is what people signed."""

        async def balance() -> outbox.Balance:
            async with self.bench.store.read() as look:
                return await outbox.balance(look)

        found = self.do(balance())
        assert found.holds
        assert found.accepted == self.accepted

    def rows(self) -> tuple[outbox.Delivery, ...]:
        async def found() -> tuple[outbox.Delivery, ...]:
            async with self.bench.store.read() as look:
                return await outbox.in_state(look, DeliveryState, limit=100_000)

        return self.do(found())

    def held(self) -> list[dict[str, Any]]:
        return [one for kind in self.bench.holds("psychiatry").values() for one in kind]

    def teardown(self) -> None:
        arm(None)
        SEEN.update(sequences=1, steps=self.steps)
        self.do(self.stack.aclose())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


Interleavings.TestCase.settings = settings(
    max_examples=500 if FULL else 6,
    stateful_step_count=20,
    derandomize=not FULL,
    suppress_health_check=list(HealthCheck),
)
TestInterleavings = Interleavings.TestCase
