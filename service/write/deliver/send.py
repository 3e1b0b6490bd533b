"""The requests by which a plan reaches a server: all together where it can, else one by one.

No request outlasts the lease under which it is sent: what is not answered by then is in doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from service.errors import (
    SourceError,
    WriteConflict,
    WriteError,
    WriteRejected,
    WriteUnavailable,
    WriteUnknown,
)
from service.fhir.client import Answer
from service.model.review import DeliveryState, PlannedWrite
from service.write.bundle import apart, guard, transaction, unresolved
from service.write.coordinate import placed
from service.write.crash import CrashPoint, crash_point
from service.write.deliver.answers import answered, failed
from service.write.deliver.look_up import search
from service.write.deliver.parcel import GIVEN_UP, Outcome, Parcel, to_person
from service.write.deliver.places import own_place, resolved
from service.write.deliver.recipient import Recipient, Server, guarded
from service.write.deliver.ways import BY_KEY, strategy_of
from service.write.identity import full_url, resource_id
from service.write.seen import server_version, version_of
from service.write.target import WriteTarget

InTime = Callable[[], Awaitable[float]]
"""Keeps this worker's lease and gives the seconds that a request may take under it, or raises when
it ran out: asked right before each request."""


async def send(
    parcels: Sequence[Parcel],
    to: Recipient,
    places: Mapping[str, str],
    given_up: frozenset[str],
    in_time: InTime,
) -> tuple[Outcome, ...]:
    """Send what has no location yet, all in one transaction where the server takes one so large.

    What goes into a resource of somebody else's, and what refers to it, goes by itself afterwards.

    Args:
        places: where things of this signature stand already, by their place in the plan.
        given_up: places in the plan that will never be written.
    Raises: what `in_time` raises.
    """
    alone = apart(parcel.write for parcel in parcels)
    if alone:
        rest = [parcel for parcel in parcels if parcel.write.key not in alone]
        first = await send(rest, to, places, given_up, in_time)
        stands = {full_url(p.write.key): o.location for p, o in zip(rest, first, strict=True)}
        gone = {
            full_url(p.write.key) for p, o in zip(rest, first, strict=True) if o.state in GIVEN_UP
        }
        there = dict(places) | {place: location for place, location in stands.items() if location}
        last = [parcel for parcel in parcels if parcel.write.key in alone]
        return (*first, *await _in_turn(last, to, there, set(given_up) | gone, in_time))
    limit = to.target.transaction_limit or len(parcels)
    together = to.target.transactions and not to.target.idempotency_header
    if together and 1 < len(parcels) <= limit:
        writes = [
            replace(parcel.write, resource=resolved(parcel.write.resource, places))
            for parcel in parcels
        ]
        inside = {full_url(write.key) for write in writes}
        if all(unresolved(write.resource) <= inside for write in writes):
            return await _together(parcels, writes, to, in_time)
    return await _in_turn(parcels, to, dict(places), set(given_up), in_time)


async def _together(
    parcels: Sequence[Parcel], writes: Sequence[PlannedWrite], to: Recipient, in_time: InTime
) -> tuple[Outcome, ...]:
    crash_point(CrashPoint.BEFORE_SEND)
    try:
        for write in writes:
            await in_time()
            if _looked_at(write, to.target) and not await _as_seen(write, to.server):
                changed = WriteConflict(f"{write.reference} changed there since it was seen")
                return tuple(_with_the_whole(parcel, changed) for parcel in parcels)
    except SourceError as error:
        silent = WriteUnavailable(error.message)
        return tuple(failed(parcel, silent, "transaction") for parcel in parcels)
    seconds = await in_time()
    try:
        answer = await _within(seconds, to.server.transaction(transaction(writes)))
    except (WriteRejected, WriteConflict) as error:
        crash_point(CrashPoint.AFTER_SEND)
        return tuple([await _refused_together(parcel, error, to.server) for parcel in parcels])
    except WriteError as error:
        crash_point(CrashPoint.AFTER_SEND)
        return tuple(failed(parcel, error, "transaction") for parcel in parcels)
    crash_point(CrashPoint.AFTER_SEND)
    if len(answer.entries) != len(parcels):
        lost = WriteUnknown("the answer does not say what became of each entry")
        return tuple(failed(parcel, lost, "transaction") for parcel in parcels)
    return tuple(
        answered(parcel, entry.status, entry.location, entry.version, "transaction")
        for parcel, entry in zip(parcels, answer.entries, strict=True)
    )


async def _within(seconds: float, request: Awaitable[Answer]) -> Answer:
    """Raises: WriteUnknown when no whole answer came in time."""
    try:
        async with asyncio.timeout(seconds):
            return await request
    except TimeoutError:
        late = f"no whole answer within {seconds:.0f} s; it may have been written"
        raise WriteUnknown(late) from None


async def _refused_together(parcel: Parcel, error: WriteError, server: Server) -> Outcome:
    """A refused transaction left nothing behind; where it kept half, a person has to look."""
    if not parcel.write.reference:
        try:
            places = await search(parcel.write, server)
        except SourceError:
            places = ()
        if places:
            reason = f"the server refused the whole, yet {places[0]} stands there"
            return to_person(parcel, reason, "transaction")
    return _with_the_whole(parcel, error)


def _with_the_whole(parcel: Parcel, error: WriteError) -> Outcome:
    outcome = failed(parcel, error, "transaction")
    return replace(outcome, reason=f"nothing of this plan was written: {outcome.reason}")


async def _in_turn(
    parcels: Sequence[Parcel],
    to: Recipient,
    places: dict[str, str],
    given_up: set[str],
    in_time: InTime,
) -> tuple[Outcome, ...]:
    outcomes: list[Outcome] = []
    for parcel in parcels:
        ready = resolved(parcel.write.resource, places)
        waits_for = unresolved(ready)
        if waits_for & given_up:
            reason = "something that it refers to was not written"
            outcome = Outcome(parcel.id, DeliveryState.CANCELLED, reason)
        elif waits_for:
            reason = "waits for something that it refers to"
            outcome = Outcome(parcel.id, DeliveryState.PLANNED, reason)
        else:
            text = placed(parcel.write.text, places)
            outcome = await _one(
                replace(parcel, write=replace(parcel.write, text=text)), ready, to, in_time
            )
        if outcome.location:
            places[full_url(parcel.write.key)] = outcome.location
        elif outcome.state in GIVEN_UP:
            given_up.add(full_url(parcel.write.key))
        outcomes.append(outcome)
    return tuple(outcomes)


async def _one(parcel: Parcel, resource: dict[str, Any], to: Recipient, in_time: InTime) -> Outcome:
    write, strategy = parcel.write, strategy_of(parcel.write, to.target)
    crash_point(CrashPoint.BEFORE_SEND)
    try:
        if _looked_at(write, to.target) and not await _as_seen(write, to.server):
            changed = WriteConflict("it changed there since it was seen; nothing was written")
            return failed(parcel, changed, strategy)
        if not guarded(write, to.target):
            standing = await search(write, to.server)
            if standing:
                return Outcome(parcel.id, DeliveryState.SENDING, "", standing[0])
        answer = await _within(await in_time(), _request(write, resource, to, strategy))
    except WriteConflict as error:
        crash_point(CrashPoint.AFTER_SEND)
        if strategy == "put-as-create":
            place = f"{write.type}/{resource_id(write.key)}"
            return Outcome(parcel.id, DeliveryState.SENDING, "", place, None, strategy)
        if strategy == BY_KEY:
            return await _had_already(parcel, to.server)
        if strategy != "update":
            return to_person(parcel, "it stands there more than once already", strategy)
        return failed(parcel, error, strategy)
    except WriteError as error:
        crash_point(CrashPoint.AFTER_SEND)
        return failed(parcel, error, strategy)
    except SourceError as error:
        return failed(parcel, WriteUnavailable(error.message), strategy)
    crash_point(CrashPoint.AFTER_SEND)
    came = own_place(answer)
    version = version_of(answer.version, answer.body) if came else answer.version
    return answered(parcel, answer.status, answer.location or came, version, strategy)


async def _had_already(parcel: Parcel, server: Server) -> Outcome:
    """What the server knows by its key: where it stands, else for a person to find."""
    try:
        places = await search(parcel.write, server)
    except SourceError:
        places = ()
    if len(places) == 1:
        return Outcome(parcel.id, DeliveryState.SENDING, "", places[0], None, BY_KEY)
    return to_person(parcel, "the server has had it already, and does not show where", BY_KEY)


def _looked_at(write: PlannedWrite, target: WriteTarget) -> bool:
    """Whether an update is compared with what stands there right before it goes.

    Always with what somebody else wrote, and wherever the server does not promise to heed If-Match:
    one that heeds no versions would lose what came between.
    """
    heeded = write.type in target.version_guarded and server_version(write.if_match)
    return bool(write.text) or (bool(write.reference) and not heeded)


async def _as_seen(write: PlannedWrite, server: Server) -> bool:
    """Whether a resource still stands in the version that was seen."""
    answer = await server.read(write.reference, fresh=True)
    return answer.status == 200 and version_of(answer.version, answer.body) == write.if_match


async def _request(
    write: PlannedWrite, resource: dict[str, Any], to: Recipient, strategy: str
) -> Answer:
    if strategy == "update":
        version = server_version(write.if_match)
        return await to.server.update(resource, if_match=version, text=write.text)
    if strategy == "put-as-create":
        own = resource | {"id": resource_id(write.key)}
        return await to.server.update(own, if_none_match="*")
    if strategy == BY_KEY:
        key = {to.target.idempotency_header: resource_id(write.key)}
        return await to.server.create(resource, idempotency=key)
    query = guard(write.type, write.key) if strategy == "conditional-create" else None
    return await to.server.create(resource, if_none_exist=query)
