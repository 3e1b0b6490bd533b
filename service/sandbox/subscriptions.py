"""Subscriptions of one server: R4 rest-hooks, and the topics of the Subscriptions R5 Backport.

A Subscription whose criteria are a search is told of creates and updates, without a payload or with
the resource. One whose criteria are a topic (a canonical address) is told in Bundles of type
history, deletions included, after a handshake. Source: FHIR R4 Subscription; Subscriptions R5
Backport 1.1.0, R4 notifications.
"""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from service.sandbox.exchange import Resource, encode
from service.sandbox.parameters import parameters
from service.sandbox.search import matches
from service.sandbox.storage import Storage, Version, instant

_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
_FILTER = _BACKPORT + "filter-criteria"
_CONTENT = _BACKPORT + "payload-content"
_STATUS = _BACKPORT + "subscription-status-r4"
_SEND_S = 5.0


@dataclass(frozen=True, slots=True)
class Notification:
    """One request to a subscriber; `of` is the id of its Subscription."""

    of: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    handshake: bool = False


Send = Callable[[Notification], Awaitable[int]]
"""Sends one and gives the status of the answer, 0 where there was none."""


async def sent(one: Notification) -> int:
    """Over HTTP, beside the event loop."""
    return await asyncio.to_thread(_sent, one)


def _sent(one: Notification) -> int:
    parts = urlsplit(one.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_SEND_S)
    try:
        connection.request(one.method, parts.path or "/", one.body, dict(one.headers))
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


@dataclass(slots=True)
class Subscriptions:
    """What the Subscriptions in a storage lead to: `waiting` are notifications not sent yet."""

    storage: Storage
    send: Send = sent
    waiting: list[Notification] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    _events: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.storage.watchers.append(self.heard)

    def heard(self, version: Version) -> None:
        """A version was written: whoever subscribed to it is to be told."""
        if version.type == "Subscription":
            self._requested(version)
            return
        for live in list(self.storage.live("Subscription")):
            subscription = live.resource or {}
            if subscription.get("status") == "active" and self._wanted(subscription, version):
                self.waiting.append(self._told(subscription, version))

    async def deliver(self) -> None:
        """Sends everything that waits, in order; a handshake that is taken opens its channel."""
        while self.waiting:
            one = self.waiting.pop(0)
            status = await self.send(one)
            self.statuses.append(status)
            if one.handshake:
                self._move(one.of, "active" if 200 <= status < 300 else "error")

    def heartbeat(self, id_: str) -> None:
        """Tell a subscriber how many events there were, as after a time without any."""
        version = self.storage.current("Subscription", id_)
        if version is not None and version.resource is not None:
            self.waiting.append(self._bundle(version.resource, "heartbeat"))

    def _requested(self, version: Version) -> None:
        subscription = version.resource or {}
        if subscription.get("status") != "requested":
            return
        if _is_topic(subscription):
            self._events[version.id] = 0
            self.waiting.append(self._bundle(subscription, "handshake"))
        else:
            self._move(version.id, "active")

    def _move(self, id_: str, status: str) -> None:
        current = self.storage.current("Subscription", id_)
        if current is not None and current.resource is not None:
            self.storage.add("Subscription", id_, {**current.resource, "status": status}, "PUT")

    def _wanted(self, subscription: Resource, version: Version) -> bool:
        """Whether a version meets the criteria; of a deletion the last content counts."""
        topic = _is_topic(subscription)
        content = version.resource
        if content is None:
            before = self.storage.history(version.type, version.id)[:-1]
            content = before[-1].resource if topic and before else None
        type_, _, query = _criteria(subscription).partition("?")
        if content is None or type_ != version.type:
            return False
        known = parameters(type_)
        return all(
            name in known and matches(content, known[name], "", value, "")
            for name, value in parse_qsl(query)
        )

    def _told(self, subscription: Resource, version: Version) -> Notification:
        if _is_topic(subscription):
            self._events[subscription["id"]] = self._events.get(subscription["id"], 0) + 1
            return self._bundle(subscription, "event-notification", version)
        channel = subscription["channel"]
        if not channel.get("payload"):
            return Notification(subscription["id"], "POST", channel["endpoint"], _headers(channel))
        headers = _headers(channel) | {"Content-Type": channel["payload"]}
        url = f"{channel['endpoint'].rstrip('/')}/{version.reference}"
        body = encode(version.resource)
        return Notification(subscription["id"], "PUT", url, headers, body)

    def _bundle(
        self, subscription: Resource, kind: str, version: Version | None = None
    ) -> Notification:
        """A notification Bundle; `version` is what happened."""
        id_, channel = subscription["id"], subscription["channel"]
        content = _extension(channel.get("_payload"), _CONTENT) or "empty"
        count = str(self._events.get(id_, 0))
        said: list[Resource] = [
            {"name": "subscription", "valueReference": {"reference": f"Subscription/{id_}"}},
            {"name": "topic", "valueCanonical": subscription["criteria"]},
            {"name": "status", "valueCode": subscription["status"]},
            {"name": "type", "valueCode": kind},
            {"name": "events-since-subscription-start", "valueString": count},
        ]
        entries: list[Resource] = []
        if version is not None:
            part: list[Resource] = [
                {"name": "event-number", "valueString": count},
                {"name": "timestamp", "valueInstant": instant(version.at)},
            ]
            if content != "empty":
                part.append({"name": "focus", "valueReference": {"reference": version.reference}})
                entries.append(_changed(version, whole=content == "full-resource"))
            said.append({"name": "notification-event", "part": part})
        status = {"resourceType": "Parameters", "meta": {"profile": [_STATUS]}, "parameter": said}
        first = {
            "fullUrl": f"urn:uuid:{uuid4()}",
            "resource": status,
            "request": {"method": "GET", "url": f"Subscription/{id_}/$status"},
            "response": {"status": "200"},
        }
        bundle = {
            "resourceType": "Bundle",
            "type": "history",
            "timestamp": instant(self.storage.clock()),
            "entry": [first, *entries],
        }
        headers = _headers(channel) | {"Content-Type": "application/fhir+json"}
        shake = kind == "handshake"
        return Notification(id_, "POST", channel["endpoint"], headers, encode(bundle), shake)


def _changed(version: Version, *, whole: bool) -> Resource:
    entry: Resource = {"fullUrl": version.reference}
    if whole and version.resource is not None:
        entry["resource"] = version.resource
    url = version.type if version.method == "POST" else version.reference
    entry["request"] = {"method": version.method, "url": url}
    entry["response"] = {"status": "204" if version.resource is None else "200"}
    return entry


def _is_topic(subscription: Resource) -> bool:
    return "://" in str(subscription.get("criteria", ""))


def _criteria(subscription: Resource) -> str:
    """The search that has to be met: the criteria, or the filter of a topic."""
    if _is_topic(subscription):
        return _extension(subscription.get("_criteria"), _FILTER)
    return str(subscription.get("criteria", ""))


def _extension(element: Any, url: str) -> str:
    for one in (element or {}).get("extension", ()):
        if one.get("url") == url:
            return str(one.get("valueString") or one.get("valueCode") or "")
    return ""


def _headers(channel: Resource) -> dict[str, str]:
    found = {}
    for line in channel.get("header", ()):
        name, _, value = line.partition(":")
        found[name.strip()] = value.strip()
    return found
