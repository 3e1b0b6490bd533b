"""The own disk fails at every step of delivering: a clean error, no half state, nothing lost."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from service.errors import StoreUnavailable
from service.model.review import DeliveryState
from service.pipeline.courier import LEASE_S
from service.pipeline.deliver import deliver_due
from service.store import database
from service.store import deliveries as outbox
from service.write.crash import CrashPoint, arm
from tests.acceptance.targets import our_key
from tests.write.bench import Bench, bench
from tests.write.ways import drain
from tests.write.write_faults import no_room

FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"
BEFORE_A_COMMIT = [
    CrashPoint.BEFORE_CLAIM,
    CrashPoint.AFTER_SEND,
    CrashPoint.AFTER_LOOK_UP,
    CrashPoint.AFTER_READ_BACK,
]
DELIVERING = [one for one in CrashPoint if "sign" not in one]
OUTSIDE = [one for one in DELIVERING if "inside" not in one and "after-mark-done" not in one]
MOMENTS = OUTSIDE if FULL else BEFORE_A_COMMIT
KILLED_AT = DELIVERING[:-1] if FULL else BEFORE_A_COMMIT
Fails = Callable[[Bench], AbstractContextManager[None]]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm(None)


def full(_bench: Bench) -> AbstractContextManager[None]:
    return no_room()


@contextmanager
def locked(bench: Bench) -> Iterator[None]:
    other = sqlite3.connect(str(bench.store._engine.url.database), isolation_level=None, timeout=9)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def read_only(bench: Bench) -> Iterator[None]:
    def refuse(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA query_only=ON")

    def allow(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA query_only=OFF")

    engine = bench.store._engine.sync_engine
    event.listen(engine, "begin", refuse)
    try:
        yield
    finally:
        event.remove(engine, "begin", refuse)
        event.listen(engine, "begin", allow)


FAILURES: dict[str, Fails] = {"full": full, "locked": locked, "read-only": read_only}


def on_disk(folder: Path, use: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            await use(await bench(stack, url=f"sqlite:///{folder / 'store.db'}"))

    asyncio.run(run())


async def killed(bench: Bench, moment: CrashPoint) -> None:
    """The worker dies at this moment, and its lease runs out."""

    def kill(at: CrashPoint) -> None:
        if at is moment:
            raise Killed

    arm(kill)
    with pytest.raises(Killed):
        await deliver_due(bench.courier)
    arm(None)
    bench.later(LEASE_S + 1)


def fail_at(moment: CrashPoint, fails: Callable[[], object]) -> None:
    """Arms a failure that begins at this moment."""

    def begin(at: CrashPoint) -> None:
        if at is moment:
            arm(None)
            fails()

    arm(begin)


async def balanced(bench: Bench, accepted: int) -> None:
    async with bench.store.read() as look:
        found = await outbox.balance(look)
    assert found.holds
    assert found.accepted == accepted


def standing(bench: Bench) -> Counter[str]:
    held = bench.holds("psychiatry")
    return Counter(our_key(one) for kind in held.values() for one in kind)


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda one: one.value)
@pytest.mark.parametrize("failure", FAILURES)
def test_a_disk_that_fails_at_a_step_is_said_and_afterwards_everything_stands_once(
    failure: str, moment: CrashPoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_MS", 50)

    async def use(bench: Bench) -> None:
        review = await bench.signed()
        accepted = len(await bench.rows(review))
        if "look-up" in moment:
            await killed(bench, CrashPoint.AFTER_SEND)
        with ExitStack() as failing:
            fail_at(moment, lambda: failing.enter_context(FAILURES[failure](bench)))
            with pytest.raises(StoreUnavailable):
                await deliver_due(bench.courier)
        await balanced(bench, accepted)
        bench.later(LEASE_S + 1)
        await drain(bench)
        rows = await bench.rows(review)
        assert {row.state for row in rows if row.resource} == {DeliveryState.DONE}
        assert set(standing(bench).values()) == {1}
        await balanced(bench, accepted)

    on_disk(tmp_path, use)


@pytest.mark.parametrize("failure", FAILURES)
def test_a_disk_that_fails_while_signing_leaves_no_signature_and_no_plan(
    failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_MS", 50)

    async def use(bench: Bench) -> None:
        with ExitStack() as failing:
            fail_at(CrashPoint.BEFORE_SIGN, lambda: failing.enter_context(FAILURES[failure](bench)))
            with pytest.raises(StoreUnavailable):
                await bench.signed()
        await balanced(bench, 0)
        rows = await bench.rows(await bench.signed())
        await drain(bench)
        await balanced(bench, len(rows))
        assert set(standing(bench).values()) == {1}

    on_disk(tmp_path, use)


@pytest.mark.parametrize("moment", KILLED_AT, ids=lambda one: one.value)
def test_a_row_that_is_damaged_after_a_kill_at_a_step_is_shown_and_nothing_is_doubled(
    moment: CrashPoint, tmp_path: Path
) -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        accepted = len(await bench.rows(review))
        if "look-up" in moment:
            await killed(bench, CrashPoint.AFTER_SEND)
        await killed(bench, moment)
        async with bench.store.transaction() as tx:
            await tx.execute(text("UPDATE deliveries SET resource = x'789cff' WHERE type = 'List'"))
        await drain(bench)
        await balanced(bench, accepted)
        async with bench.store.read() as look:
            found = await look.execute(text("SELECT state FROM deliveries WHERE type = 'List'"))
            (state,) = found.scalars().all()
        assert DeliveryState(state) in {DeliveryState.DEAD, DeliveryState.NEEDS_REVIEW}
        assert set(standing(bench).values()) <= {1}

    on_disk(tmp_path, use)
