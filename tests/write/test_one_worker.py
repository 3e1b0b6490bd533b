"""One worker at a time writes for a patient to a server, and only as long as its lease."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from service.model.review import DeliveryState
from service.pipeline.courier import LEASE_S
from service.pipeline.deliver import deliver_due
from service.sandbox.faults import Fault, Hang
from service.store import leases
from service.write.crash import CrashPoint, arm
from tests.write.bench import Bench, on_bench
from tests.write.ways import DONE, EXPECTED, counts, drain


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm(None)


def test_a_worker_that_lost_its_lease_changes_nothing_any_more() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        taken: list[int | None] = []

        def pause(point: CrashPoint) -> None:
            if point is CrashPoint.AFTER_SEND and not taken:
                bench.later(LEASE_S + 1)
                taken.append(None)

        arm(pause)
        await drain(bench)
        assert {row.state for row in await bench.rows(review)} == {DONE}
        assert counts(bench) == EXPECTED

    on_bench(use)


def test_a_worker_that_slept_past_its_lease_sends_nothing() -> None:
    async def use(bench: Bench) -> None:
        await bench.signed()

        def sleep(point: CrashPoint) -> None:
            if point is CrashPoint.BEFORE_SEND:
                bench.later(LEASE_S + 1)

        arm(sleep)
        assert await deliver_due(bench.courier) == 0
        assert counts(bench) == {}

    on_bench(use)


def test_a_request_never_outlasts_its_lease() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        hang = Fault(Hang(seconds=3600), method="POST")
        bench.servers["psychiatry"].faults.add(hang)
        bench.courier = replace(bench.courier, lease_s=0.4)
        async with asyncio.timeout(20):
            await deliver_due(bench.courier)
        bench.later(1)
        bench.courier = replace(bench.courier, lease_s=LEASE_S)
        await drain(bench)
        assert {row.state for row in await bench.rows(review)} == {DONE}
        assert counts(bench) == EXPECTED

    on_bench(use)


def test_what_somebody_else_holds_is_left_alone() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        name = f"deliver/{bench.patient}/psychiatry"
        async with bench.store.transaction() as tx:
            assert await leases.acquire(tx, name, "w2", seconds=LEASE_S, at=bench.now[0])
        assert await deliver_due(bench.courier) == 0
        assert {(row.state, row.attempts) for row in await bench.rows(review)} == {
            (DeliveryState.PLANNED, 0)
        }
        bench.later(LEASE_S + 1)
        await drain(bench)
        assert {row.state for row in await bench.rows(review)} == {DONE}

    on_bench(use)
