"""One signature's resources to one server: sent once, looked up when in doubt, read back, compared.

How a create is guarded, strongest first: a transaction of conditional creates; PUT under our own
id with If-None-Match; conditional create; POST once. Conditional create is a race on several real
servers, so that it is used under a lease of ours only; a POST is never repeated when its answer
was lost.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from service.errors import (
    SourceError,
    WriteConflict,
    WriteError,
    WriteRejected,
    WriteUnavailable,
    WriteUnknown,
)
from service.fhir.capability import Capabilities
from service.fhir.client import Answer
from service.fhir.search import SearchResult
from service.model.review import DeliveryState, PlannedWrite
from service.write.bundle import guard, transaction
from service.write.compare import differences
from service.write.crash import CrashPoint, crash_point
from service.write.identity import carries, full_url, resource_id, search_token
from service.write.target import WRITTEN, WriteTarget

GIVEN_UP = frozenset({DeliveryState.REFUSED, DeliveryState.DEAD, DeliveryState.CANCELLED})
"""Ends without a resource on the server."""

LOOKS = 2
"""How often a server is asked before "it is not there" is believed."""


class Server(Protocol):
    """What delivering needs of a FHIR client."""

    base_url: str

    async def search(
        self, resource_type: str, params: Sequence[tuple[str, str]], *, fresh: bool = False
    ) -> SearchResult: ...

    async def read(self, reference: str, *, fresh: bool = False) -> Answer: ...

    async def create(
        self, resource: Mapping[str, object], *, if_none_exist: str | None = None
    ) -> Answer: ...

    async def update(
        self,
        resource: Mapping[str, object],
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Answer: ...

    async def transaction(self, bundle: Mapping[str, object]) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Parcel:
    """One planned write on its way. `location` is where it stands, once that is known.

    `doubtful`: it may have been sent before, and nobody knows what became of it.
    """

    id: str
    write: PlannedWrite
    location: str = ""
    version: str | None = None
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a parcel stands now. SENDING with a location: written, not yet read back."""

    id: str
    state: DeliveryState
    reason: str = ""
    location: str = ""
    version: str | None = None
    strategy: str = ""


Pause = Callable[[], Awaitable[None]]
"""Waits between two looks, longer than the server's index takes."""

InTime = Callable[[], Awaitable[None]]
"""Keeps this worker's lease, or raises when it ran out: asked right before each request."""


def write_target(
    name: str,
    base_url: str,
    allowed: Iterable[str],
    capabilities: Capabilities | None,
    *,
    unreachable: str = "",
    transaction_limit: int | None = None,
) -> WriteTarget:
    """What a server lets us write, from what the site switched on and what the server says.

    Args:
        allowed: the site's `write` list for this source.
        capabilities: None when the server could not be asked (`unreachable` says why).
        transaction_limit: what its vendor's profile says.
    """
    if capabilities is None:
        return WriteTarget(name, base_url, frozenset(allowed), unreachable=unreachable)
    types = capabilities.types
    return WriteTarget(
        name=name,
        base_url=base_url,
        allowed=frozenset(allowed),
        offered=frozenset(kind for kind in types if "create" in types[kind].interactions)
        if types
        else None,
        transactions="transaction" in capabilities.interactions,
        transaction_limit=transaction_limit,
        conditional=frozenset(kind for kind in types if types[kind].conditional_create),
        put_creates=frozenset(kind for kind in types if types[kind].update_create),
    )


def guarded(parcel: Parcel, target: WriteTarget) -> bool:
    """Whether sending it twice cannot write it twice on a server that keeps its word."""
    kind = parcel.write.type
    return bool(parcel.write.reference) or kind in target.conditional | target.put_creates


async def send(
    parcels: Sequence[Parcel],
    server: Server,
    target: WriteTarget,
    places: Mapping[str, str],
    given_up: frozenset[str],
    in_time: InTime,
) -> tuple[Outcome, ...]:
    """Send what has no location yet, all in one transaction where the server takes one so large.

    Args:
        places: where things of this signature stand already, by their place in the plan.
        given_up: places in the plan that will never be written.
    Raises: what `in_time` raises.
    """
    limit = target.transaction_limit or len(parcels)
    if target.transactions and 1 < len(parcels) <= limit and not given_up:
        return await _send_together(parcels, server, places, in_time)
    return await _send_in_turn(parcels, server, target, dict(places), set(given_up), in_time)


async def look_up(parcel: Parcel, server: Server, target: WriteTarget, pause: Pause) -> Outcome:
    """What became of a write whose answer was lost: found, surely not there, or for a person."""
    crash_point(CrashPoint.BEFORE_LOOK_UP)
    outcome = await _look_up(parcel, server, target, pause)
    crash_point(CrashPoint.AFTER_LOOK_UP)
    return outcome


