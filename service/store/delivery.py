"""One write of the outbox as a row: the resource for its server, and where it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Row

from service.model.identity import OUR_IDENTIFIERS
from service.model.review import DeliveryState

PENDING = (
    DeliveryState.PLANNED,
    DeliveryState.SENDING,
    DeliveryState.CONFLICT,
    DeliveryState.NEEDS_REVIEW,
)
"""Not yet at an end: done, refused, dead and cancelled are."""

ACTIVE = (DeliveryState.PLANNED, DeliveryState.SENDING)
"""What a worker may move on by itself."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One resource for one server, and where it stands.

    `body` are the exact bytes that were approved (JSON, UTF-8), `digest` their SHA-256. `location`
    ("Type/id") and `version` are the server's, known once it answered. `strategy` is how it was
    sent and so what its guarantee is worth.
    """

    id: str
    signature: str
    review: str
    patient: str
    target: str
    ordinal: int
    key: str
    item: str
    type: str
    body: bytes
    digest: str
    if_match: str | None
    reference: str
    state: DeliveryState
    strategy: str
    reason: str
    attempts: int
    not_before: datetime
    location: str
    version: str | None
    planned_at: datetime
    changed_at: datetime

    @property
    def resource(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def text(self) -> str:
        """The exact JSON where it is somebody else's resource with ours added; "" elsewhere."""
        resource = self.resource
        own = resource.get("identifier", [])
        marks = [*resource.get("meta", {}).get("tag", []), *(own if isinstance(own, list) else [])]
        ours = any(one.get("system") == OUR_IDENTIFIERS for one in marks)
        return self.body.decode() if self.reference and resource and not ours else ""


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one signature for one server: they travel together."""

    signature: str
    target: str
    patient: str


def body_of(resource: Mapping[str, object]) -> bytes:
    """The bytes in which a planned resource is kept, compared and sent."""
    return json.dumps(resource, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


NOTHING = sha256(body_of({})).hexdigest()
"""Digest of what was left out when it was planned."""


def delivery_of(row: Row[Any]) -> Delivery:
    """The write that a row of the table `deliveries` keeps."""
    return Delivery(
        id=row.id,
        signature=row.signature,
        review=row.review,
        patient=row.patient,
        target=row.target,
        ordinal=row.ordinal,
        key=row.key,
        item=row.item,
        type=row.type,
        body=row.resource,
        digest=row.digest,
        if_match=row.if_match,
        reference=row.reference,
        state=DeliveryState(row.state),
        strategy=row.strategy,
        reason=row.reason,
        attempts=row.attempts,
        not_before=row.not_before,
        location=row.location,
        version=row.version,
        planned_at=row.planned_at,
        changed_at=row.changed_at,
    )
