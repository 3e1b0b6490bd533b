"""What became of a write whose answer was lost: found, surely not there, or for a person."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from service.errors import SourceError
from service.model.review import DeliveryState, PlannedWrite
from service.write.crash import CrashPoint, crash_point
from service.write.deliver.parcel import Outcome, Parcel, to_person
from service.write.deliver.recipient import Recipient, Server, repeatable
from service.write.identity import carries, resource_id, search_token
from service.write.seen import version_of

LOOKS = 2
"""How often a server is asked before "it is not there" is believed."""

Pause = Callable[[], Awaitable[None]]
"""Waits between two looks, longer than the server's index takes."""


async def look_up(parcel: Parcel, to: Recipient, pause: Pause) -> Outcome:
    """SENDING with its location when it stands there, PLANNED when it may be sent (again).

    Never with a version: what stands there by now may have been added to by somebody else.
    """
    crash_point(CrashPoint.BEFORE_LOOK_UP)
    outcome = await _look_up(parcel, to, pause)
    crash_point(CrashPoint.AFTER_LOOK_UP)
    return outcome


async def search(write: PlannedWrite, server: Server) -> tuple[str, ...]:
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


async def _look_up(parcel: Parcel, to: Recipient, pause: Pause) -> Outcome:
    write, server = parcel.write, to.server
    try:
        if write.reference:
            return await _look_at(parcel, server)
        if write.type in to.target.put_creates:
            place = f"{write.type}/{resource_id(write.key)}"
            answer = await server.read(place, fresh=True)
            if answer.status == 200:
                return Outcome(parcel.id, DeliveryState.SENDING, "", place)
        for look in range(LOOKS):
            if look:
                await pause()
            places = await search(write, server)
            if len(places) > 1:
                return to_person(parcel, f"it stands there {len(places)} times")
            if places:
                return Outcome(parcel.id, DeliveryState.SENDING, "", places[0])
    except SourceError as error:
        waiting = f"not known whether it was written: {error.message}"
        return Outcome(parcel.id, DeliveryState.SENDING, waiting)
    if repeatable(write, to.target):
        return Outcome(parcel.id, DeliveryState.PLANNED, "it is not there; it is sent again")
    return to_person(parcel, "its answer was lost and it is not found; it may still appear")


async def _look_at(parcel: Parcel, server: Server) -> Outcome:
    """An update whose answer was lost: still the old version, ours, or somebody else's."""
    answer = await server.read(parcel.write.reference, fresh=True)
    if answer.status != 200:
        return to_person(parcel, f"{parcel.write.reference} is gone")
    if version_of(answer.version, answer.body) == parcel.write.if_match:
        return Outcome(parcel.id, DeliveryState.PLANNED, "it was not updated; it is sent again")
    return Outcome(parcel.id, DeliveryState.SENDING, "", parcel.write.reference)
