"""What those who run the service look at: reads by source, and the audit trail narrowed down."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.model.source import State
from service.store.audit import AuditRow
from service.store.tables import audit, reads

_ID: Final = re.compile(r"\b([A-Z][A-Za-z]+)/[A-Za-z0-9.\-]+")
"""A reference in a reason: whoever runs the servers sees which type, never whose."""


@dataclass(frozen=True, slots=True)
class SourceReads:
    """For how many patients the newest read of a source ended in this state, and when last."""

    source: str
    state: State
    patients: int
    last: datetime


async def source_reads(look: AsyncConnection) -> tuple[SourceReads, ...]:
    """The newest read of each patient and source, counted by source and state."""
    newest = (
        select(reads.c.patient, reads.c.source, func.max(reads.c.kept_at).label("kept_at"))
        .group_by(reads.c.patient, reads.c.source)
        .subquery()
    )
    same = and_(
        reads.c.patient == newest.c.patient,
        reads.c.source == newest.c.source,
        reads.c.kept_at == newest.c.kept_at,
    )
    found = await look.execute(
        select(
            reads.c.source,
            reads.c.state,
            func.count().label("patients"),
            func.max(reads.c.kept_at, type_=reads.c.kept_at.type).label("last"),
        )
        .join(newest, same)
        .group_by(reads.c.source, reads.c.state)
        .order_by(reads.c.source, reads.c.state)
    )
    return tuple(SourceReads(r.source, State(r.state), r.patients, r.last) for r in found)


async def read_reasons(
    look: AsyncConnection, *, newest: int = 500
) -> Mapping[str, tuple[tuple[str, int], ...]]:
    """Why reads were not complete, by source: reasons in words with how often, frequent ones first.

    Args:
        newest: how many of the incomplete reads, newest first, are looked into.
    """
    found = await look.execute(
        select(reads.c.source, reads.c.certificate)
        .where(reads.c.state != State.COMPLETE.value)
        .order_by(reads.c.kept_at.desc())
        .limit(newest)
    )
    reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in found:
        kept = row.certificate
        told = [*kept.get("reasons", ())]
        told += [
            why
            for one in kept.get("certificates", ())
            if one["state"] != State.NOT_OFFERED.value
            for why in one.get("reasons", ())
        ]
        reasons[row.source].update({_ID.sub(r"\1/…", why): 1 for why in told})
    return {source: tuple(counted.most_common(5)) for source, counted in sorted(reasons.items())}


async def audit_rows(
    look: AsyncConnection,
    *,
    who: str = "",
    action: str = "",
    patient: str = "",
    outcome: str = "",
    before: int | None = None,
    limit: int = 100,
) -> Sequence[AuditRow]:
    """Rows of the trail, newest first; empty arguments exclude nothing, `action` is its start."""
    query = select(audit).order_by(audit.c.number.desc()).limit(limit)
    for column, value in ((audit.c.who, who), (audit.c.patient, patient)):
        if value:
            query = query.where(column == value)
    if outcome:
        query = query.where(audit.c.outcome == outcome)
    if action:
        query = query.where(audit.c.action.startswith(action, autoescape=True))
    if before is not None:
        query = query.where(audit.c.number < before)
    return tuple(AuditRow(*row) for row in await look.execute(query))
