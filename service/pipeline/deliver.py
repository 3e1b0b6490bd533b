"""The outbox worked off: claim, look up what is in doubt, send, keep the answer, read back, close.

Each step is kept before the next begins, under a lease with a fencing token per patient and server:
a worker that was paused past its lease finds its result refused by the store. What cannot be known
ends with a person, never with a second try.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from service.errors import StoreConflict
from service.model.review import DeliveryState, PlannedWrite
from service.store import Connection, Store, audit, leases
from service.store import deliveries as outbox
from service.store.deliveries import Delivery, Group
from service.write import deliver
from service.write.crash import CrashPoint, crash_point
from service.write.deliver import GIVEN_UP, Outcome, Parcel, Pause, Server
from service.write.identity import full_url
from service.write.target import WriteTarget

LEASE_S = 24.0
"""A survivor may take over a dead worker's group after this long; no single request lasts so."""

AT_ONCE = 4
"""Groups that one process moves at the same time on one server."""

MOST_ATTEMPTS = 12
_FIRST_WAIT_S = 5.0
_LONGEST_WAIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Recipient:
    """A server that is written to: its client, and what it takes."""

    server: Server
    target: WriteTarget


@dataclass(frozen=True, slots=True)
class Courier:
    """Who delivers, with what.

    Args:
        worker: a stable name of this process, the holder of its leases.
        clock: gives the moment now, aware.
        pause: waits between two looks at a server (beyond its search cache).
    """

    store: Store
    recipients: Mapping[str, Recipient]
    worker: str
    clock: Callable[[], datetime]
    pause: Pause


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
    return moved


async def deliver_signature(courier: Courier, signature: str) -> None:
    """Move everything of one signature, as far as it goes now; what waits stays due."""
    async with courier.store.read() as look:
        groups = await outbox.due(look, at=courier.clock())
    for group in groups:
        if group.signature == signature:
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
    claimed = await _claim(courier, group)
    if claimed is None:
        return False
    token, parcels = claimed
    crash_point(CrashPoint.AFTER_CLAIM)
    round_ = _Round(courier, group, recipient, token, courier.clock() + timedelta(seconds=LEASE_S))
    await round_.settle(parcels)
    await round_.send()
    await round_.verify()
    async with courier.store.transaction() as tx:
        await leases.release(tx, _lease(group), token, at=courier.clock())
    return True


@dataclass(slots=True)
class _Round:
    """One pass over a group; every method keeps what it learned before it returns.

    `until` is when the lease runs out: a worker that was paused past it sends nothing more.
    """

    courier: Courier
    group: Group
    recipient: Recipient
    token: int
    until: datetime

    async def settle(self, parcels: Sequence[Parcel]) -> None:
        """Find out what became of writes whose answer was lost."""
        server, target = self.recipient.server, self.recipient.target
        doubtful = [parcel for parcel in parcels if parcel.doubtful]
        for some in _together(doubtful):
            await self._in_time()
            looks = (deliver.look_up(one, server, target, self.courier.pause) for one in some)
            await self._keep(await asyncio.gather(*looks))

    async def send(self) -> None:
        """Send what is planned; a second pass settles what the first left in doubt."""
        rows = await self._rows()
        ready = [_parcel(row) for row in rows if row.state is DeliveryState.PLANNED]
        if not ready:
            return
        await self._sending(ready)
        outcomes = await deliver.send(
            ready,
            self.recipient.server,
            self.recipient.target,
            _places(rows),
            _given_up(rows),
            self._in_time,
        )
        await self._keep(outcomes)
        lost = {
            outcome.id
            for outcome in outcomes
            if outcome.state is DeliveryState.SENDING and not outcome.location
        }
        await self.settle([replace(parcel, doubtful=True) for parcel in ready if parcel.id in lost])

    async def verify(self) -> None:
        """Read back everything that stands there and is not closed yet."""
        rows = await self._rows()
        places = _places(rows)
        written = [
            _parcel(row) for row in rows if row.state is DeliveryState.SENDING and row.location
        ]
        for some in _together(written):
            await self._in_time()
            reads = (deliver.verify(one, self.recipient.server, places) for one in some)
            await self._keep(await asyncio.gather(*reads), done=True)

    async def _in_time(self) -> None:
        """Keep the lease through a long round; a worker that slept past it goes no further.

        Raises: StoreConflict; the next holder goes on.
        """
        at = self.courier.clock()
        if at >= self.until:
            raise StoreConflict("its lease ran out before this was sent; the next holder goes on")
        if self.until - at < timedelta(seconds=LEASE_S / 2):
            async with self.courier.store.transaction() as tx:
                await self._hold(tx, at)

    async def _hold(self, tx: Connection, at: datetime) -> None:
        await leases.hold(tx, _lease(self.group), self.token, seconds=LEASE_S, at=at)
        self.until = at + timedelta(seconds=LEASE_S)

    async def _rows(self) -> tuple[Delivery, ...]:
        async with self.courier.store.read() as look:
            return await outbox.of_group(look, self.group)

    async def _sending(self, parcels: Sequence[Parcel]) -> None:
        """Mark before sending: after a crash these are in doubt, never simply planned."""
        at = self.courier.clock()
        async with self.courier.store.transaction() as tx:
            await self._hold(tx, at)
            for row in await outbox.of_group(tx, self.group):
                if row.id in {parcel.id for parcel in parcels}:
                    await outbox.move(
                        tx, row.id, DeliveryState.SENDING, at=at, attempts=row.attempts + 1
                    )
            crash_point(CrashPoint.INSIDE_CLAIM)

    async def _keep(self, outcomes: Sequence[Outcome], *, done: bool = False) -> None:
        at = self.courier.clock()
        async with self.courier.store.transaction() as tx:
            await self._hold(tx, at)
            rows = {row.id: row for row in await outbox.of_group(tx, self.group)}
            for outcome in outcomes:
                await _move(tx, rows[outcome.id], outcome, at)
            crash_point(CrashPoint.INSIDE_MARK_DONE if done else CrashPoint.INSIDE_MARK_SENT)
        crash_point(CrashPoint.AFTER_MARK_DONE if done else CrashPoint.AFTER_MARK_SENT)


