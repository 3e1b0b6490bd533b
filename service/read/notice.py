"""What a server's notification says: who it may concern, and how far the channel has come.

Nothing of it is believed: a resource that comes along is looked at for whom it is about, never for
what it says. Sources: FHIR R4 Subscription (rest-hook); Subscriptions R5 Backport 1.1.0, R4 and R4B
notifications (SubscriptionStatus as Parameters, or as a resource of its own).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from service.errors import SourceInvalid
from service.fhir import about
from service.fhir import bundle as bundles
from service.fhir.body import json_text
from service.fhir.policy import Endpoint, literal

MOST_EVENTS: Final = 1000
"""More events in one notification are not told apart: everybody is looked at."""

STATUSES: Final = frozenset({"requested", "active", "error", "off", "entered-in-error"})


class Kind(StrEnum):
    """SubscriptionNotificationType of R5, and CHANGE for a plain R4 rest-hook."""

    HANDSHAKE = "handshake"
    HEARTBEAT = "heartbeat"
    EVENT = "event-notification"
    QUERY_STATUS = "query-status"
    QUERY_EVENT = "query-event"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its number, None where it has none, and every reference ("Type/id") that may tell
    whom it concerns, what changed first. Without any, it may concern everybody."""

    number: int | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification. `channel` is the Subscription's id, "" where it names none; `count` the
    number of events since it began, None where that is not said."""

    kind: Kind
    channel: str = ""
    status: str = ""
    count: int | None = None
    events: tuple[Event, ...] = ()


class _Reference(msgspec.Struct):
    reference: str = ""


class _Part(msgspec.Struct):
    name: str = ""
    valueReference: _Reference | None = None
    valueCode: str = ""
    valueString: str = ""
    valueInteger: int | None = None
    valueUnsignedInt: int | None = None
    part: list[_Part] = []

    @property
    def text(self) -> str:
        return self.valueCode or self.valueString

    @property
    def number(self) -> int | None:
        found = self.valueInteger if self.valueInteger is not None else self.valueUnsignedInt
        return _number(found if found is not None else self.text)


class _Parameters(msgspec.Struct):
    parameter: list[_Part] = []


class _Notified(msgspec.Struct):
    eventNumber: str | int = ""
    focus: _Reference | None = None
    additionalContext: list[_Reference] = []


class _Status(msgspec.Struct):
    subscription: _Reference | None = None
    status: str = ""
    type: str = ""
    eventsSinceSubscriptionStart: str | int = ""
    notificationEvent: list[_Notified] = []


_PARAMETERS = msgspec.json.Decoder(_Parameters)
_STATUS = msgspec.json.Decoder(_Status)


def notice(body: bytes, endpoint: Endpoint, path: str = "") -> Notice:
    """What a request to our address says.

    Args:
        body: empty, one resource, or a notification Bundle.
        endpoint: the base of the source; references to elsewhere say nothing.
        path: "Type/id" where the server adds it to our address.
    Raises: SourceInvalid when the body is neither.
    """
    named = tuple(filter(None, (literal(path),)))
    if not body.strip():
        return Notice(Kind.CHANGE, events=(Event(references=named),))
    text = json_text(body)
    seen = bundles.peek(text)
    if seen.resourceType != "Bundle":
        found = (*named, *_of_resource(text, endpoint))
        return Notice(Kind.CHANGE, events=(Event(references=tuple(dict.fromkeys(found))),))
    entries = [one for one in bundles.decode_bundle(text).entries() if one and one.resource]
    if not entries:
        raise SourceInvalid("a Bundle without a SubscriptionStatus")
    about = {name: one.resource for one in entries[1:] if (name := _name(one.resource))}
    return _status(bytes(entries[0].resource), endpoint, about)


def _status(first: bytes, endpoint: Endpoint, about: Mapping[str, bytes | msgspec.Raw]) -> Notice:
    kind = bundles.peek(first).resourceType
    try:
        if kind == "Parameters":
            status = _from_parameters(_PARAMETERS.decode(first))
        elif kind == "SubscriptionStatus":
            status = _STATUS.decode(first)
        else:
            raise SourceInvalid("a Bundle whose first entry is no SubscriptionStatus")
        said = Kind(status.type)
    except (msgspec.MsgspecError, ValueError):
        raise SourceInvalid("a SubscriptionStatus that cannot be read") from None
    channel = endpoint.relative(status.subscription.reference) if status.subscription else None
    events = [_event(one, endpoint, about) for one in status.notificationEvent[: MOST_EVENTS + 1]]
    if len(events) > MOST_EVENTS:
        events = [Event(_number(status.notificationEvent[-1].eventNumber))]
    return Notice(
        said,
        channel=channel.removeprefix("Subscription/") if channel else "",
        status=status.status if status.status in STATUSES else "",
        count=_number(status.eventsSinceSubscriptionStart),
        events=tuple(events) if said in {Kind.EVENT, Kind.QUERY_EVENT} else (),
    )


def _from_parameters(given: _Parameters) -> _Status:
    """The Parameters of the R4 backport as the resource that it stands for."""
    status = _Status()
    for one in given.parameter:
        match one.name:
            case "subscription":
                status.subscription = one.valueReference
            case "status":
                status.status = one.text
            case "type":
                status.type = one.text
            case "events-since-subscription-start":
                status.eventsSinceSubscriptionStart = one.number if one.number is not None else ""
            case "notification-event":
                status.notificationEvent.append(_notified(one.part))
    return status


def _notified(parts: Iterable[_Part]) -> _Notified:
    event = _Notified()
    for one in parts:
        if one.name == "event-number":
            event.eventNumber = one.number if one.number is not None else ""
        elif one.name == "focus":
            event.focus = one.valueReference
        elif one.name == "additional-context" and one.valueReference:
            event.additionalContext.append(one.valueReference)
    return event


def _event(one: _Notified, endpoint: Endpoint, about: Mapping[str, bytes | msgspec.Raw]) -> Event:
    written = [one.focus, *one.additionalContext]
    named = [endpoint.relative(each.reference) for each in written if each]
    found = [each for each in named if each]
    for each in tuple(found):
        if each in about:
            found += _of_resource(about[each], endpoint)
    return Event(_number(one.eventNumber), tuple(dict.fromkeys(found)))


def _name(body: msgspec.Raw) -> str:
    """ "Type/id" of a resource, "" where it cannot be read: it then says nothing."""
    try:
        seen = bundles.peek(body)
    except SourceInvalid:
        return ""
    return f"{seen.resourceType}/{seen.id}"


def _of_resource(body: bytes | msgspec.Raw, endpoint: Endpoint) -> list[str]:
    """The resource's own reference, and those of the patients that it says it is about."""
    seen = bundles.peek(body)
    written = (f"{seen.resourceType}/{seen.id}", *about.subjects(seen).references)
    return [one for one in map(endpoint.relative, written) if one]


def _number(written: str | int) -> int | None:
    """A count as R4 (text) or a reader of numbers (integer) writes it; None where it is none."""
    text = str(written)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
