"""A restored store and a new key, on either database, while there is something to write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from service.model.review import DeliveryState
from service.pipeline.deliver import deliver_due
from service.store import access, open_store, patients
from service.store import deliveries as outbox
from service.store.backup import backup
from service.store.rekey import rekey
from service.store.vault import key_ring, new_key
from tests.write.bench import Bench, bench, on_bench
from tests.write.synthetic import AT
from tests.write.ways import DONE, EXPECTED, WAYS, counts, drain, versions

OLD, NEW = key_ring(f"{new_key()}\n{new_key()}\n")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("delivered_since", [False, True])
def test_an_old_backup_restored_writes_nothing_twice(
    way: str, delivered_since: bool, tmp_path: Path
) -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        file = tmp_path / "backup.gz"
        await backup(bench.store, file)
        if delivered_since:
            await drain(bench)
        async with AsyncExitStack() as stack:
            await bench.restored(file, stack)
            await drain(bench)
            states = {row.state for row in await bench.rows(review)}
            if way == "by POST once" and not delivered_since:
                assert states == {DeliveryState.NEEDS_REVIEW}
                assert counts(bench) == {}
            else:
                assert states == {DONE}
                assert counts(bench) == EXPECTED
            assert versions(bench) <= {1}

    on_bench(use, **WAYS[way])


@pytest.mark.parametrize("way", WAYS)
def test_what_was_signed_after_the_backup_is_not_written_twice_when_it_is_signed_again(
    way: str, tmp_path: Path
) -> None:
    async def use(bench: Bench) -> None:
        file = tmp_path / "backup.gz"
        await backup(bench.store, file)
        await bench.signed()
        await drain(bench)
        async with AsyncExitStack() as stack:
            await bench.restored(file, stack)
            bench.later(60)
            await bench.signed()
            await drain(bench)
            assert counts(bench) == EXPECTED
            assert versions(bench) == {1}

    on_bench(use, **WAYS[way])


def test_an_old_backup_restored_writes_nothing_twice_and_counts_on(
    new_store: Callable[[], str], tmp_path: Path
) -> None:
    async def use() -> None:
        async with AsyncExitStack() as stack:
            made = await bench(stack, url=new_store())
            review = await made.signed()
            await granted(made, "before")
            await backup(made.store, tmp_path / "backup.gz")
            await drain(made)
            await made.restored(tmp_path / "backup.gz", stack, new_store())
            await granted(made, "after")
            await drain(made)
            assert {row.state for row in await made.rows(review)} == {DeliveryState.DONE}
            assert counts(made) == EXPECTED
            assert versions(made) == {1}
            async with made.store.read() as look:
                assert (await outbox.balance(look)).holds

    asyncio.run(use())


async def granted(made: Bench, who: str) -> None:
    """One more row of a table that numbers its rows by itself, beside the audit."""
    async with made.store.transaction() as tx:
        await access.grant(tx, made.patient, who, access.How.ASKED, at=AT)


def test_a_key_is_rotated_while_writes_are_delivered(store_url: str) -> None:
    async def use() -> None:
        async with AsyncExitStack() as stack:
            made = await bench(stack, url=store_url, keys=(OLD,))
            review = await made.signed()
            changed = await bench(
                stack, url=store_url, keys=(NEW, OLD), servers=made.servers, worker="w2"
            )
            await asyncio.gather(rekey(changed.store), deliver_due(changed.courier))
            await drain(changed)
            await rekey(changed.store)
            assert counts(changed) == EXPECTED
            assert versions(changed) == {1}
        store = await open_store(store_url, (NEW,))
        async with store.read() as look:
            rows = await outbox.of_review(look, review.id)
            (patient,) = await patients.all_ids(look)
            kept = await patients.get(look, patient)
        await store.close()
        assert {row.state for row in rows if row.resource} == {DeliveryState.DONE}
        assert kept.asked["reference"] == "Patient/17"

    asyncio.run(use())
