"""A process that halts in the middle of a transaction, and those who need what it holds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from service.errors import StoreUnavailable
from service.pipeline.courier import LEASE_S
from service.store import Store, database, leases
from tests.postgres import empty_database
from tests.store.opened import on

AT = datetime(2026, 5, 4, 9, tzinfo=UTC)


@pytest.mark.postgres
def test_what_a_halted_process_holds_goes_to_its_survivor_and_nothing_of_it_stands(
    postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_ASLEEP_MS", 200)
    taken, over = asyncio.Event(), asyncio.Event()

    async def asleep(store: Store) -> None:
        async with store.transaction() as tx:
            await leases.acquire(tx, "writes", "asleep", seconds=20, at=AT)
            taken.set()
            await over.wait()
            await leases.acquire(tx, "others", "asleep", seconds=20, at=AT)

    async def use(store: Store) -> None:
        halted = asyncio.create_task(asleep(store))
        await taken.wait()
        async with store.transaction() as tx:
            assert await leases.acquire(tx, "writes", "survivor", seconds=20, at=AT) == 1
        over.set()
        with pytest.raises(StoreUnavailable):
            await halted
        async with store.read() as look:
            held = await leases.named(look, "")
        assert [(lease.name, lease.holder) for lease in held] == [("writes", "survivor")]

    with empty_database(postgres_server) as url:
        on(url, use)


def test_a_halted_process_loses_what_it_holds_before_its_lease_runs_out() -> None:
    assert database._ASLEEP_MS / 1000 < LEASE_S
