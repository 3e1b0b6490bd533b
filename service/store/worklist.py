"""The worklist's index: one row per patient, in the order in which patients need a look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.model.finding import Severity
from service.store import terms
from service.store.access import Confined, of_person
from service.store.tables import patients, worklist
from service.store.terms import Wanted

EVERYBODY = Wanted()


@dataclass(frozen=True, slots=True)
class WorklistRow:
    """One patient's place. `sort` orders as text, smallest first; it comes from `review.worklist`.

    `next_visit` is an ISO day or "", `waiting_since` when the newest report was made first with
    these bytes, `signed_at` when a list was last signed. `identity` is what to show of the person,
    `face` what to show of the report (`review.worklist.face`), `terms` what it is found by.
    """

    patient: str
    report: str
    severity: Severity
    urgent: bool
    next_visit: str
    waiting_since: datetime
    high: int
    moderate: int
    low: int
    not_evaluable: int
    incomplete_sources: int
    sort: str
    signed_at: datetime | None = None
    identity: tuple[tuple[str, str], ...] = ()
    face: Mapping[str, Any] = field(default_factory=dict)
    terms: tuple[tuple[str, str], ...] = ()


async def put(tx: AsyncConnection, row: WorklistRow, *, name: str = "", key: bytes = b"") -> None:
    """Place the patient anew; when a list was signed last is kept.

    Args:
        name: what the patient is searched by, kept as hashes under `key` only.
    """
    signed_at = row.signed_at or await tx.scalar(
        select(worklist.c.signed_at).where(worklist.c.patient == row.patient)
    )
    await tx.execute(delete(worklist).where(worklist.c.patient == row.patient))
    await tx.execute(
        insert(worklist).values(
            patient=row.patient,
            report=row.report,
            severity=row.severity.rank,
            urgent=row.urgent,
            next_visit=row.next_visit,
            waiting_since=row.waiting_since,
            high=row.high,
            moderate=row.moderate,
            low=row.low,
            not_evaluable=row.not_evaluable,
            incomplete_sources=row.incomplete_sources,
            signed_at=signed_at,
            sort=row.sort,
            face=dict(row.face),
        )
    )
    await terms.put(tx, row.patient, row.terms, name, key)


async def mark_signed(tx: AsyncConnection, patient: str, *, at: datetime) -> None:
    await tx.execute(update(worklist).where(worklist.c.patient == patient).values(signed_at=at))


async def page(
    look: AsyncConnection,
    *,
    cursor: str = "",
    limit: int = 50,
    confined: Confined | None = None,
    wanted: Wanted = EVERYBODY,
    key: bytes = b"",
    fresh_from: datetime | None = None,
) -> tuple[tuple[WorklistRow, ...], str | None]:
    """Rows after `cursor`, gravest first, and the cursor of the next page (None at the end).

    Args:
        confined: to whose patients alone, None for everybody's.
        wanted: which patients are looked for; `key` is the store's own, for names.
        fresh_from: sources that were last seen before are not complete any more.
    """
    theirs = true() if confined is None else of_person(worklist.c.patient, confined)
    found = (
        await look.execute(
            select(worklist, patients.c.identity)
            .join(patients, patients.c.id == worklist.c.patient)
            .where(worklist.c.sort > cursor, theirs, terms.condition(wanted, key, fresh_from))
            .order_by(worklist.c.sort)
            .limit(limit + 1)
        )
    ).all()
    rows = tuple(_row(row) for row in found[:limit])
    return rows, rows[-1].sort if len(found) > limit else None


async def row_of(look: AsyncConnection, patient: str) -> WorklistRow | None:
    row = (
        await look.execute(
            select(worklist, patients.c.identity)
            .join(patients, patients.c.id == worklist.c.patient)
            .where(worklist.c.patient == patient)
        )
    ).first()
    return None if row is None else _row(row)


async def counts(
    look: AsyncConnection,
    *,
    confined: Confined | None = None,
    wanted: Wanted = EVERYBODY,
    key: bytes = b"",
    fresh_from: datetime | None = None,
) -> dict[Severity, int]:
    """How many of these patients have each severity as their gravest."""
    theirs = true() if confined is None else of_person(worklist.c.patient, confined)
    found = await look.execute(
        select(worklist.c.severity, func.count().label("patients"))
        .where(theirs, terms.condition(wanted, key, fresh_from))
        .group_by(worklist.c.severity)
    )
    by_rank = {row.severity: row.patients for row in found}
    return {severity: by_rank.get(severity.rank, 0) for severity in Severity}


def _row(row: Row[Any]) -> WorklistRow:
    kept = WorklistRow(
        patient=row.patient,
        report=row.report,
        severity=tuple(Severity)[row.severity],
        urgent=row.urgent,
        next_visit=row.next_visit,
        waiting_since=row.waiting_since,
        high=row.high,
        moderate=row.moderate,
        low=row.low,
        not_evaluable=row.not_evaluable,
        incomplete_sources=row.incomplete_sources,
        sort=row.sort,
        signed_at=row.signed_at,
        face=row.face or {},
    )
    return replace(kept, identity=tuple(sorted(row.identity.items())))
