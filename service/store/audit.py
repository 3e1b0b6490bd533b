"""Who did what, when: one row per act, in the same transaction as the act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.model.review import User
from service.store.tables import audit

_ITSELF = "concord"
"""Who acts where no person does."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act. `subject` and `patient` are opaque ids; `action` is a verb of ours."""

    number: int
    at: datetime
    who: str
    role: str
    action: str
    subject: str
    patient: str
    outcome: str
    correlation: str


class Act(NamedTuple):
    """Something that the service did by itself."""

    action: str
    subject: str
    patient: str
    outcome: str


async def record_all(tx: AsyncConnection, acts: Sequence[Act], *, at: datetime) -> None:
    """Append one row per act of the service itself, in one statement."""
    if acts:
        itself = {"at": at, "who": _ITSELF, "role": "service", "correlation": ""}
        await tx.execute(insert(audit), [itself | act._asdict() for act in acts])


async def record(
    tx: AsyncConnection,
    user: User | None,
    action: str,
    subject: str,
    *,
    patient: str = "",
    outcome: str = "done",
    correlation: str = "",
    at: datetime,
) -> None:
    """Append one row; without a user it is the service itself that acts."""
    await tx.execute(
        insert(audit).values(
            at=at,
            who=user.id if user else _ITSELF,
            role=user.role.value if user else "service",
            action=action,
            subject=subject,
            patient=patient,
            outcome=outcome,
            correlation=correlation,
        )
    )


async def rows(
    look: AsyncConnection,
    *,
    patient: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> tuple[AuditRow, ...]:
    """Newest first, of one patient or of all, below the row number `before`."""
    query = select(audit).order_by(audit.c.number.desc()).limit(limit)
    if patient is not None:
        query = query.where(audit.c.patient == patient)
    if before is not None:
        query = query.where(audit.c.number < before)
    return tuple(AuditRow(*row) for row in await look.execute(query))


async def following(
    look: AsyncConnection, *, patient: str | None = None, after: int = 0, limit: int = 100
) -> tuple[AuditRow, ...]:
    """Oldest first, of one patient or of all, above the row number `after`."""
    query = select(audit).where(audit.c.number > after).order_by(audit.c.number).limit(limit)
    if patient is not None:
        query = query.where(audit.c.patient == patient)
    return tuple(AuditRow(*row) for row in await look.execute(query))


async def looked(look: AsyncConnection, who: str, patient: str, *, since: datetime) -> bool:
    """Whether a row of this person's says that this patient ("" for the list) was looked at."""
    query = select(audit.c.number).where(
        audit.c.patient == patient,
        audit.c.at >= since,
        audit.c.who == who,
        audit.c.action.startswith("read-"),
        audit.c.outcome == "done",
    )
    return await look.scalar(query.limit(1)) is not None


async def last_look(
    look: AsyncConnection, who: str, patient: str, action: str, *, before: datetime
) -> datetime | None:
    """When this person did this to this patient last before a moment; None for never."""
    return await look.scalar(
        select(audit.c.at)
        .where(
            audit.c.patient == patient,
            audit.c.who == who,
            audit.c.action == action,
            audit.c.outcome == "done",
            audit.c.at < before,
        )
        .order_by(audit.c.at.desc())
        .limit(1)
    )


async def acts_between(
    look: AsyncConnection, who: str, patient: str, since: datetime, until: datetime
) -> int:
    """How many acts of this person on this patient stand between two moments."""
    query = (
        select(func.count())
        .select_from(audit)
        .where(
            audit.c.patient == patient,
            audit.c.at >= since,
            audit.c.at <= until,
            audit.c.who == who,
        )
    )
    return await look.scalar(query) or 0
