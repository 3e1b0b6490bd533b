"""The outbox: every planned write as a row before anything is sent, with its state and reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import bindparam, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import NotKept
from service.model.identity import content_id
from service.model.review import DeliveryState, PlannedWrite
from service.store.delivery import (
    ACTIVE,
    PENDING,
    Delivery,
    Group,
    body_of,
    delivery_of,
)
from service.store.reviews import Signature
from service.store.tables import deliveries

__all__ = [
    "ACTIVE",
    "PENDING",
    "Balance",
    "Delivery",
    "Group",
    "balance",
    "due",
    "get",
    "held",
    "in_state",
    "keep",
    "move",
    "of_review",
    "pending_of",
    "plan",
    "set_aside",
    "some",
    "tally",
]

_AT_ONCE = 500

_MOVING = (
    "state",
    "strategy",
    "reason",
    "attempts",
    "not_before",
    "location",
    "version",
    "if_match",
    "reference",
    "changed_at",
)
"""What changes of a row after it was approved."""


async def plan(
    tx: AsyncConnection, signature: Signature, writes: Sequence[PlannedWrite], *, at: datetime
) -> None:
    """Queue the writes of a signature; what is skipped stands in the outbox as refused."""
    rows = [
        {
            "id": content_id("delivery", signature.id, write.target, write.key),
            "signature": signature.id,
            "review": signature.review,
            "patient": signature.patient,
            "target": write.target,
            "ordinal": write.ordinal,
            "key": write.key,
            "item": write.item,
            "type": write.type,
            "resource": (body := write.text.encode() or body_of(write.resource)),
            "digest": sha256(body).hexdigest(),
            "if_match": write.if_match,
            "reference": write.reference,
            "state": (DeliveryState.REFUSED if write.skipped else DeliveryState.PLANNED).value,
            "strategy": "",
            "reason": write.skipped,
            "attempts": 0,
            "not_before": at,
            "location": "",
            "version": None,
            "planned_at": at,
            "changed_at": at,
        }
        for write in writes
    ]
    if rows:
        await tx.execute(insert(deliveries), rows)


async def due(
    look: AsyncConnection, *, at: datetime, signature: str | None = None
) -> tuple[Group, ...]:
    """Groups with work to do now, oldest first; per patient and server only the oldest.

    A later signature waits for the earlier one on the same server: it builds on what that wrote.

    Args:
        signature: only its groups; those that wait for an earlier signature are left out.
    """
    of_whom = select(deliveries.c.patient).where(deliveries.c.signature == signature)
    found = await look.execute(
        select(
            deliveries.c.signature,
            deliveries.c.target,
            deliveries.c.patient,
            func.min(deliveries.c.not_before).label("not_before"),
        )
        .where(
            deliveries.c.state.in_([state.value for state in ACTIVE]),
            true() if signature is None else deliveries.c.patient.in_(of_whom),
        )
        .group_by(deliveries.c.signature, deliveries.c.target, deliveries.c.patient)
        .order_by(func.min(deliveries.c.planned_at), deliveries.c.signature, deliveries.c.target)
    )
    oldest: dict[tuple[str, str], Group | None] = {}
    for row in found:
        group = Group(row.signature, row.target, row.patient)
        oldest.setdefault((row.patient, row.target), group if row.not_before <= at else None)
    groups = (group for group in oldest.values() if group is not None)
    return tuple(one for one in groups if signature in {None, one.signature})


async def held(tx: AsyncConnection, group: Group) -> tuple[Delivery, ...]:
    """All rows of a group in the order in which they may refer to each other.

    Nobody else changes them until the transaction ends.
    """
    found = await tx.execute(
        select(deliveries)
        .where(deliveries.c.signature == group.signature, deliveries.c.target == group.target)
        .order_by(deliveries.c.ordinal)
        .with_for_update()
    )
    return tuple(delivery_of(row) for row in found)


async def keep(tx: AsyncConnection, rows: Sequence[Delivery], *, at: datetime) -> None:
    """Where these rows stand now, in one statement; what was approved is never written again."""
    if rows:
        moving: dict[str, Any] = {name: bindparam(f"now_{name}") for name in _MOVING}
        await tx.execute(
            update(deliveries).where(deliveries.c.id == bindparam("row")).values(moving),
            [
                {"row": row.id, "now_changed_at": at}
                | {f"now_{name}": getattr(row, name) for name in _MOVING if name != "changed_at"}
                for row in rows
            ],
        )


async def of_review(look: AsyncConnection, review: str) -> tuple[Delivery, ...]:
    """Every row of a review, whatever became of it."""
    found = await look.execute(
        select(deliveries)
        .where(deliveries.c.review == review)
        .order_by(deliveries.c.planned_at, deliveries.c.target, deliveries.c.ordinal)
    )
    return tuple(delivery_of(row) for row in found)


async def some(look: AsyncConnection, ids: Sequence[str]) -> dict[str, Delivery]:
    """These rows by id, as far as they are kept."""
    found: dict[str, Delivery] = {}
    for start in range(0, len(ids), _AT_ONCE):
        batch = ids[start : start + _AT_ONCE]
        rows = await look.execute(select(deliveries).where(deliveries.c.id.in_(batch)))
        found.update((row.id, delivery_of(row)) for row in rows)
    return found


async def pending_of(tx: AsyncConnection, patient: str) -> tuple[Delivery, ...]:
    """What is not at an end yet for one patient, over all reviews; nobody else changes it now."""
    found = await tx.execute(
        select(deliveries)
        .where(deliveries.c.patient == patient)
        .where(deliveries.c.state.in_([state.value for state in PENDING]))
        .order_by(deliveries.c.planned_at, deliveries.c.target, deliveries.c.ordinal)
        .with_for_update()
    )
    return tuple(delivery_of(row) for row in found)


async def set_aside(tx: AsyncConnection, group: Group, reason: str, *, at: datetime) -> None:
    """Give up what is not at an end, without reading it: what may stand there is for a person."""
    ends = {
        DeliveryState.PLANNED: DeliveryState.DEAD,
        DeliveryState.SENDING: DeliveryState.NEEDS_REVIEW,
    }
    for state, end in ends.items():
        await tx.execute(
            update(deliveries)
            .where(deliveries.c.signature == group.signature, deliveries.c.target == group.target)
            .where(deliveries.c.state == state.value)
            .values(state=end.value, reason=reason, changed_at=at)
        )


@dataclass(frozen=True, slots=True)
class Balance:
    """Where everything ever accepted is: done, pending, given up (dead), or cancelled."""

    accepted: int
    done: int
    pending: int
    dead: int
    cancelled: int

    @property
    def holds(self) -> bool:
        """Whether nothing has disappeared."""
        return self.accepted == self.done + self.pending + self.dead + self.cancelled


async def balance(look: AsyncConnection) -> Balance:
    """Every row counted, and those of each state that there is: a row in none is lost sight of."""
    by_state = await tally(look)
    accepted = await look.scalar(select(func.count()).select_from(deliveries)) or 0
    return Balance(
        accepted=accepted,
        done=by_state[DeliveryState.DONE],
        pending=sum(by_state[state] for state in PENDING),
        dead=by_state[DeliveryState.DEAD] + by_state[DeliveryState.REFUSED],
        cancelled=by_state[DeliveryState.CANCELLED],
    )


async def in_state(
    look: AsyncConnection,
    states: Iterable[DeliveryState],
    *,
    patient: str | None = None,
    limit: int = 200,
) -> tuple[Delivery, ...]:
    """Rows in any of these states (dead letters, conflicts), newest first; `patient` only."""
    found = await look.execute(
        select(deliveries)
        .where(deliveries.c.state.in_([state.value for state in states]))
        .where(true() if patient is None else deliveries.c.patient == patient)
        .order_by(deliveries.c.changed_at.desc(), deliveries.c.ordinal, deliveries.c.id)
        .limit(limit)
    )
    return tuple(delivery_of(row) for row in found)


async def get(look: AsyncConnection, delivery: str, *, to_change: bool = False) -> Delivery:
    """One row; with `to_change` nobody else changes it until the transaction ends. Raises: NotKept.

    A worker that marks it as sending at the same moment is waited for, and then seen.
    """
    query = select(deliveries).where(deliveries.c.id == delivery)
    row = (await look.execute(query.with_for_update() if to_change else query)).first()
    if row is None:
        raise NotKept
    return delivery_of(row)


async def move(
    tx: AsyncConnection,
    delivery: str,
    state: DeliveryState,
    *,
    at: datetime,
    reason: str = "",
    strategy: str | None = None,
    location: str | None = None,
    version: str | None = None,
    not_before: datetime | None = None,
    attempts: int | None = None,
) -> None:
    """Set where a row stands; what is not given stays as it is."""
    changes: dict[str, object] = {"state": state.value, "reason": reason, "changed_at": at}
    given = {
        "strategy": strategy,
        "location": location,
        "version": version,
        "not_before": not_before,
        "attempts": attempts,
    }
    changes.update({name: value for name, value in given.items() if value is not None})
    await tx.execute(update(deliveries).where(deliveries.c.id == delivery).values(changes))


async def tally(look: AsyncConnection) -> dict[DeliveryState, int]:
    """How many rows stand in each state; their sum is everything ever accepted."""
    found = await look.execute(
        select(deliveries.c.state, func.count().label("rows")).group_by(deliveries.c.state)
    )
    by_state = {row.state: row.rows for row in found}
    return {state: by_state.get(state.value, 0) for state in DeliveryState}