async def verify(parcel: Parcel, server: Server, places: Mapping[str, str]) -> Outcome:
    """Read back what was written and compare it with what was approved."""
    crash_point(CrashPoint.BEFORE_READ_BACK)
    try:
        answer = await server.read(parcel.location, fresh=True)
    except SourceError as error:
        waiting = f"written, not yet read back: {error.message}"
        return Outcome(parcel.id, DeliveryState.SENDING, waiting, parcel.location, parcel.version)
    crash_point(CrashPoint.AFTER_READ_BACK)
    if answer.status != 200:
        return _to_person(parcel, f"{parcel.location} is not there right after it was written")
    kept = json.loads(answer.body)
    sent = resolved(parcel.write.resource, places)
    wrong = differences(sent, kept, server.base_url)
    version = answer.version or kept.get("meta", {}).get("versionId")
    if wrong:
        shown = ", ".join(wrong[:5])
        return _to_person(parcel, f"the server keeps something else at {shown}", version)
    return Outcome(parcel.id, DeliveryState.DONE, "", parcel.location, version)


def resolved(resource: Mapping[str, Any], places: Mapping[str, str]) -> dict[str, Any]:
    """The resource with every place in the plan replaced by where that thing stands."""
    replaced: dict[str, Any] = _resolve(resource, places)
    return replaced


def unresolved(resource: object) -> frozenset[str]:
    """Places in the plan that a resource still refers to."""
    if isinstance(resource, Mapping):
        own = resource.get("reference")
        found = {own} if isinstance(own, str) and own.startswith("urn:uuid:") else set()
        return frozenset(found).union(*(unresolved(inner) for inner in resource.values()))
    if isinstance(resource, list):
        return frozenset[str]().union(*(unresolved(inner) for inner in resource))
    return frozenset()


async def _send_together(
    parcels: Sequence[Parcel], server: Server, places: Mapping[str, str], in_time: InTime
) -> tuple[Outcome, ...]:
    writes = [
        replace(parcel.write, resource=resolved(parcel.write.resource, places))
        for parcel in parcels
    ]
    crash_point(CrashPoint.BEFORE_SEND)
    await in_time()
    try:
        answer = await server.transaction(transaction(writes))
    except (WriteRejected, WriteConflict) as error:
        crash_point(CrashPoint.AFTER_SEND)
        return tuple([await _refused_together(parcel, error, server) for parcel in parcels])
    except WriteError as error:
        crash_point(CrashPoint.AFTER_SEND)
        return tuple(_failed(parcel, error, "transaction") for parcel in parcels)
    crash_point(CrashPoint.AFTER_SEND)
    if len(answer.entries) != len(parcels):
        lost = WriteUnknown("the answer does not say what became of each entry")
        return tuple(_failed(parcel, lost, "transaction") for parcel in parcels)
    return tuple(
        _answered(parcel, entry.status, entry.location, entry.version, "transaction")
        for parcel, entry in zip(parcels, answer.entries, strict=True)
    )


async def _refused_together(parcel: Parcel, error: WriteError, server: Server) -> Outcome:
    """A refused transaction left nothing behind; where it kept half, a person has to look."""
    if not parcel.write.reference:
        try:
            places = await _search(parcel.write, server)
        except SourceError:
            places = ()
        if places:
            reason = f"the server refused the whole, yet {places[0]} stands there"
            return _to_person(parcel, reason, None, "transaction")
    outcome = _failed(parcel, error, "transaction")
    return replace(outcome, reason=f"nothing of this plan was written: {outcome.reason}")


