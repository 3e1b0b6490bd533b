"""What a source gave and how sure we are that it is all: the read certificate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from service.model.evidence import Problem


class Role(StrEnum):
    """What a source is in the care of the patient; tells what it is expected to hold."""

    PSYCHIATRY = "psychiatry"
    PRIMARY_CARE = "primary-care"
    PHARMACY = "pharmacy"
    PATIENT = "patient"
    OTHER = "other"


class State(StrEnum):
    """How complete a read is. `not-offered` (a type the server does not have) harms nothing."""

    UNAVAILABLE = "unavailable"
    WITHHELD = "withheld"
    PARTIAL = "partial"
    STALE = "stale"
    COMPLETE = "complete"
    NOT_OFFERED = "not-offered"


_WORST_FIRST = tuple(State)


def worst(states: Iterable[State]) -> State:
    """The state that counts for a whole: unavailable, withheld, partial, stale, complete."""
    known = [state for state in states if state is not State.NOT_OFFERED]
    return min(known, key=_WORST_FIRST.index, default=State.COMPLETE)


MEDICATION_TYPES = (
    "MedicationRequest",
    "MedicationStatement",
    "MedicationDispense",
    "MedicationAdministration",
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """How one resource type of one source was read: what proves that it is all, or what is missing.

    `total` is what the server said, None where it said nothing; `skipped` counts entries that could
    not be used; `unresolved` are references whose target was not found; `dropped` are search
    parameters that the server's self link no longer held. `since`: only what changed from that
    moment on was asked for (see `service.read.since`). `lacks` are kinds within the type that the
    server refuses to tell ("survey" of Observation): no absence of those is stated.
    """

    type: str
    state: State
    reasons: tuple[str, ...] = ()
    count: int = 0
    pages: int = 0
    total: int | None = None
    skipped: int = 0
    unresolved: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    since: datetime | None = None
    lacks: tuple[str, ...] = ()


class RawResource(msgspec.Struct, frozen=True, gc=False):
    """One resource as the source sent it: `body` is its JSON text, untouched, in UTF-8.

    `fhir` is the release in whose shape it is: "R4" (4.0.1 and R4B) or "STU3". `full_url` is its
    Bundle.entry.fullUrl ("urn:uuid:..."), by which others of the same source may refer to it.
    """

    type: str
    id: str
    version: str | None
    body: bytes
    fhir: str = "R4"
    full_url: str = ""

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class SourceRead:
    """Everything that one source gave for one patient, with a certificate per resource type.

    `reasons` are those of the source as a whole ("connection refused"). `state` is the worst of
    the certificates, or `state_floor` when the source as a whole is worse (nothing answered,
    patient not found, version refused). `watermark` is the moment (by the source's own clock) from
    which a later read may ask for changes only; None where that cannot be told.
    """

    name: str
    role: Role
    resources: tuple[RawResource, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    reasons: tuple[str, ...] = ()
    state_floor: State = State.COMPLETE
    problems: tuple[Problem, ...] = ()
    read_at: datetime | None = None
    base_url: str = ""
    watermark: datetime | None = None

    @property
    def state(self) -> State:
        return worst([self.state_floor, *(c.state for c in self.certificates)])

    def state_of(self, *types: str) -> State:
        """The state that a statement about these resource types may rest on."""
        relevant = [c.state for c in self.certificates if c.type in types]
        return worst([self.state_floor, *relevant])
