"""One pass over one signature's writes to one server; each step is kept before the next begins.

    settle   what became of writes whose answer was lost            (one commit, after a crash only)
    send     the requests, and where things came to stand           (one commit)
    close    read back, compared, and the lease given back          (one commit)

All under a lease with a fencing token: a worker that was paused past it sends nothing more and
finds its result refused by the store. What cannot be known ends with a person, never with a second
try. Rows stay in memory from the claim on: nobody else changes a row that is marked as sending.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from service.errors import StoreConflict
from service.model.review import DeliveryState, PlannedWrite
from service.pipeline.claim import Claim, allowed, sending
from service.pipeline.courier import AT_ONCE, Courier, Patience
from service.store import Connection, audit, leases
from service.store import deliveries as outbox
from service.store.delivery import Delivery
from service.write.crash import CrashPoint, crash_point
from service.write.deliver.look_up import look_up
from service.write.deliver.parcel import GIVEN_UP, Outcome, Parcel
from service.write.deliver.read_back import read_back
from service.write.deliver.recipient import Recipient
from service.write.deliver.send import send
from service.write.identity import full_url

_RENEWED_BELOW = 0.75
"""Of the lease: what is left for a request is always longer than the client waits for an answer."""


@dataclass(slots=True)
class Round:
    """One pass. `until` is when the lease runs out; `outgoing` are ids of what is to be sent, and
    `written` of what a server has answered to have written in this very pass."""

    courier: Courier
    to: Recipient
    claim: Claim
    until: datetime = field(init=False)
    rows: dict[str, Delivery] = field(init=False)
    outgoing: set[str] = field(init=False)
    written: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        self.until = self.claim.until
        self.rows = dict(self.claim.rows)
        self.outgoing = set(self.claim.outgoing)

    async def settle(self) -> None:
        """Find out what became of writes in doubt; what is surely not there goes out again."""
        if self.claim.doubtful:
            await self._settle(self.claim.doubtful, again=True)

    async def send(self) -> None:
        """Send what is marked; what was lost on the way is looked up and tried again later."""
        ready = [_parcel(row) for row in self.rows.values() if row.id in self.outgoing]
        if not ready:
            return
        places, given_up = self._places(), self._given_up()
        outcomes = await send(ready, self.to, places, given_up, self._in_time)
        self.written = frozenset(one.id for one in outcomes if one.just_written)
        await self._keep(outcomes)
        lost = [one.id for one in self._without_place() if one.id in self.outgoing]
        if lost:
            await self._settle(lost, again=False)

    async def close(self) -> None:
        """Read back everything that stands there and is not closed yet; then let others on."""
        places = self._places()
        written = [
            replace(_parcel(row), just_written=row.id in self.written)
            for row in self.rows.values()
            if row.state is DeliveryState.SENDING and row.location
        ]
        outcomes: list[Outcome] = []
        for some in _together(written):
            await self._in_time()
            reads = (read_back(one, self.to.server, places) for one in some)
            outcomes += await asyncio.gather(*reads)
        await self._keep(outcomes, closing=True)

    async def _in_time(self) -> float:
        """The seconds that a request may take; the lease is kept through a long round.

        Raises: StoreConflict for a worker that slept past it; the next holder goes on.
        """
        at = self.courier.clock()
        if at >= self.until:
            raise StoreConflict("its lease ran out before this was sent; the next holder goes on")
        if (self.until - at).total_seconds() < _RENEWED_BELOW * self.courier.lease_s:
            async with self.courier.store.transaction() as tx:
                await self._hold(tx, at)
        return (self.until - at).total_seconds()

    async def _settle(self, ids: Iterable[str], *, again: bool) -> None:
        doubtful = [_parcel(self.rows[id_]) for id_ in ids]
        outcomes: list[Outcome] = []
        for some in _together(doubtful):
            await self._in_time()
            looks = (look_up(one, self.to, self.courier.pause) for one in some)
            outcomes += await asyncio.gather(*looks)
        await self._keep(outcomes, again=again)

    async def _keep(
        self, outcomes: Sequence[Outcome], *, again: bool = False, closing: bool = False
    ) -> None:
        """Keep what was learned, with its audit rows, in one commit.

        Args:
            again: what is surely not there is marked to be sent now.
            closing: the lease is given back with it.
        """
        at = self.courier.clock()
        before = [self.rows[one.id] for one in outcomes]
        now = [
            moved(row, one, at, self.courier.patience)
            for row, one in zip(before, outcomes, strict=True)
        ]
        if again:
            now = [allowed(row, self.to.target, self.claim.stopped) for row in now]
            unsent = {row.id for row in now if row.state is DeliveryState.PLANNED}
            now = [sending(row) if row.id in unsent else row for row in now]
            self.outgoing |= unsent
        inside, after = _POINTS[closing]
        async with self.courier.store.transaction() as tx:
            await self._hold(tx, at)
            await outbox.keep(tx, now, at=at)
            await audit.record_all(tx, list(_acts(before, now)), at=at)
            if closing:
                await leases.release(tx, self.claim.name, self.claim.token, at=at)
            crash_point(inside)
        crash_point(after)
        self.rows.update((row.id, row) for row in now)

    async def _hold(self, tx: Connection, at: datetime) -> None:
        seconds = self.courier.lease_s
        await leases.hold(tx, self.claim.name, self.claim.token, seconds=seconds, at=at)
        self.until = at + timedelta(seconds=seconds)

    def _without_place(self) -> Iterator[Delivery]:
        for row in self.rows.values():
            if row.state is DeliveryState.SENDING and not row.location:
                yield row

    def _places(self) -> dict[str, str]:
        """Where things of this signature stand, by their place in the plan."""
        found = ((row.key, _place(row)) for row in self.rows.values())
        return {full_url(key): place for key, place in found if place}

    def _given_up(self) -> frozenset[str]:
        gone = (row for row in self.rows.values() if row.state in GIVEN_UP and row.resource)
        return frozenset(full_url(row.key) for row in gone)


_POINTS = {
    False: (CrashPoint.INSIDE_MARK_SENT, CrashPoint.AFTER_MARK_SENT),
    True: (CrashPoint.INSIDE_MARK_DONE, CrashPoint.AFTER_MARK_DONE),
}


def _place(row: Delivery) -> str:
    """Where it stands, also in an earlier version of ours: an update has no place in a Bundle."""
    if row.location or not row.reference:
        return row.location
    return "" if row.text else row.reference


def after_giving_up(state: DeliveryState, attempts: int) -> DeliveryState:
    """Surely not written: dead. Perhaps written: a person looks."""
    surely = state is DeliveryState.PLANNED or not attempts
    return DeliveryState.DEAD if surely else DeliveryState.NEEDS_REVIEW


def moved(row: Delivery, outcome: Outcome, at: datetime, patience: Patience) -> Delivery:
    """The row after an outcome; what is tried again waits longer each time, at last it is given up.

    A write that waits for what it refers to has not been tried.
    """
    state, not_before = outcome.state, row.not_before
    unfinished = state is DeliveryState.PLANNED or (
        state is DeliveryState.SENDING and bool(outcome.reason)
    )
    if unfinished and row.attempts > 0:
        not_before = at + patience.after(row.attempts)
        if row.attempts >= patience.most_tries:
            state = after_giving_up(state, row.attempts)
    return replace(
        row,
        state=state,
        reason=outcome.reason,
        strategy=outcome.strategy or row.strategy,
        location=outcome.location or row.location,
        version=outcome.version or row.version,
        not_before=not_before,
    )


def _acts(before: Sequence[Delivery], now: Sequence[Delivery]) -> Iterator[audit.Act]:
    """One act per change of state."""
    for was, row in zip(before, now, strict=True):
        if row.state is not was.state:
            yield audit.Act("write", row.id, row.patient, row.state.value)


def _together(parcels: Sequence[Parcel]) -> list[Sequence[Parcel]]:
    """Parcels that are looked at side by side: so many that a lease outlasts each step."""
    return [parcels[at : at + AT_ONCE] for at in range(0, len(parcels), AT_ONCE)]


def _parcel(row: Delivery) -> Parcel:
    """The approved resource on its way; an update carries the id of what it updates."""
    resource: dict[str, object] = row.resource
    if row.reference:
        resource = resource | {"id": row.reference.partition("/")[2]}
    write = PlannedWrite(
        key=row.key,
        target=row.target,
        ordinal=row.ordinal,
        type=row.type,
        resource=resource,
        if_match=row.if_match,
        reference=row.reference,
        item=row.item,
        text=row.text,
    )
    return Parcel(row.id, write, row.location, row.version)
