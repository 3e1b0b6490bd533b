"""Our Subscriptions on a server: which there should be, how each is written, and what to do about
those that stand there.

A Subscription is ours when it leads to our own address for that source; no other is touched, and
none is ever deleted: what should end is switched off. Sources: FHIR R4 Subscription; Subscriptions
R5 Backport 1.1.0; Medplum "Subscription extensions" (the secret of X-Signature).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeAlias

PATIENT: Final = "{patient}"
"""Stands in criteria for one patient at a time: a Subscription for each."""

_BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
_SIGNED_WITH: Final = "https://www.medplum.com/fhir/StructureDefinition/subscription-secret"
_LIVE: Final = frozenset({"active", "requested"})
_RENEWED_WITHIN: Final = 1 / 3
"""Of its span, what is left when a Subscription is renewed."""

Resource: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, str, str]
"""Where it leads, its criteria or topic, and the topic's filter."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a source is to tell us.

    Args:
        address: ours for this source, "https://concord.example/api/notifications/psychiatry".
        criteria: searches ("MedicationRequest?patient={patient}"), or filters of the `topic`.
        secret: shown to us in `header`; with `signed`, the key of an HMAC of each body instead.
        topic: canonical URL of a SubscriptionTopic; empty asks for plain R4 rest-hooks.
        content: what a topic's notifications carry (empty, id-only, full-resource).
    """

    address: str
    criteria: tuple[str, ...]
    secret: str = field(repr=False)
    header: str = "Authorization"
    signed: bool = False
    topic: str = ""
    content: str = "id-only"
    days: int = 90
    heartbeat_s: int = 3600

    @property
    def of_patients(self) -> bool:
        """Whether patients are told apart."""
        return any(PATIENT in one for one in self.criteria)

    def is_ours(self, endpoint: str) -> bool:
        """Whether a Subscription that leads there is one of ours."""
        return endpoint == self.address or endpoint.startswith(f"{self.address}/of/")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One Subscription that there should be; `name` tells it without naming a patient's record."""

    name: str
    endpoint: str
    criteria: str
    topic: str = ""

    @property
    def key(self) -> Key:
        return (self.endpoint, self.topic or self.criteria, self.criteria if self.topic else "")


@dataclass(frozen=True, slots=True)
class Standing:
    """One of ours as it stands on the server."""

    id: str
    version: str | None
    key: Key
    status: str
    end: datetime | None
    resource: Mapping[str, Any] = field(repr=False)


class Deed(StrEnum):
    """What is done about one Subscription."""

    KEEP = "keep"
    CREATE = "create"
    RENEW = "renew"
    END = "switch off"


@dataclass(frozen=True, slots=True)
class Step:
    """A deed and why; `wanted` is None for what nobody wants any more."""

    deed: Deed
    why: str
    wanted: Wanted | None = None
    standing: Standing | None = None

    @property
    def name(self) -> str:
        if self.wanted is not None:
            return self.wanted.name
        return f"Subscription/{self.standing.id}" if self.standing else ""


def wanted(wish: Wish, patients: Iterable[tuple[str, str]]) -> tuple[Wanted, ...]:
    """Which Subscriptions there should be.

    Args:
        patients: our id of each patient whom the source surely holds, and the record's id there.
    """
    known = sorted(patients)
    found: list[Wanted] = []
    for one in wish.criteria:
        if PATIENT not in one:
            found.append(Wanted(one, wish.address, one, wish.topic))
            continue
        plain = one.partition("?")[0]
        for ours, there in known:
            # The address says whom it is about: nothing of a record needs to travel.
            name, endpoint = f"{plain} of {ours}", f"{wish.address}/of/{ours}"
            found.append(Wanted(name, endpoint, one.replace(PATIENT, there), wish.topic))
    return tuple(found)