async def _claim(courier: Courier, group: Group) -> tuple[int, tuple[Parcel, ...]] | None:
    """Take the lease, and refuse what is no longer what was approved."""
    at = courier.clock()
    async with courier.store.transaction() as tx:
        token = await leases.acquire(tx, _lease(group), courier.worker, seconds=LEASE_S, at=at)
        if token is None:
            return None
        standing = {(row.target, row.key): row for row in await outbox.standing(tx, group.patient)}
        for row in await outbox.of_group(tx, group):
            if row.state not in outbox.ACTIVE:
                continue
            if sha256(row.body).hexdigest() != row.digest:
                reason = "its bytes are not those that were approved; sign again"
                await outbox.move(tx, row.id, DeliveryState.REFUSED, at=at, reason=reason)
                continue
            before = standing.get((row.target, row.key))
            if row.state is DeliveryState.PLANNED and before is not None and before.version:
                await outbox.rebase(tx, row.id, reference=before.location, version=before.version)
        rows = await outbox.of_group(tx, group)
    doubtful = tuple(
        replace(_parcel(row), doubtful=True)
        for row in rows
        if row.state is DeliveryState.SENDING and not row.location
    )
    return token, doubtful


async def _move(tx: Connection, row: Delivery, outcome: Outcome, at: datetime) -> None:
    """Keep an outcome; what is tried again waits longer each time, and at last is given up."""
    state, reason = outcome.state, outcome.reason
    not_before = None
    unfinished = state is DeliveryState.PLANNED or (state is DeliveryState.SENDING and bool(reason))
    if unfinished and row.attempts > 0:
        wait = min(_FIRST_WAIT_S * 2 ** (row.attempts - 1), _LONGEST_WAIT_S)
        not_before = at + timedelta(seconds=wait)
        if row.attempts >= MOST_ATTEMPTS:
            state = _after_giving_up(state)
    await outbox.move(
        tx,
        row.id,
        state,
        at=at,
        reason=reason,
        strategy=outcome.strategy or None,
        location=outcome.location or None,
        version=outcome.version,
        not_before=not_before,
    )
    if state is not row.state:
        await audit.record(
            tx, None, "write", row.id, patient=row.patient, outcome=state.value, at=at
        )


def _together(parcels: Sequence[Parcel]) -> list[Sequence[Parcel]]:
    """Parcels that are looked at side by side: so many that a lease outlasts each step."""
    return [parcels[at : at + AT_ONCE] for at in range(0, len(parcels), AT_ONCE)]


def _after_giving_up(state: DeliveryState) -> DeliveryState:
    """Surely not written: dead. Perhaps written: a person looks."""
    return DeliveryState.DEAD if state is DeliveryState.PLANNED else DeliveryState.NEEDS_REVIEW


async def _refuse(courier: Courier, group: Group, reason: str) -> None:
    at = courier.clock()
    async with courier.store.transaction() as tx:
        for row in await outbox.of_group(tx, group):
            if row.state in outbox.ACTIVE:
                state = _after_giving_up(row.state if row.attempts else DeliveryState.PLANNED)
                await outbox.move(tx, row.id, state, at=at, reason=reason)


def _parcel(row: Delivery) -> Parcel:
    return Parcel(
        id=row.id,
        write=PlannedWrite(
            key=row.key,
            target=row.target,
            ordinal=row.ordinal,
            type=row.type,
            resource=_with_id(row),
            if_match=row.if_match,
            reference=row.reference,
            item=row.item,
        ),
        location=row.location,
        version=row.version,
    )


def _with_id(row: Delivery) -> dict[str, object]:
    """The approved resource; an update carries the id of what it updates."""
    resource: dict[str, object] = row.resource
    return resource | {"id": row.reference.partition("/")[2]} if row.reference else resource


def _places(rows: Sequence[Delivery]) -> dict[str, str]:
    return {full_url(row.key): row.location for row in rows if row.location}


def _given_up(rows: Sequence[Delivery]) -> frozenset[str]:
    return frozenset(full_url(row.key) for row in rows if row.state in GIVEN_UP and row.resource)


def _lease(group: Group) -> str:
    return f"deliver/{group.patient}/{group.target}"
