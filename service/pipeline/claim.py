"""Taking one signature's writes to one server: the lease, what may go, and its mark before it goes.

One commit. What is no longer what was approved is refused here; what is ready is marked as sending,
so that after a crash it is in doubt and never simply planned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from service.model.review import DeliveryState
from service.pipeline.courier import Courier
from service.pipeline.withdrawn import withdrawn
from service.store import deliveries as outbox
from service.store import leases, standing
from service.store.delivery import Delivery, Group
from service.store.standing import Stood
from service.write.crash import CrashPoint, crash_point
from service.write.identity import carries
from service.write.target import WriteTarget


@dataclass(frozen=True, slots=True)
class Claim:
    """A group that is this worker's own until `until`.

    Args:
        token: the fencing token of the lease `name`.
        rows: all rows of the group, by id, as they stand now.
        outgoing: ids of what was marked to be sent.
        doubtful: ids of what may have been sent before, and nobody knows what became of it.
        stopped: why nothing more of it may go, "" where it may.
    """

    name: str
    token: int
    until: datetime
    rows: Mapping[str, Delivery]
    outgoing: frozenset[str]
    doubtful: frozenset[str]
    stopped: str = ""


async def claim(courier: Courier, group: Group, target: WriteTarget) -> Claim | None:
    """The group with its lease; None while somebody else has it."""
    name, at = lease_of(group), courier.clock()
    async with courier.store.transaction() as tx:
        token = await leases.acquire(tx, name, courier.worker, seconds=courier.lease_s, at=at)
        if token is None:
            return None
        before = await outbox.held(tx, group)
        stood = await standing.standing(tx, group.patient)
        stopped = await withdrawn(tx, courier.store.key, before, courier.recipients)
        now = [allowed(as_approved(_rebased(row, stood)), target, stopped) for row in before]
        outgoing = frozenset(row.id for row in now if row.state is DeliveryState.PLANNED)
        doubtful = frozenset(
            row.id for row in now if row.state is DeliveryState.SENDING and not row.location
        )
        now = [_tried(row) for row in now]
        changed = [row for row, was in zip(now, before, strict=True) if row != was]
        await outbox.keep(tx, changed, at=at)
        crash_point(CrashPoint.INSIDE_CLAIM)
    until = at + timedelta(seconds=courier.lease_s)
    rows = {row.id: row for row in now}
    return Claim(name, token, until, rows, outgoing, doubtful, stopped)


def lease_of(group: Group) -> str:
    """The lease under which one patient's writes go to one server."""
    return f"deliver/{group.patient}/{group.target}"


def sending(row: Delivery) -> Delivery:
    """The row, marked before it goes out."""
    return replace(row, state=DeliveryState.SENDING, reason="")


def _tried(row: Delivery) -> Delivery:
    """The row after one more try to send it, to look it up or to read it back."""
    if row.state not in outbox.ACTIVE:
        return row
    tried = replace(row, attempts=row.attempts + 1)
    return sending(tried) if row.state is DeliveryState.PLANNED else tried


def allowed(row: Delivery, target: WriteTarget, stopped: str = "") -> Delivery:
    """The row; refused when the site has switched writing it off since it was signed, or where it
    is `stopped`, with the reason.

    Asked of everything that is about to be sent, the first time or again.
    """
    if row.state is not DeliveryState.PLANNED:
        return row
    if stopped:
        return replace(row, state=DeliveryState.REFUSED, reason=stopped)
    if row.type in target.allowed and not (row.text and target.keeps_out(row.type)):
        return row
    what = f"adding to a {row.type} of others" if row.text else f"writing {row.type}"
    reason = f"{what} is not switched on for it any more; nothing was sent"
    return replace(row, state=DeliveryState.REFUSED, reason=reason)


def as_approved(row: Delivery) -> Delivery:
    """The row; refused when its bytes are not those that were signed."""
    if row.state not in outbox.ACTIVE or sha256(row.body).hexdigest() == row.digest:
        return row
    reason = "its bytes are not those that were approved; sign again"
    return replace(row, state=DeliveryState.REFUSED, reason=reason)


def _rebased(row: Delivery, stood: Mapping[tuple[str, str], Stood]) -> Delivery:
    """The row on top of what an earlier row of ours has written there since it was planned.

    Only what is all ours is written over in its new version; content of somebody else's that we
    add to was seen in one version and goes on top of that one alone.
    """
    before = stood.get((row.target, row.key))
    if row.state is not DeliveryState.PLANNED or before is None or not before.version:
        return row
    if before.at < row.planned_at:
        return row
    if row.reference and not carries(row.resource, row.key):
        return row
    return replace(row, reference=before.location, if_match=before.version)
