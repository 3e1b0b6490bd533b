"""What was done stays as it was written: every change of the trail is found out."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import delete, insert, select, update

from service.errors import SettingsError
from service.store import Store, audit
from service.store.seals import check, checkpoint, seal
from service.store.tables import audit as rows
from service.store.tables import audit_seals
from tests.store.opened import on
from tests.write.synthetic import AT, PHARMACIST


async def act(store: Store, count: int) -> None:
    for number in range(count):
        async with store.transaction() as tx:
            await audit.record(tx, PHARMACIST, "act", str(number), at=AT)


def test_an_untouched_trail_holds_and_says_what_is_not_sealed_yet(store_url: str) -> None:
    async def use(store: Store) -> None:
        await act(store, 5)
        assert await seal(store) == 5
        assert await seal(store) == 0
        await act(store, 2)
        found = await check(store)
        assert (found.sealed, found.unsealed, found.faults) == (5, 2, ())
        line = await checkpoint(store, at=AT)
        found = await check(store, line)
        assert (found.sealed, found.unsealed, found.faults) == (7, 0, ())

    on(store_url, use)


def test_sealing_at_the_same_time_seals_each_row_once(store_url: str) -> None:
    async def use(store: Store) -> None:
        await act(store, 20)
        assert sum(await asyncio.gather(*(seal(store) for _ in range(4)))) == 20
        assert (await check(store)).faults == ()

    on(store_url, use)


TAMPERINGS = {
    "a row was changed": update(rows).where(rows.c.number == 3).values(who="somebody"),
    "a row was removed": delete(rows).where(rows.c.number == 3),
    "a row and its seal were removed": delete(audit_seals).where(audit_seals.c.number == 3),
    "two rows changed places": update(audit_seals)
    .where(audit_seals.c.number == 2)
    .values(seal=select(audit_seals.c.seal).where(audit_seals.c.number == 4).scalar_subquery()),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_found_out(what: str) -> None:
    async def use(store: Store) -> None:
        await act(store, 6)
        await seal(store)
        async with store.transaction() as tx:
            await tx.execute(TAMPERINGS[what])
        assert (await check(store)).faults

    on("sqlite://", use)


def test_a_row_slipped_in_later_stands_at_the_end_of_the_chain_with_no_earlier_place() -> None:
    async def use(store: Store) -> None:
        await act(store, 3)
        await seal(store)
        forged = {"number": 0, "at": AT, "who": "x", "role": "", "action": "", "subject": ""}
        async with store.transaction() as tx:
            await tx.execute(
                insert(rows).values(forged | {"patient": "", "outcome": "", "correlation": ""})
            )
        assert (await check(store)).unsealed == 1

    on("sqlite://", use)


def test_a_cut_tail_is_found_out_by_the_checkpoint_and_only_by_it() -> None:
    async def use(store: Store) -> None:
        await act(store, 6)
        line = await checkpoint(store, at=AT)
        async with store.transaction() as tx:
            await tx.execute(delete(rows).where(rows.c.number > 4))
            await tx.execute(delete(audit_seals).where(audit_seals.c.number > 4))
        assert (await check(store)).faults == ()
        assert (await check(store, line)).faults != ()

    on("sqlite://", use)


@pytest.mark.parametrize("change", [("6", "5"), ("signature", "signatur"), ("{", "[")])
def test_a_checkpoint_that_was_changed_is_refused(change: tuple[str, str]) -> None:
    async def use(store: Store) -> None:
        await act(store, 6)
        line = await checkpoint(store, at=AT)
        with pytest.raises(SettingsError, match="checkpoint"):
            await check(store, line.replace(*change, 1))

    on("sqlite://", use)


def test_a_checkpoint_of_another_store_is_refused() -> None:
    lines: list[str] = []

    async def make(store: Store) -> None:
        await act(store, 1)
        lines.append(await checkpoint(store, at=AT))

    async def use(store: Store) -> None:
        await act(store, 1)
        await seal(store)
        with pytest.raises(SettingsError, match="another store"):
            await check(store, lines[0])

    on("sqlite://", make)
    on("sqlite://", use)
