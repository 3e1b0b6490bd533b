"""What is kept no longer than needed: readings and reports that nobody reviewed.

Reports that were reviewed, with their decisions, signatures, writes and audit rows, are the record
of what people did and stay. Of each patient the newest report and, of each source, the newest
reading and the newest complete one stay too: the next reconciliation builds on them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.model.source import State
from service.store import audit
from service.store.database import Store
from service.store.tables import (
    payloads,
    read_resources,
    reads,
    report_reads,
    reports,
    reviews,
    source_syncs,
    worklist,
)


async def purge(store: Store, *, before: datetime, at: datetime) -> tuple[int, int]:
    """Deletes what is older and not needed; gives the reports and readings that went."""
    async with store.transaction() as tx:
        old_reports = tuple(await tx.scalars(_reports(before)))
        for some in _batches(old_reports):
            await tx.execute(delete(report_reads).where(report_reads.c.report.in_(some)))
            await tx.execute(delete(reports).where(reports.c.id.in_(some)))
        old_reads = tuple(await tx.scalars(_reads(before)))
        for some in _batches(old_reads):
            await tx.execute(delete(read_resources).where(read_resources.c.read.in_(some)))
            await tx.execute(delete(reads).where(reads.c.id.in_(some)))
        used = select(read_resources.c.digest)
        await tx.execute(delete(payloads).where(payloads.c.digest.not_in(used)))
        subject = f"before {before.date().isoformat()}"
        await _noted(tx, subject, len(old_reports) + len(old_reads), at)
    await store.shrink()
    return len(old_reports), len(old_reads)


def _reports(before: datetime) -> Select[Any]:
    newest = select(func.max(reports.c.number)).where(reports.c.patient == _outer.c.patient)
    return (
        select(_outer.c.id)
        .where(_outer.c.created_at < before)
        .where(_outer.c.id.not_in(select(reviews.c.report)))
        .where(_outer.c.id.not_in(select(worklist.c.report)))
        .where(_outer.c.number < newest.scalar_subquery())
    )


def _reads(before: datetime) -> Select[Any]:
    """Readings of no kept report that are neither the newest nor the newest complete one, and on
    which no later reading builds."""
    same = (reads.c.patient == _read.c.patient) & (reads.c.source == _read.c.source)
    newest = select(func.max(reads.c.kept_at)).where(same)
    complete = newest.where(reads.c.state == State.COMPLETE.value)
    return (
        select(_read.c.id)
        .where(_read.c.kept_at < before)
        .where(_read.c.id.not_in(select(report_reads.c.read)))
        .where(_read.c.id.not_in(_built_on))
        .where(_read.c.kept_at < newest.scalar_subquery())
        .where(_read.c.kept_at != func.coalesce(complete.scalar_subquery(), ""))
    )


_outer = reports.alias("outer_reports")
_read = reads.alias("outer_reads")
_built_on = select(source_syncs.c.read).where(source_syncs.c.read.is_not(None))
_BATCH = 400


def _batches(ids: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH)]


async def _noted(tx: AsyncConnection, subject: str, count: int, at: datetime) -> None:
    await audit.record(tx, None, "purge", subject, outcome=f"{count} deleted", at=at)
