"""What of ours came to stand on the servers, as far as the outbox knows."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.model.review import DeliveryState
from service.store.delivery import Delivery, delivery_of
from service.store.tables import deliveries


class Stood(NamedTuple):
    """Where something of ours came to stand ("Type/id"), in the version that was read back `at`."""

    location: str
    version: str | None
    at: datetime


async def standing(look: AsyncConnection, patient: str) -> dict[tuple[str, str], Stood]:
    """What stands on the servers by now, by target and key: the newest done row counts."""
    done = await look.execute(
        select(
            deliveries.c.target,
            deliveries.c.key,
            deliveries.c.location,
            deliveries.c.version,
            deliveries.c.changed_at,
        )
        .where(deliveries.c.patient == patient, deliveries.c.state == DeliveryState.DONE.value)
        .order_by(deliveries.c.planned_at, deliveries.c.changed_at, deliveries.c.id)
    )
    return {(row.target, row.key): Stood(row.location, row.version, row.changed_at) for row in done}


async def last_done(look: AsyncConnection, row: Delivery) -> Delivery | None:
    """What this row's thing was written as there last; None where it never was."""
    found = await look.execute(
        select(deliveries)
        .where(
            deliveries.c.patient == row.patient,
            deliveries.c.target == row.target,
            deliveries.c.key == row.key,
            deliveries.c.state == DeliveryState.DONE.value,
        )
        .order_by(deliveries.c.changed_at.desc(), deliveries.c.planned_at.desc())
        .limit(1)
    )
    done = found.first()
    return None if done is None else delivery_of(done)


async def of_type(look: AsyncConnection, patient: str, type_name: str) -> tuple[Delivery, ...]:
    """Every row of one type for one patient, over all reviews, oldest first."""
    found = await look.execute(
        select(deliveries)
        .where(deliveries.c.patient == patient, deliveries.c.type == type_name)
        .order_by(deliveries.c.planned_at, deliveries.c.changed_at, deliveries.c.id)
    )
    return tuple(delivery_of(row) for row in found)
