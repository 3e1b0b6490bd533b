"""What a signature has queued: where it stands, sent again or given up by a person."""

from __future__ import annotations

from datetime import datetime

from service.errors import DecisionNotAllowed
from service.model.review import DeliveryState, User
from service.store import Store, audit, reviews
from service.store import deliveries as outbox
from service.store.delivery import Delivery


async def deliveries(store: Store, review: str) -> tuple[Delivery, ...]:
    """Every write of a review with where it stands, what was skipped included. Raises: NotKept."""
    async with store.read() as look:
        await reviews.get(look, review)
        return await outbox.of_review(look, review)


async def replay(store: Store, user: User, delivery: str, *, at: datetime) -> Delivery:
    """Queue a given-up write again under the same identifier, so that it cannot double.

    Raises: NotKept; DecisionNotAllowed for a write that is not given up or was never planned.
    """
    async with store.transaction() as tx:
        row = await outbox.get(tx, delivery, to_change=True)
        given_up = {DeliveryState.DEAD, DeliveryState.REFUSED, DeliveryState.NEEDS_REVIEW}
        if row.state not in given_up or not row.resource:
            raise DecisionNotAllowed("only a write that was given up can be sent again")
        await outbox.move(tx, delivery, DeliveryState.SENDING, at=at, not_before=at, attempts=0)
        await audit.record(tx, user, "replay", delivery, patient=row.patient, at=at)
        return await outbox.get(tx, delivery)


async def cancel(store: Store, user: User, delivery: str, *, at: datetime) -> Delivery:
    """Give up a write that has not reached its server yet.

    Raises: NotKept; DecisionNotAllowed when it was sent, or may have been.
    """
    async with store.transaction() as tx:
        row = await outbox.get(tx, delivery, to_change=True)
        if row.state not in {DeliveryState.PLANNED, DeliveryState.CONFLICT}:
            raise DecisionNotAllowed("it was sent, or may have been; look at the server first")
        await outbox.move(
            tx, delivery, DeliveryState.CANCELLED, at=at, reason=f"cancelled by {user.name}"
        )
        await audit.record(tx, user, "cancel", delivery, patient=row.patient, at=at)
        return await outbox.get(tx, delivery)
