"""The outbox: every planned write as a row before anything is sent, with its state and reason."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import NotKept
from service.model.identity import content_id
from service.model.review import DeliveryState, PlannedWrite
from service.store.reviews import Signature
from service.store.tables import deliveries

PENDING = (
    DeliveryState.PLANNED,
    DeliveryState.SENDING,
    DeliveryState.CONFLICT,
    DeliveryState.NEEDS_REVIEW,
)
"""Not yet at an end: done, refused, dead and cancelled are."""

ACTIVE = (DeliveryState.PLANNED, DeliveryState.SENDING)
"""What a worker may move on by itself."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One resource for one server, and where it stands.

    `body` are the exact bytes that were approved (JSON, UTF-8), `digest` their SHA-256. `location`
    ("Type/id") and `version` are the server's, known once it answered. `strategy` is how it was
    sent and so what its guarantee is worth.
    """

    id: str
    signature: str
    review: str
    patient: str
    target: str
    ordinal: int
    key: str
    item: str
    type: str
    body: bytes
    digest: str
    if_match: str | None
    reference: str
    state: DeliveryState
    strategy: str
    reason: str
    attempts: int
    not_before: datetime
    location: str
    version: str | None
    planned_at: datetime
    changed_at: datetime

    @property
    def resource(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one signature for one server: they travel together."""

    signature: str
    target: str
    patient: str


def body_of(resource: Mapping[str, object]) -> bytes:
    """The bytes in which a planned resource is kept, compared and sent."""
    return json.dumps(resource, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


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
            "resource": (body := body_of(write.resource)),
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


async def due(look: AsyncConnection, *, at: datetime) -> tuple[Group, ...]:
    """Groups with work to do now, oldest first; per patient and server only the oldest.

    A later signature waits for the earlier one on the same server: it builds on what that wrote.
    """
    found = await look.execute(
        select(
            deliveries.c.signature,
            deliveries.c.target,
            deliveries.c.patient,
            func.min(deliveries.c.not_before).label("not_before"),
        )
        .where(deliveries.c.state.in_([state.value for state in ACTIVE]))
        .group_by(deliveries.c.signature, deliveries.c.target, deliveries.c.patient)
        .order_by(func.min(deliveries.c.planned_at), deliveries.c.signature, deliveries.c.target)
    )
    oldest: dict[tuple[str, str], Group | None] = {}
    for row in found:
        group = Group(row.signature, row.target, row.patient)
        oldest.setdefault((row.patient, row.target), group if row.not_before <= at else None)
    return tuple(group for group in oldest.values() if group is not None)


async def of_group(look: AsyncConnection, group: Group) -> tuple[Delivery, ...]:
    """All rows of a group in the order in which they may refer to each other."""
    return await _rows(
        look, deliveries.c.signature == group.signature, deliveries.c.target == group.target
    )


async def of_review(look: AsyncConnection, review: str) -> tuple[Delivery, ...]:
    return await _rows(look, deliveries.c.review == review)


async def pending_of(look: AsyncConnection, patient: str) -> tuple[Delivery, ...]:
    """What is not at an end yet for one patient, over all reviews."""
    return await _rows(
        look,
        deliveries.c.patient == patient,
        deliveries.c.state.in_([state.value for state in PENDING]),
    )


async def in_state(
    look: AsyncConnection, states: Iterable[DeliveryState], *, limit: int = 200
) -> tuple[Delivery, ...]:
    """Rows in any of these states (dead letters, conflicts), newest first."""
    found = await look.execute(
        select(deliveries)
        .where(deliveries.c.state.in_([state.value for state in states]))
        .order_by(deliveries.c.changed_at.desc(), deliveries.c.id)
        .limit(limit)
    )
    return tuple(_delivery(row) for row in found)


async def get(look: AsyncConnection, delivery: str) -> Delivery:
    """Raises: NotKept."""
    row = (await look.execute(select(deliveries).where(deliveries.c.id == delivery))).first()
    if row is None:
        raise NotKept
    return _delivery(row)


async def standing(look: AsyncConnection, patient: str) -> tuple[Delivery, ...]:
    """What stands on the servers by now: the newest done row per target and key."""
    done = await look.execute(
        select(deliveries)
        .where(deliveries.c.patient == patient, deliveries.c.state == DeliveryState.DONE.value)
        .order_by(deliveries.c.planned_at, deliveries.c.changed_at, deliveries.c.id)
    )
    newest = {(row.target, row.key): _delivery(row) for row in done}
    return tuple(newest[at] for at in sorted(newest))


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


async def rebase(tx: AsyncConnection, delivery: str, *, reference: str, version: str) -> None:
    """Turn a create into an update of what an earlier row of ours has written meanwhile."""
    await tx.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery)
        .values(reference=reference, if_match=version)
    )


async def tally(look: AsyncConnection) -> dict[DeliveryState, int]:
    """How many rows stand in each state; their sum is everything ever accepted."""
    found = await look.execute(
        select(deliveries.c.state, func.count().label("rows")).group_by(deliveries.c.state)
    )
    by_state = {row.state: row.rows for row in found}
    return {state: by_state.get(state.value, 0) for state in DeliveryState}


async def _rows(look: AsyncConnection, *conditions: Any) -> tuple[Delivery, ...]:
    found = await look.execute(
        select(deliveries)
        .where(*conditions)
        .order_by(deliveries.c.planned_at, deliveries.c.target, deliveries.c.ordinal)
    )
    return tuple(_delivery(row) for row in found)


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        signature=row.signature,
        review=row.review,
        patient=row.patient,
        target=row.target,
        ordinal=row.ordinal,
        key=row.key,
        item=row.item,
        type=row.type,
        body=row.resource,
        digest=row.digest,
        if_match=row.if_match,
        reference=row.reference,
        state=DeliveryState(row.state),
        strategy=row.strategy,
        reason=row.reason,
        attempts=row.attempts,
        not_before=row.not_before,
        location=row.location,
        version=row.version,
        planned_at=row.planned_at,
        changed_at=row.changed_at,
    )
