"""Jobs as rows: what was asked for, before anything acts on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import NotKept
from service.store.tables import jobs


class JobState(StrEnum):
    """Where a job stands; `failed` carries its reason."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work. `subject` is the id of the row that it is about."""

    id: str
    kind: str
    subject: str
    state: JobState
    reason: str
    created_at: datetime
    changed_at: datetime


async def add(tx: AsyncConnection, job: str, kind: str, subject: str, *, at: datetime) -> Job:
    """The job under this id, queued when it is new; adding it twice is adding it once."""
    row = (await tx.execute(select(jobs).where(jobs.c.id == job))).first()
    if row is not None:
        return _job(row)
    await tx.execute(
        insert(jobs).values(
            id=job,
            kind=kind,
            subject=subject,
            state=JobState.QUEUED.value,
            reason="",
            created_at=at,
            changed_at=at,
        )
    )
    return Job(job, kind, subject, JobState.QUEUED, "", at, at)


async def get(look: AsyncConnection, job: str) -> Job:
    """Raises: NotKept."""
    row = (await look.execute(select(jobs).where(jobs.c.id == job))).first()
    if row is None:
        raise NotKept
    return _job(row)


async def unfinished(look: AsyncConnection) -> tuple[Job, ...]:
    """Queued and running jobs, oldest first: what a worker takes up after a start."""
    found = await look.execute(
        select(jobs)
        .where(jobs.c.state.in_([JobState.QUEUED.value, JobState.RUNNING.value]))
        .order_by(jobs.c.created_at, jobs.c.id)
    )
    return tuple(_job(row) for row in found)


async def open_of(look: AsyncConnection, kind: str) -> tuple[Job, ...]:
    """Queued and running jobs of one kind, oldest first."""
    return tuple(job for job in await unfinished(look) if job.kind == kind)


async def forget(tx: AsyncConnection, kind: str, *, before: datetime) -> tuple[str, ...]:
    """Delete jobs of this kind that were done before then; gives their ids."""
    old = (jobs.c.kind == kind, jobs.c.state == JobState.DONE.value, jobs.c.changed_at < before)
    found = tuple(await tx.scalars(select(jobs.c.id).where(*old).order_by(jobs.c.id).limit(500)))
    if found:
        await tx.execute(delete(jobs).where(jobs.c.id.in_(found)))
    return found


async def newest_of(look: AsyncConnection, subject: str, kind: str) -> Job | None:
    row = (
        await look.execute(
            select(jobs)
            .where(jobs.c.subject == subject, jobs.c.kind == kind)
            .order_by(jobs.c.created_at.desc(), jobs.c.id)
            .limit(1)
        )
    ).first()
    return None if row is None else _job(row)


async def move(
    tx: AsyncConnection, job: str, state: JobState, *, at: datetime, reason: str = ""
) -> None:
    await tx.execute(
        update(jobs).where(jobs.c.id == job).values(state=state.value, reason=reason, changed_at=at)
    )


def _job(row: Row[Any]) -> Job:
    return Job(
        row.id,
        row.kind,
        row.subject,
        JobState(row.state),
        row.reason,
        row.created_at,
        row.changed_at,
    )
