"""Counts over everything that is kept, for those who watch the service; no row names a patient."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.tables import deliveries, jobs, patients, reads, reports, worklist


@dataclass(frozen=True, slots=True)
class Figures:
    """How much there is: rows as (label or labels, count). `sources` are the newest reads."""

    patients: int
    reports: int
    deliveries: tuple[tuple[str, str, int], ...]
    jobs: tuple[tuple[str, str, int], ...]
    sources: tuple[tuple[str, str, int], ...]


async def figures(look: AsyncConnection) -> Figures:
    """Deliveries by target and state, jobs by kind and state, newest reads by source and state."""
    newest = (
        select(reads.c.patient, reads.c.source, func.max(reads.c.kept_at).label("kept_at"))
        .group_by(reads.c.patient, reads.c.source)
        .subquery()
    )
    of_newest = and_(
        reads.c.patient == newest.c.patient,
        reads.c.source == newest.c.source,
        reads.c.kept_at == newest.c.kept_at,
    )
    return Figures(
        patients=await look.scalar(select(func.count()).select_from(patients)) or 0,
        reports=await look.scalar(select(func.count()).select_from(reports)) or 0,
        deliveries=_rows(
            await look.execute(
                select(deliveries.c.target, deliveries.c.state, func.count())
                .group_by(deliveries.c.target, deliveries.c.state)
                .order_by(deliveries.c.target, deliveries.c.state)
            )
        ),
        jobs=_rows(
            await look.execute(
                select(jobs.c.kind, jobs.c.state, func.count())
                .group_by(jobs.c.kind, jobs.c.state)
                .order_by(jobs.c.kind, jobs.c.state)
            )
        ),
        sources=_rows(
            await look.execute(
                select(reads.c.source, reads.c.state, func.count())
                .join(newest, of_newest)
                .group_by(reads.c.source, reads.c.state)
                .order_by(reads.c.source, reads.c.state)
            )
        ),
    )


async def newest_reports(look: AsyncConnection) -> tuple[str, ...]:
    """Ids of the reports that the worklist stands on."""
    return tuple(await look.scalars(select(worklist.c.report).order_by(worklist.c.report)))


def _rows(found: Iterable[Sequence[Any]]) -> tuple[tuple[str, str, int], ...]:
    return tuple((str(row[0]), str(row[1]), int(row[2])) for row in found)