def steps(
    wish: Wish,
    want: Sequence[Wanted],
    standing: Sequence[Standing],
    *,
    now: datetime,
    stop: bool = False,
) -> tuple[Step, ...]:
    """What to do, about each Subscription once; with `stop` all of ours end."""
    wishes = {} if stop else {one.key: one for one in want}
    done: set[Key] = set()
    found = []
    for one in sorted(standing, key=lambda one: (one.status not in _LIVE, one.id)):
        wished = wishes.get(one.key)
        if wished is None or one.key in done:
            if one.status in _LIVE | {"error"}:
                why = "stopped" if stop else "twice there" if wished else "nobody wants it any more"
                found.append(Step(Deed.END, why, None, one))
            continue
        done.add(one.key)
        found.append(_kept(wish, wished, one, now))
    found += [Step(Deed.CREATE, "not there", one) for k, one in wishes.items() if k not in done]
    return tuple(found)


def _kept(wish: Wish, wished: Wanted, one: Standing, now: datetime) -> Step:
    if one.status not in _LIVE:
        return Step(Deed.RENEW, f"it is in {one.status}", wished, one)
    if one.end is not None and one.end - now < timedelta(days=wish.days) * _RENEWED_WITHIN:
        return Step(Deed.RENEW, f"it ends {one.end.date()}", wished, one)
    return Step(Deed.KEEP, f"it is {one.status}", wished, one)


def written(wish: Wish, step: Step, *, now: datetime) -> Resource:
    """The Subscription as it is sent for a step; what a server added to its own stays."""
    before = dict(step.standing.resource) if step.standing else {}
    if step.deed is Deed.END or step.wanted is None:
        return before | {"status": "off"}
    end = (now + timedelta(days=wish.days)).astimezone(UTC)
    made: Resource = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "Medication lists in Concord",
        "end": end.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "criteria": step.wanted.topic or step.wanted.criteria,
        "channel": {"type": "rest-hook", "endpoint": step.wanted.endpoint},
    }
    if wish.signed:
        made["extension"] = [{"url": _SIGNED_WITH, "valueString": wish.secret}]
    else:
        shown = f"Bearer {wish.secret}" if wish.header.lower() == "authorization" else wish.secret
        made["channel"]["header"] = [f"{wish.header}: {shown}"]
    if wish.topic:
        _to_topic(made, step.wanted, wish)
    elif wish.signed or "/of/" not in step.wanted.endpoint:
        # Plain R4 knows the whole resource or nothing; a signature needs something to sign.
        made["channel"]["payload"] = "application/fhir+json"
    kept = {name: before[name] for name in ("id", "meta") if name in before}
    return kept | made


def _to_topic(made: Resource, want: Wanted, wish: Wish) -> None:
    made["meta"] = {"profile": [f"{_BACKPORT}subscription"]}
    made["_criteria"] = {
        "extension": [{"url": f"{_BACKPORT}filter-criteria", "valueString": want.criteria}]
    }
    made["channel"] |= {
        "extension": [
            {"url": f"{_BACKPORT}heartbeat-period", "valueUnsignedInt": wish.heartbeat_s}
        ],
        "payload": "application/fhir+json",
        "_payload": {
            "extension": [{"url": f"{_BACKPORT}payload-content", "valueCode": wish.content}]
        },
    }


def standing(wish: Wish, resource: Mapping[str, Any], version: str | None) -> Standing | None:
    """One of our Subscriptions as a server gives it; None for what is not ours or is unreadable."""
    channel = resource.get("channel")
    endpoint = channel.get("endpoint") if isinstance(channel, dict) else None
    if not isinstance(endpoint, str) or not wish.is_ours(endpoint):
        return None
    extensions = (resource.get("_criteria") or {}).get("extension") or ()
    narrowed = [
        str(one.get("valueString", ""))
        for one in extensions
        if str(one.get("url", "")).endswith("backport-filter-criteria")
    ]
    key = (endpoint, str(resource.get("criteria", "")), narrowed[0] if narrowed else "")
    status, id_ = str(resource.get("status", "")), str(resource.get("id", ""))
    return Standing(id_, version, key, status, _instant(resource.get("end")), dict(resource))


def _instant(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