async def _send_in_turn(
    parcels: Sequence[Parcel],
    server: Server,
    target: WriteTarget,
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
            outcome = await _send_one(parcel, ready, server, target, in_time)
        if outcome.location:
            places[full_url(parcel.write.key)] = outcome.location
        elif outcome.state in GIVEN_UP:
            given_up.add(full_url(parcel.write.key))
        outcomes.append(outcome)
    return tuple(outcomes)


async def _send_one(
    parcel: Parcel,
    resource: dict[str, Any],
    server: Server,
    target: WriteTarget,
    in_time: InTime,
) -> Outcome:
    write = parcel.write
    crash_point(CrashPoint.BEFORE_SEND)
    await in_time()
    strategy = "update"
    try:
        if not guarded(parcel, target):
            standing = await _search(write, server)
            if standing:
                return Outcome(parcel.id, DeliveryState.SENDING, "", standing[0])
        if write.reference:
            answer = await server.update(resource, if_match=write.if_match)
        elif write.type in target.put_creates:
            strategy = "put-as-create"
            own = resource | {"id": resource_id(write.key)}
            answer = await server.update(own, if_none_match="*")
        else:
            conditional = write.type in target.conditional
            strategy = "conditional-create" if conditional else "post-once"
            query = guard(write.type, write.key) if conditional else None
            answer = await server.create(resource, if_none_exist=query)
    except WriteConflict as error:
        crash_point(CrashPoint.AFTER_SEND)
        if strategy == "put-as-create":
            place = f"{write.type}/{resource_id(write.key)}"
            return Outcome(parcel.id, DeliveryState.SENDING, "", place, None, strategy)
        if strategy != "update":
            return _to_person(parcel, "it stands there more than once already", None, strategy)
        return _failed(parcel, error, strategy)
    except WriteError as error:
        crash_point(CrashPoint.AFTER_SEND)
        return _failed(parcel, error, strategy)
    except SourceError as error:
        return _failed(parcel, WriteUnavailable(error.message), strategy)
    crash_point(CrashPoint.AFTER_SEND)
    return _answered(
        parcel, answer.status, answer.location or _own_place(answer), answer.version, strategy
    )


def _answered(
    parcel: Parcel, status: int, location: str | None, version: str | None, strategy: str
) -> Outcome:
    """What an answer means for one resource (also inside a transaction's response)."""
    if status in {409, 412}:
        reason = "it changed there since it was seen; look at it and decide again"
        return Outcome(parcel.id, DeliveryState.CONFLICT, reason, strategy=strategy)
    if not status:
        unsaid = WriteUnknown("the answer does not say what became of it")
        return _failed(parcel, unsaid, strategy)
    if not 200 <= status < 300:
        reason = f"the server refuses it ({status})"
        return Outcome(parcel.id, DeliveryState.REFUSED, reason, strategy=strategy)
    place = place_of(location, parcel.write.type) or parcel.write.reference
    if not place:
        return _failed(parcel, WriteUnknown("the answer does not say where it stands"), strategy)
    return Outcome(parcel.id, DeliveryState.SENDING, "", place, version, strategy)


def _failed(parcel: Parcel, error: WriteError, strategy: str) -> Outcome:
    """Where a parcel stands after an error: each kind of error has one state."""
    reason = error.message
    if isinstance(error, WriteUnavailable):
        return Outcome(parcel.id, DeliveryState.PLANNED, reason, strategy=strategy)
    if isinstance(error, WriteConflict):
        return Outcome(parcel.id, DeliveryState.CONFLICT, reason, strategy=strategy)
    if isinstance(error, WriteRejected):
        return Outcome(parcel.id, DeliveryState.REFUSED, reason, strategy=strategy)
    return Outcome(parcel.id, DeliveryState.SENDING, reason, strategy=strategy)


async def _look_up(parcel: Parcel, server: Server, target: WriteTarget, pause: Pause) -> Outcome:
    write = parcel.write
    try:
        if write.reference:
            return await _look_at(parcel, server)
        if write.type in target.put_creates:
            place = f"{write.type}/{resource_id(write.key)}"
            answer = await server.read(place, fresh=True)
            if answer.status == 200:
                return Outcome(parcel.id, DeliveryState.SENDING, "", place, answer.version)
        for look in range(LOOKS):
            if look:
                await pause()
            places = await _search(write, server)
            if len(places) > 1:
                return _to_person(parcel, f"it stands there {len(places)} times")
            if places:
                return Outcome(parcel.id, DeliveryState.SENDING, "", places[0])
    except SourceError as error:
        waiting = f"not known whether it was written: {error.message}"
        return Outcome(parcel.id, DeliveryState.SENDING, waiting)
    if guarded(parcel, target):
        return Outcome(parcel.id, DeliveryState.PLANNED, "it is not there; it is sent again")
    return _to_person(parcel, "its answer was lost and it is not found; it may still appear")


async def _look_at(parcel: Parcel, server: Server) -> Outcome:
    """An update whose answer was lost: still the old version, ours, or somebody else's."""
    answer = await server.read(parcel.write.reference, fresh=True)
    if answer.status != 200:
        return _to_person(parcel, f"{parcel.write.reference} is gone")
    if answer.version == parcel.write.if_match:
        return Outcome(parcel.id, DeliveryState.PLANNED, "it was not updated; it is sent again")
    place = parcel.write.reference
    return Outcome(parcel.id, DeliveryState.SENDING, "", place, answer.version)


async def _search(write: PlannedWrite, server: Server) -> tuple[str, ...]:
    """Where resources with our identifier stand; every match is looked at, none is trusted.

    Raises: SourceError when the search was not answered as a whole.
    """
    token = search_token(write.type, write.key)
    found = await server.search(write.type, [token], fresh=True)
    places = {
        raw.reference
        for raw in found.resources
        if raw.type == write.type and carries(json.loads(raw.body), write.key)
    }
    if not places and found.certificate.reasons:
        raise SourceError("; ".join(found.certificate.reasons))
    return tuple(sorted(places))


def place_of(location: str | None, resource_type: str) -> str:
    """ "Type/id" out of a Location, absolute or relative, with or without a version."""
    parts = [part for part in (location or "").split("?")[0].split("/") if part]
    if resource_type not in parts:
        return ""
    at = len(parts) - 1 - parts[::-1].index(resource_type)
    return f"{resource_type}/{parts[at + 1]}" if at + 1 < len(parts) else ""


def _own_place(answer: Answer) -> str | None:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return None
    if not isinstance(body, dict) or body.get("resourceType") not in WRITTEN or "id" not in body:
        return None
    return f"{body['resourceType']}/{body['id']}"


def _to_person(
    parcel: Parcel, reason: str, version: str | None = None, strategy: str = ""
) -> Outcome:
    return Outcome(
        parcel.id, DeliveryState.NEEDS_REVIEW, reason, parcel.location, version, strategy
    )


def _resolve(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {
            name: places.get(inner, inner)
            if name == "reference" and isinstance(inner, str)
            else _resolve(inner, places)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_resolve(inner, places) for inner in value]
    return value
