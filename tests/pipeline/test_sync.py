"""Sources read by themselves: when they are due, spread out, one at a time, and never forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from service.errors import StoreConflict
from service.pipeline.fresh import Reading
from service.pipeline.sync import SILENT, Rhythm, waited
from service.store import jobs, syncs
from service.store.jobs import JobState
from tests.pipeline.fresh_ward import LITHIUM, FreshWard, in_fresh_ward, order, person

HOURLY = {"psychiatry": Rhythm("psychiatry", timedelta(hours=1))}
BOTH = {name: Rhythm(name, timedelta(hours=1)) for name in ("pharmacy", "psychiatry")}
ASKED_ONLY = {"psychiatry": Rhythm("psychiatry")}


async def planned(ward: FreshWard) -> list[str]:
    """The sources for which a job was planned now."""
    found = []
    for job in (await ward.syncing.plan()).start:
        async with ward.store.read() as look:
            found.append((await jobs.get(look, job)).subject)
    return sorted(found)


async def end_jobs(ward: FreshWard) -> None:
    async with ward.store.transaction() as tx:
        for job in await jobs.unfinished(tx):
            await jobs.move(tx, job.id, JobState.DONE, at=ward.now[0])


async def ask(ward: FreshWard, source: str = "psychiatry") -> None:
    async with ward.store.transaction() as tx:
        await syncs.ask(tx, source, [ward.patient], at=ward.now[0])


async def more_patients(ward: FreshWard, count: int) -> list[str]:
    found = []
    for number in range(2, 2 + count):
        for name, server in ward.servers.items():
            server.load([person(number), order(f"{name}-{number}", number)])
        patient = await ward.asked_for(number)
        await ward.read(patient=patient)
        found.append(patient)
    return found


def test_first_readings_are_spread_over_the_whole_span() -> None:
    async def use(ward: FreshWard) -> None:
        ward.rhythms = HOURLY
        everybody = [ward.patient, *await more_patients(ward, 7)]
        assert await planned(ward) == []
        due = []
        for patient in everybody:
            async with ward.store.read() as look:
                rows = await syncs.of_patient(look, patient)
            assert rows["pharmacy"].due_at is None
            assert rows["psychiatry"].due_at is not None
            due.append(rows["psychiatry"].due_at - ward.now[0])
        assert timedelta(0) <= min(due) < max(due) <= timedelta(hours=1)
        assert max(due) - min(due) > timedelta(minutes=15)
        assert len(set(due)) == len(due)

    in_fresh_ward(use)


def test_what_is_due_is_read_once_and_is_next_an_hour_later() -> None:
    async def use(ward: FreshWard) -> None:
        ward.rhythms = HOURLY
        await planned(ward)
        ward.later(hours=2)
        ward.put("psychiatry", order("new", 1, LITHIUM))
        ward.later(minutes=1)
        assert await planned(ward) == ["psychiatry"]
        assert await planned(ward) == []
        ward.forget()
        done = await ward.syncing.sync("psychiatry")
        assert (done.read, done.changed, done.silent, done.failed) == (1, 1, 0, 0)
        assert ward.rounds == {"pharmacy": 0, "psychiatry": 1}
        assert (await ward.syncing.sync("psychiatry")).read == 0
        row = (await ward.rows())["psychiatry"]
        assert row.due_at == ward.now[0] + timedelta(hours=1)
        assert (row.asks, row.failures, row.claimed_until) == (0, 0, None)
        assert len(await ward.history()) == 2

    in_fresh_ward(use)


def test_what_was_asked_for_many_times_is_read_once_at_once() -> None:
    async def use(ward: FreshWard) -> None:
        ward.rhythms = ASKED_ONLY
        assert await planned(ward) == []
        for _ in range(20):
            await ask(ward)
        assert await planned(ward) == ["psychiatry"]
        assert (await ward.syncing.sync("psychiatry")).read == 1
        row = (await ward.rows())["psychiatry"]
        assert (row.due_at, row.asks) == (None, 0)
        await end_jobs(ward)
        assert await planned(ward) == []

    in_fresh_ward(use)


def test_what_is_asked_for_while_it_is_read_is_read_once_more() -> None:
    async def use(ward: FreshWard) -> None:
        ward.rhythms = ASKED_ONLY
        await ask(ward)
        reading = asyncio.create_task(ward.syncing.sync("psychiatry"))
        await ward.lines["psychiatry"].begun.wait()
        await ask(ward)
        assert (await reading).read == 2
        assert (await ward.rows())["psychiatry"].due_at is None

    in_fresh_ward(use)


def test_two_workers_never_read_the_same_patient_at_the_same_time() -> None:
    async def use(ward: FreshWard) -> None:
        ward.rhythms = ASKED_ONLY
        await ask(ward)
        first, second = await asyncio.gather(
            ward.syncing.sync("psychiatry"), ward.syncing.sync("psychiatry")
        )
        assert first.read + second.read == 1

    in_fresh_ward(use)


def test_a_worker_that_slept_over_its_claim_keeps_nothing() -> None:
    async def use(ward: FreshWard) -> None:
        ward.rhythms = ASKED_ONLY
        await ask(ward)
        at = ward.now[0]
        async with ward.store.transaction() as tx:
            (mine,) = await syncs.claim(
                tx, "psychiatry", at=at, until=at + timedelta(minutes=5), limit=5
            )
        ward.later(minutes=6)
        ward.put("psychiatry", order("new", 1, LITHIUM))
        assert (await ward.syncing.sync("psychiatry")).read == 1
        syncing = ward.syncing
        with pytest.raises(StoreConflict):
            await _late(ward, mine)
        async with ward.store.transaction() as tx:
            await syncs.give_back(tx, mine, due_at=at, failed=True)
        row = (await ward.rows())["psychiatry"]
        assert (row.due_at, row.failures) == (None, 0)
        assert (await syncing.sync("psychiatry")).read == 0

    in_fresh_ward(use)


async def _late(ward: FreshWard, claim: syncs.Freshness) -> None:
    from service.pipeline.refresh import refresh
    from tests.patients.golden import AS_OF
    from tests.pipeline.wards import knowledge

    await refresh(
        ward.store,
        ward.readers,
        knowledge(),
        ward.patient,
        as_of=AS_OF,
        at=ward.now[0],
        reading=Reading(by_itself=True),
        claim=claim,
    )


def test_what_a_dead_worker_had_claimed_is_read_after_its_time() -> None:
    async def use(ward: FreshWard) -> None:
        ward.rhythms = ASKED_ONLY
        await ask(ward)
        at = ward.now[0]
        async with ward.store.transaction() as tx:
            await syncs.claim(tx, "psychiatry", at=at, until=at + timedelta(minutes=5), limit=5)
        assert (await ward.syncing.sync("psychiatry")).read == 0
        ward.later(minutes=5)
        assert await planned(ward) == ["psychiatry"]
        assert (await ward.syncing.sync("psychiatry")).read == 1

    in_fresh_ward(use)


def test_a_silent_source_is_left_alone_and_holds_no_other_up() -> None:
    async def use(ward: FreshWard) -> None:
        ward.rhythms = BOTH
        await more_patients(ward, 7)
        await planned(ward)
        ward.later(hours=2)
        ward.lines["pharmacy"].down = True
        ward.forget()
        silent, good = await asyncio.gather(
            ward.syncing.sync("pharmacy"), ward.syncing.sync("psychiatry")
        )
        assert good.read == 8
        assert SILENT <= silent.silent <= SILENT + 1
        await end_jobs(ward)
        assert await planned(ward) == []
        ward.later(minutes=7)
        ward.lines["pharmacy"].down = False
        assert "pharmacy" in await planned(ward)
        assert (await ward.syncing.sync("pharmacy")).read == 8
        assert {row.failures for row in (await ward.rows()).values()} == {0}

    in_fresh_ward(use)


def test_a_reading_that_fails_stays_asked_for_and_is_tried_later_and_later() -> None:
    async def use(ward: FreshWard) -> None:
        ward.rhythms = ASKED_ONLY
        ward.lines["psychiatry"].down = True
        await ask(ward)
        waits = []
        for tries in range(1, 8):
            await ward.syncing.sync("psychiatry")
            row = (await ward.rows())["psychiatry"]
            assert (row.asks, row.failures) == (1, tries)
            assert row.due_at is not None
            waits.append(row.due_at - ward.now[0])
            ward.now[0] = row.due_at
        assert waits == sorted(waits)
        assert timedelta(minutes=1) < waits[0] < timedelta(minutes=3) < waits[-1]
        ward.lines["psychiatry"].down = False
        assert (await ward.syncing.sync("psychiatry")).read == 1
        assert (await ward.rows())["psychiatry"].due_at is None

    in_fresh_ward(use)


def test_a_source_without_the_patient_is_searched_at_the_full_compare_only() -> None:
    async def use(ward: FreshWard) -> None:
        ward.servers["pharmacy"].storage.forget("Patient", "p1")
        await ward.read()
        ward.rhythms = {"pharmacy": Rhythm("pharmacy", timedelta(minutes=30))}
        await planned(ward)
        ward.later(hours=1)
        assert (await ward.syncing.sync("pharmacy")).read == 1
        row = (await ward.rows())["pharmacy"]
        assert row.due_at == ward.now[0] + ward.ages.full

    in_fresh_ward(use)


def test_a_job_that_was_queued_and_never_started_is_started_by_another_process() -> None:
    async def use(ward: FreshWard) -> None:
        ward.rhythms = ASKED_ONLY
        await ask(ward)
        (job,) = (await ward.syncing.plan()).start
        ward.later(seconds=30)
        assert (await ward.syncing.plan()).start == ()
        ward.later(minutes=2)
        assert (await ward.syncing.plan()).start == (job,)

    in_fresh_ward(use)


def test_jobs_done_long_ago_leave_no_rows() -> None:
    async def use(ward: FreshWard) -> None:
        ward.rhythms = ASKED_ONLY
        await ask(ward)
        (job,) = (await ward.syncing.plan()).start
        await ward.syncing.sync("psychiatry")
        await end_jobs(ward)
        ward.later(hours=25)
        await ask(ward)
        assert (await ward.syncing.plan()).forgotten == (job,)

    in_fresh_ward(use)


def test_a_source_that_is_not_configured_any_more_is_left_alone() -> None:
    async def use(ward: FreshWard) -> None:
        ward.rhythms = HOURLY
        await planned(ward)
        ward.rhythms = {}
        ward.later(hours=3)
        assert await planned(ward) == []
        assert (await ward.syncing.sync("psychiatry")).read == 0

    in_fresh_ward(use)


def test_waiting_grows_to_an_hour_and_differs_from_one_to_the_next() -> None:
    spans = [waited(tries, "p-1") for tries in range(1, 20)]
    assert spans == sorted(spans)
    assert spans[-1] <= timedelta(hours=1.2)
    assert len({waited(3, f"p-{n}") for n in range(20)}) == 20
