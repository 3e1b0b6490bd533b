"""Jobs are rows, done once however often they are started, and taken up again after an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.errors import SourceUnavailable, WriteRejected
from service.jobs import Jobs
from service.store import jobs as rows
from service.store import open_store
from service.store.jobs import JobState


def now() -> datetime:
    return datetime.now(UTC)


def with_jobs(
    folder: Path,
    works: dict[str, Callable[[str], Awaitable[None]]],
    use: Callable[[Jobs], Awaitable[None]],
) -> None:
    async def run() -> None:
        store = await open_store(f"sqlite:///{folder / 'store.db'}")
        jobs = Jobs(store, f"sqlite:///{folder / 'jobs.db'}", works, "w1", now)
        await jobs.launch()
        try:
            await use(jobs)
        finally:
            await jobs.close()
            await store.close()

    asyncio.run(run())


async def ended(jobs: Jobs, job: str) -> rows.Job:
    for _ in range(200):
        found = await jobs.status(job)
        if found.state in {JobState.DONE, JobState.FAILED}:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"{job} does not end")


def test_a_job_is_done_and_its_row_says_so(tmp_path: Path) -> None:
    seen: list[str] = []

    async def work(subject: str) -> None:
        seen.append(subject)

    async def use(jobs: Jobs) -> None:
        job = await jobs.queue("deliver", "sg-1")
        assert (await ended(jobs, job)).state is JobState.DONE
        await jobs.start("deliver", job)
        await asyncio.sleep(0.6)
        assert seen == ["sg-1"]

    with_jobs(tmp_path, {"deliver": work}, use)


def test_what_passes_by_is_tried_again_and_what_does_not_ends_with_its_reason(
    tmp_path: Path,
) -> None:
    tries: list[str] = []

    async def flaky(subject: str) -> None:
        tries.append(subject)
        if len(tries) < 2:
            raise SourceUnavailable

    async def hopeless(_subject: str) -> None:
        raise WriteRejected("the server refuses it")

    async def use(jobs: Jobs) -> None:
        first = await jobs.queue("reconcile", "p-1")
        second = await jobs.queue("deliver", "sg-1")
        assert (await ended(jobs, first)).state is JobState.DONE
        assert len(tries) == 2
        failed = await ended(jobs, second)
        assert (failed.state, failed.reason) == (JobState.FAILED, "the server refuses it")

    with_jobs(tmp_path, {"reconcile": flaky, "deliver": hopeless}, use)


def test_a_row_without_a_workflow_is_taken_up_at_the_next_launch(tmp_path: Path) -> None:
    async def before() -> None:
        store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
        async with store.transaction() as tx:
            await rows.add(tx, "job-1", "deliver", "sg-1", at=now())
        await store.close()

    asyncio.run(before())
    seen: list[str] = []

    async def work(subject: str) -> None:
        seen.append(subject)

    async def use(jobs: Jobs) -> None:
        assert (await ended(jobs, "job-1")).state is JobState.DONE
        assert seen == ["sg-1"]

    with_jobs(tmp_path, {"deliver": work}, use)


def test_the_store_never_meets_a_pickle(tmp_path: Path) -> None:
    async def work(_subject: str) -> None:
        return None

    async def use(jobs: Jobs) -> None:
        await ended(jobs, await jobs.queue("deliver", "sg-1"))

    with_jobs(tmp_path, {"deliver": work}, use)
    raw = (tmp_path / "jobs.db").read_bytes()
    wal = tmp_path / "jobs.db-wal"
    raw += wal.read_bytes() if wal.exists() else b""
    assert b"sg-1" not in raw
    assert b"gASV" not in raw


@pytest.mark.parametrize("kind", ["unheard-of"])
def test_a_kind_that_nobody_does_fails_in_words(tmp_path: Path, kind: str) -> None:
    async def use(jobs: Jobs) -> None:
        failed = await ended(jobs, await jobs.queue(kind, "x"))
        assert failed.state is JobState.FAILED
        assert kind in failed.reason

    async def work(_subject: str) -> None:
        return None

    with_jobs(tmp_path, {"deliver": work}, use)


def test_sources_that_hang_hold_no_persons_job_up(tmp_path: Path) -> None:
    released = asyncio.Event()
    begun: list[str] = []

    async def hang(subject: str) -> None:
        begun.append(subject)
        await released.wait()

    async def work(_subject: str) -> None:
        return None

    async def use(jobs: Jobs) -> None:
        hanging = [await jobs.queue("sync", f"source-{n}") for n in range(jobs.syncs_at_once)]
        for _ in range(200):
            if len(begun) == len(hanging):
                break
            await asyncio.sleep(0.05)
        assert (await ended(jobs, await jobs.queue("reconcile", "p-1"))).state is JobState.DONE
        released.set()
        for job in hanging:
            assert (await ended(jobs, job)).state is JobState.DONE
        await jobs.forget(hanging)

    with_jobs(tmp_path, {"sync": hang, "reconcile": work}, use)
