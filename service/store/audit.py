"""Who did what, when: one row per act, in the same transaction as the act."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.model.review import User
from service.store.tables import audit


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
            who=user.id if user else "concord",
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
