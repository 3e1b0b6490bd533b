"""A write met a resource that somebody had changed: the patient is read again, what stands there is
looked at and kept, and the next signature is asked for on top of it.

Whoever delivers finds such writes in the store, whatever process met them, and one at a time looks
after a patient. What was not looked at yet is tried again after a minute.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.model.review import DeliveryState
from service.pipeline.courier import Courier
from service.store import conflicts, leases
from service.store import deliveries as outbox
from service.store.conflicts import Look
from service.store.delivery import Delivery
from service.write.deliver.recipient import Recipient
from service.write.seen import version_of

AGAIN_S = 60.0
"""Nobody else looks after the same patient for so long."""


async def to_look_after(courier: Courier) -> Sequence[str]:
    """Patients of whom a write met a changed resource, for this process to look after now."""
    async with courier.store.read() as look:
        patients = await conflicts.waiting(look)
    mine = []
    for patient in patients:
        async with courier.store.transaction() as tx:
            name, at = f"conflict/{patient}", courier.clock()
            if await leases.acquire(tx, name, courier.worker, seconds=AGAIN_S, at=at):
                mine.append(patient)
    return mine


async def look_again(courier: Courier, patient: str) -> None:
    """Keeps what stands at every place of this patient's where a write met a change.

    Raises: SourceError when a server does not say it; nothing is kept then.
    """
    async with courier.store.read() as look:
        rows = await outbox.in_state(look, [DeliveryState.CONFLICT], patient=patient)
    looks = [await _look(courier, row) for row in rows]
    async with courier.store.transaction() as tx:
        await conflicts.put(tx, looks)


async def _look(courier: Courier, row: Delivery) -> Look:
    """What stands there; what was seen, where there is no place or no server to look at."""
    to: Recipient | None = courier.recipients.get(row.target)
    if to is None or not row.reference:
        return Look(row.id, courier.clock(), row.if_match, None)
    answer = await to.server.read(row.reference, fresh=True)
    if answer.status != 200:
        return Look(row.id, courier.clock(), None, None)
    version = version_of(answer.version, answer.body)
    return Look(row.id, courier.clock(), version, answer.body)
