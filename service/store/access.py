"""Why a person may open a patient: a grant for each, appended and never changed.

Asked only for roles that a site confines to the patients they have to do with.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import NotKept
from service.model.review import User
from service.store.tables import (
    alerts_seen,
    deliveries,
    jobs,
    patient_access,
    patients,
    reviews,
    signatures,
)


class How(StrEnum):
    """What relates a person to a patient."""

    ASKED = "asked"
    LAUNCH = "launch"
    BREAK_GLASS = "break-glass"


@dataclass(frozen=True, slots=True)
class Confined:
    """A person who sees only patients whom he or she has to do with, at this moment."""

    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """One relation. `until` is None for one that lasts; `reason` may name a patient."""

    number: int
    patient: str
    who: str
    how: How
    reason_code: str
    reason: str
    at: datetime
    until: datetime | None
    seen_by: str = ""
    seen_at: datetime | None = None


async def grant(
    tx: AsyncConnection,
    patient: str,
    who: str,
    how: How,
    *,
    reason_code: str = "",
    reason: str = "",
    at: datetime,
    until: datetime | None = None,
) -> None:
    """Append one; a lasting relation that stands already is not said twice."""
    if until is None and await _lasting(tx, patient, who):
        return
    await tx.execute(
        insert(patient_access).values(
            patient=patient,
            who=who,
            how=how.value,
            reason_code=reason_code,
            reason=reason,
            at=at,
            until=until,
        )
    )


async def related(look: AsyncConnection, patient: str, who: str, *, at: datetime) -> bool:
    """Whether this person has to do with this patient now."""
    query = select(patient_access.c.number).where(
        patient_access.c.patient == patient, patient_access.c.who == who, _in_force(at)
    )
    return await look.scalar(query.limit(1)) is not None


def of_person(patient: ColumnElement[str], confined: Confined) -> ColumnElement[bool]:
    """The same as a condition on a column of patients' ids, for lists."""
    mine = select(patient_access.c.patient).where(
        patient_access.c.who == confined.who, _in_force(confined.at)
    )
    return patient.in_(mine)


async def alerts(look: AsyncConnection, *, limit: int = 100) -> tuple[Grant, ...]:
    """Every breaking of the glass, newest first, and who of those it was told to has seen it."""
    found = await look.execute(
        select(patient_access, alerts_seen.c.by, alerts_seen.c.at.label("seen_at"))
        .outerjoin(alerts_seen, alerts_seen.c.number == patient_access.c.number)
        .where(patient_access.c.how == How.BREAK_GLASS.value)
        .order_by(patient_access.c.number.desc())
        .limit(limit)
    )
    return tuple(
        Grant(
            row.number,
            row.patient,
            row.who,
            How(row.how),
            row.reason_code,
            row.reason,
            row.at,
            row.until,
            row.by.name if row.by else "",
            row.seen_at,
        )
        for row in found
    )


async def unseen_alerts(look: AsyncConnection) -> int:
    """How many breakings of the glass nobody has looked at yet."""
    seen = select(alerts_seen.c.number)
    waiting = (
        select(func.count())
        .select_from(patient_access)
        .where(
            patient_access.c.how == How.BREAK_GLASS.value,
            patient_access.c.number.not_in(seen),
        )
    )
    return await look.scalar(waiting) or 0


async def see_alert(tx: AsyncConnection, number: int, by: User, *, at: datetime) -> None:
    """This person has looked at it; the first who did stays. Raises: NotKept for no alert."""
    known = await tx.scalar(
        select(patient_access.c.number).where(
            patient_access.c.number == number, patient_access.c.how == How.BREAK_GLASS.value
        )
    )
    if known is None:
        raise NotKept
    seen = select(alerts_seen.c.number).where(alerts_seen.c.number == number)
    if await tx.scalar(seen) is None:
        await tx.execute(insert(alerts_seen).values(number=number, by=by, at=at))


async def patient_of(look: AsyncConnection, kind: str, identity: str) -> str | None:
    """The patient whom a "patient", "review", "delivery" or "job" is about, None where unknown."""
    if kind == "patient":
        return await look.scalar(select(patients.c.id).where(patients.c.id == identity))
    if kind == "review":
        return await look.scalar(select(reviews.c.patient).where(reviews.c.id == identity))
    if kind == "delivery":
        return await look.scalar(select(deliveries.c.patient).where(deliveries.c.id == identity))
    subject = await look.scalar(select(jobs.c.subject).where(jobs.c.id == identity))
    if subject is None:
        return None
    signed = select(signatures.c.patient).where(signatures.c.id == subject)
    return await look.scalar(signed) or await patient_of(look, "patient", subject)


async def _lasting(look: AsyncConnection, patient: str, who: str) -> bool:
    query = select(patient_access.c.number).where(
        patient_access.c.patient == patient,
        patient_access.c.who == who,
        patient_access.c.until.is_(None),
    )
    return await look.scalar(query.limit(1)) is not None


def _in_force(at: datetime) -> ColumnElement[bool]:
    until = patient_access.c.until
    return and_(patient_access.c.at <= at, or_(until.is_(None), until > at))
