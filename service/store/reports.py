"""Reports as the exact bytes that were shown: immutable, numbered per patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import NotKept, StoreError
from service.model.identity import content_id
from service.store.tables import report_reads, reports


@dataclass(frozen=True, slots=True)
class KeptReport:
    """One report. `digest` is the SHA-256 of `body`; `etag` is its ETag on the wire."""

    id: str
    patient: str
    number: int
    as_of: date
    created_at: datetime
    digest: str
    body: bytes

    @property
    def etag(self) -> str:
        return f'"{self.digest}"'


@dataclass(frozen=True, slots=True)
class ReportEntry:
    """A report in a list of earlier ones, without its bytes."""

    id: str
    number: int
    as_of: date
    created_at: datetime
    digest: str


async def keep(
    tx: AsyncConnection,
    patient: str,
    body: bytes,
    *,
    as_of: date,
    reads: Sequence[str] = (),
    at: datetime,
) -> KeptReport:
    """Keep these bytes as the patient's newest report.

    When the newest report has the very same bytes it is given back instead of a second one: a
    review that stands on it stays valid. `reads` are ids of the reads it was made of.
    """
    digest = sha256(body).hexdigest()
    last = await newest(tx, patient)
    if last is not None and last.digest == digest:
        return last
    number = last.number + 1 if last else 1
    report = content_id("report", patient, str(number), digest)
    await tx.execute(
        insert(reports).values(
            id=report,
            patient=patient,
            number=number,
            as_of=as_of,
            created_at=at,
            digest=digest,
            body=body,
        )
    )
    if reads:
        await tx.execute(
            insert(report_reads), [{"report": report, "read": read} for read in sorted(set(reads))]
        )
    return KeptReport(report, patient, number, as_of, at, digest, body)


async def get(look: AsyncConnection, report: str) -> KeptReport:
    """Raises: NotKept; StoreError when the bytes no longer have their digest."""
    row = (await look.execute(select(reports).where(reports.c.id == report))).first()
    if row is None:
        raise NotKept
    return _kept(row)


async def newest(
    look: AsyncConnection, patient: str, *, as_of: date | None = None
) -> KeptReport | None:
    """The newest report of a patient, or the newest that stands on the day `as_of`."""
    query = select(reports).where(reports.c.patient == patient)
    if as_of is not None:
        query = query.where(reports.c.as_of == as_of)
    row = (await look.execute(query.order_by(reports.c.number.desc()).limit(1))).first()
    return None if row is None else _kept(row)


async def standing_at(look: AsyncConnection, patient: str, before: datetime) -> KeptReport | None:
    """The newest report that was made before this moment."""
    query = (
        select(reports)
        .where(reports.c.patient == patient, reports.c.created_at < before)
        .order_by(reports.c.number.desc())
        .limit(1)
    )
    row = (await look.execute(query)).first()
    return None if row is None else _kept(row)


async def history(look: AsyncConnection, patient: str) -> tuple[ReportEntry, ...]:
    """Every report of a patient, newest first, without the bytes."""
    found = await look.execute(
        select(
            reports.c.id,
            reports.c.number,
            reports.c.as_of,
            reports.c.created_at,
            reports.c.digest,
        )
        .where(reports.c.patient == patient)
        .order_by(reports.c.number.desc())
    )
    return tuple(ReportEntry(*row) for row in found)


def _kept(row: Row[Any]) -> KeptReport:
    if sha256(row.body).hexdigest() != row.digest:
        raise StoreError(f"report {row.id} is damaged in the store; restore it from a backup")
    return KeptReport(
        row.id, row.patient, row.number, row.as_of, row.created_at, row.digest, row.body
    )
