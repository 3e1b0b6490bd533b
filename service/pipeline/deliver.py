"""The outbox worked off: which groups are due, and each of them moved as far as it goes now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from service.errors import StoreConflict, StoreDamaged
from service.pipeline.claim import claim, lease_of
from service.pipeline.courier import AT_ONCE, Courier
from service.pipeline.round import Round, after_giving_up, moved
from service.store import deliveries as outbox
from service.store import leases
from service.store.delivery import Group
from service.write.crash import CrashPoint, crash_point
from service.write.deliver.parcel import Outcome


async def deliver_due(courier: Courier) -> int:
    """Work off everything that is due now; gives how many groups were moved on.

    Servers do not wait for each other, and a slow one holds up no more than its own groups.
    """
    async with courier.store.read() as look:
        groups = await outbox.due(look, at=courier.clock())
    chains: dict[tuple[str, int], list[Group]] = {}
    for number, group in enumerate(groups):
        chains.setdefault((group.target, number % AT_ONCE), []).append(group)
    if len(chains) == 1:
        return await _in_turn(courier, groups)
    return sum(await asyncio.gather(*(_in_turn(courier, chain) for chain in chains.values())))


async def _in_turn(courier: Courier, groups: Sequence[Group]) -> int:
    moved = 0
    for group in groups:
        try:
            moved += await deliver_group(courier, group)
        except StoreConflict:
            continue
        except StoreDamaged:
            await _isolate(courier, group)
    return moved


async def deliver_signature(courier: Courier, signature: str) -> None:
    """Move everything of one signature, as far as it goes now; what waits stays due."""
    async with courier.store.read() as look:
        groups = await outbox.due(look, at=courier.clock(), signature=signature)
    for group in groups:
        await deliver_group(courier, group)


async def deliver_group(courier: Courier, group: Group) -> bool:
    """Move one signature's writes to one server as far as they go now.

    Calling it again, or from two processes at once, writes nothing twice. Returns False when
    somebody else is at it.
    Raises: StoreConflict when the lease was lost on the way (the other worker goes on).
    """
    crash_point(CrashPoint.BEFORE_CLAIM)
    recipient = courier.recipients.get(group.target)
    if recipient is None:
        await _refuse(courier, group, "this server is no longer configured")
        return True
    unreachable = recipient.target.unreachable
    if unreachable:
        return await _postpone(courier, group, f"it could not say what it takes: {unreachable}")
    claimed = await claim(courier, group, recipient.target)
    if claimed is None:
        return False
    crash_point(CrashPoint.AFTER_CLAIM)
    round_ = Round(courier, recipient, claimed)
    await round_.settle()
    await round_.send()
    await round_.close()
    return True


async def _postpone(courier: Courier, group: Group, reason: str) -> bool:
    """Send nothing now: how a server guards a write is not known before it says so itself."""
    at, name = courier.clock(), lease_of(group)
    async with courier.store.transaction() as tx:
        token = await leases.acquire(tx, name, courier.worker, seconds=courier.lease_s, at=at)
        if token is None:
            return False
        rows = [row for row in await outbox.held(tx, group) if row.state in outbox.ACTIVE]
        tried = [replace(row, attempts=row.attempts + 1) for row in rows]
        waiting = [
            moved(row, Outcome(row.id, row.state, reason), at, courier.patience) for row in tried
        ]
        await outbox.keep(tx, waiting, at=at)
        await leases.release(tx, name, token, at=at)
    return True


async def _isolate(courier: Courier, group: Group) -> None:
    """Set aside rows that cannot be read, so that nobody else's writes wait for them."""
    reason = "its row is damaged and cannot be read; restore it from a backup, or sign again"
    async with courier.store.transaction() as tx:
        await outbox.set_aside(tx, group, reason, at=courier.clock())


async def _refuse(courier: Courier, group: Group, reason: str) -> None:
    """Give up what cannot be sent any more; what may stand there already is for a person."""
    at = courier.clock()
    async with courier.store.transaction() as tx:
        rows = [row for row in await outbox.held(tx, group) if row.state in outbox.ACTIVE]
        await outbox.keep(
            tx,
            [
                replace(row, state=after_giving_up(row.state, row.attempts), reason=reason)
                for row in rows
            ],
            at=at,
        )
