"""When each source of a patient is read next, on both databases: claimed once, never forgotten."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from service.errors import StoreConflict
from service.store import Store, notices, patients, syncs
from service.store.notices import Channel
from service.store.syncs import Freshness
from tests.store.opened import on
from tests.write.synthetic import AT

LATER = AT + timedelta(minutes=5)
SOURCE = "psychiatry"


async def some(store: Store, count: int, due_at: datetime | None = AT) -> list[str]:
    found = []
    async with store.transaction() as tx:
        for number in range(count):
            asked = {"source": SOURCE, "reference": f"Patient/{number}"}
            patient = (await patients.ask(tx, store.key, asked, at=AT)).id
            await syncs.put(tx, patient, SOURCE, due_at=due_at)
            found.append(patient)
    return sorted(found)


async def claimed(store: Store, *, at: datetime = AT, limit: int = 10) -> tuple[Freshness, ...]:
    async with store.transaction() as tx:
        return await syncs.claim(tx, SOURCE, at=at, until=at + timedelta(minutes=5), limit=limit)


async def row(store: Store, patient: str) -> Freshness:
    async with store.read() as look:
        return (await syncs.of_patient(look, patient))[SOURCE]


def test_what_is_due_is_claimed_by_one_of_many_workers(store_url: str) -> None:
    async def use(store: Store) -> None:
        everybody = await some(store, 9)
        rounds = await asyncio.gather(*(claimed(store, limit=4) for _ in range(4)))
        taken = [one.patient for each in rounds for one in each]
        assert sorted(taken) == sorted(set(taken))
        while more := await claimed(store):
            taken += [one.patient for one in more]
        assert sorted(taken) == everybody

    on(store_url, use)


def test_a_claim_that_ran_out_is_taken_by_another_and_the_first_is_found_out(
    store_url: str,
) -> None:
    async def use(store: Store) -> None:
        await some(store, 1)
        (first,) = await claimed(store)
        (second,) = await claimed(store, at=LATER)
        assert second.claim == first.claim + 1
        async with store.transaction() as tx:
            await syncs.held(tx, second)
        with pytest.raises(StoreConflict):
            async with store.transaction() as tx:
                await syncs.held(tx, first)

    on(store_url, use)


def test_what_is_asked_for_comes_first_and_what_is_asked_meanwhile_stays_due(
    store_url: str,
) -> None:
    async def use(store: Store) -> None:
        *others, wanted = await some(store, 4)
        async with store.transaction() as tx:
            assert await syncs.ask(tx, SOURCE, [wanted, wanted], at=AT + timedelta(seconds=1)) == 1
        (taken,) = await claimed(store, at=AT + timedelta(seconds=2), limit=1)
        assert (taken.patient, taken.asks) == (wanted, 1)
        async with store.transaction() as tx:
            await syncs.ask(tx, SOURCE, [wanted], at=LATER)
            await syncs.give_back(tx, taken, due_at=None, failed=False)
        after = await row(store, wanted)
        assert (after.asks, after.due_at, after.claimed_until) == (1, AT, None)
        assert (await row(store, others[0])).asks == 0

    on(store_url, use)


def test_a_failure_stays_asked_for_and_is_counted(store_url: str) -> None:
    async def use(store: Store) -> None:
        (patient,) = await some(store, 1)
        async with store.transaction() as tx:
            await syncs.ask(tx, SOURCE, None, at=AT)
        (taken,) = await claimed(store)
        async with store.transaction() as tx:
            await syncs.give_back(tx, taken, due_at=LATER, failed=True)
        after = await row(store, patient)
        assert (after.asks, after.failures, after.due_at) == (1, 1, LATER)
        assert await claimed(store) == ()

    on(store_url, use)


def test_a_sweep_makes_everybody_due_but_those_read_just_now(store_url: str) -> None:
    async def use(store: Store) -> None:
        never, recent, reading = await some(store, 3, due_at=None)
        async with store.transaction() as tx:
            await syncs.put(tx, recent, SOURCE, seen_at=AT)
            await syncs.put(tx, reading, SOURCE, claimed_until=LATER)
            await syncs.sweep(tx, SOURCE, at=AT)
        assert (await row(store, never)).due_at == AT
        assert (await row(store, recent)).due_at == AT + syncs.SWEPT
        assert (await row(store, reading)).asks == 1

    on(store_url, use)


def test_a_source_that_is_silent_is_put_off_as_a_whole(store_url: str) -> None:
    async def use(store: Store) -> None:
        await some(store, 3)
        async with store.transaction() as tx:
            await syncs.postpone(tx, SOURCE, at=AT, until=LATER)
        async with store.read() as look:
            assert not await syncs.due(look, SOURCE, at=AT, patience=timedelta(0))
            assert await syncs.due(look, SOURCE, at=LATER, patience=timedelta(0))
            (told,) = await syncs.by_source(look, at=AT, stale_after=timedelta(hours=1))
        assert (told.planned, told.late, told.failing, told.stale) == (3, 0, 0, 0)
        assert told.next == LATER

    on(store_url, use)


def test_what_a_reading_was_built_on_must_still_stand(store_url: str) -> None:
    async def use(store: Store) -> None:
        (patient,) = await some(store, 1)
        async with store.transaction() as tx:
            await syncs.standing(tx, patient, {SOURCE: None})
        with pytest.raises(StoreConflict):
            async with store.transaction() as tx:
                await syncs.standing(tx, patient, {SOURCE: "read-other"})

    on(store_url, use)


def test_channels_and_questions_are_kept_until_they_are_settled(store_url: str) -> None:
    async def use(store: Store) -> None:
        async with store.transaction() as tx:
            assert await notices.channel(tx, SOURCE, "s1") is None
            told = Channel(SOURCE, "s1", 3, "active", AT, 2, 1, 1, 0)
            await notices.put(tx, told)
            await notices.put(tx, told)
            assert await notices.channel(tx, SOURCE, "s1") == told
            assert await notices.how_many(tx, SOURCE) == 1
            for _ in range(2):
                await notices.wonder(tx, SOURCE, "MedicationRequest/9", at=AT)
            await notices.wonder(tx, SOURCE, "MedicationRequest/10", at=LATER)
        async with store.transaction() as tx:
            assert await notices.wondering(tx, SOURCE) == 2
            assert await notices.wondered(tx, SOURCE, at=AT, limit=9) == ("MedicationRequest/9",)
            await notices.later(tx, SOURCE, at=LATER)
            assert await notices.wondered(tx, SOURCE, at=AT, limit=9) == ()
            await notices.settle(tx, SOURCE, "MedicationRequest/9")
            assert await notices.wondering(tx, SOURCE) == 1

    on(store_url, use)
