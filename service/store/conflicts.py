"""What stood on a server when a write met a resource that somebody had changed since it was seen.

One look for each such write, kept until a later one takes its place. It is what a person is shown
beside what was seen, and what the next signature goes on top of.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.model.review import DeliveryState
from service.store.tables import conflict_looks, deliveries


@dataclass(frozen=True, slots=True)
class Look:
    """What stood there. `version` and `body` are None where nothing stands there any more."""

    delivery: str
    seen_at: datetime
    version: str | None
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a resource of ours was seen changed: place, version (None: gone), and when."""

    reference: str
    version: str | None
    seen_at: datetime


async def waiting(look: AsyncConnection) -> tuple[str, ...]:
    """Patients of whom a write met a changed resource that nobody has looked at since."""
    looked = conflict_looks.c
    found = await look.scalars(
        select(deliveries.c.patient)
        .outerjoin(conflict_looks, looked.delivery == deliveries.c.id)
        .where(deliveries.c.state == DeliveryState.CONFLICT.value)
        .where(or_(looked.seen_at.is_(None), looked.seen_at < deliveries.c.changed_at))
        .distinct()
        .order_by(deliveries.c.patient)
    )
    return tuple(found)


async def put(tx: AsyncConnection, looks: Iterable[Look]) -> None:
    """Keep these looks in the place of earlier ones at the same writes."""
    for one in looks:
        await tx.execute(delete(conflict_looks).where(conflict_looks.c.delivery == one.delivery))
        await tx.execute(
            insert(conflict_looks).values(
                delivery=one.delivery, seen_at=one.seen_at, version=one.version, body=one.body
            )
        )


async def of_patient(look: AsyncConnection, patient: str) -> dict[str, Look]:
    """Every look at a write of this patient's, by the write's id."""
    found = await look.execute(
        select(conflict_looks)
        .join(deliveries, deliveries.c.id == conflict_looks.c.delivery)
        .where(deliveries.c.patient == patient)
    )
    return {row.delivery: Look(row.delivery, row.seen_at, row.version, row.body) for row in found}


async def standing(
    look: AsyncConnection, patient: str, *, until: datetime
) -> dict[tuple[str, str], Standing]:
    """What was seen changed by then, by target and key; the newest look counts."""
    found = await look.execute(
        select(
            deliveries.c.target,
            deliveries.c.key,
            deliveries.c.reference,
            conflict_looks.c.version,
            conflict_looks.c.seen_at,
        )
        .join(deliveries, deliveries.c.id == conflict_looks.c.delivery)
        .where(deliveries.c.patient == patient, deliveries.c.reference != "")
        .where(conflict_looks.c.seen_at <= until)
        .order_by(conflict_looks.c.seen_at, conflict_looks.c.delivery)
    )
    return {
        (row.target, row.key): Standing(row.reference, row.version, row.seen_at) for row in found
    }
