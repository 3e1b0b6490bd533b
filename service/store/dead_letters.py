"""Writes that wait for a person, for those who run the service: where and why, never what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.model.review import DeliveryState
from service.store.delivery import NOTHING
from service.store.tables import deliveries


class Letter(NamedTuple):
    """A write that waits for a person, without what it says. `planned`: it was to be written."""

    id: str
    target: str
    type: str
    state: DeliveryState
    reason: str
    attempts: int
    planned: bool


async def letters(
    look: AsyncConnection, states: Iterable[DeliveryState], *, limit: int = 200
) -> tuple[Letter, ...]:
    """What stands in any of these states, newest first; a damaged row too."""
    found = await look.execute(
        select(
            deliveries.c.id,
            deliveries.c.target,
            deliveries.c.type,
            deliveries.c.state,
            deliveries.c.reason,
            deliveries.c.attempts,
            (deliveries.c.digest != NOTHING).label("planned"),
        )
        .where(deliveries.c.state.in_([state.value for state in states]))
        .order_by(deliveries.c.changed_at.desc(), deliveries.c.id)
        .limit(limit)
    )
    return tuple(
        Letter(
            id=row.id,
            target=row.target,
            type=row.type,
            state=DeliveryState(row.state),
            reason=row.reason,
            attempts=row.attempts,
            planned=row.planned,
        )
        for row in found
    )
