"""What a server lets us write, what stands there of ours, and the signature that leads to more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from service.model.review import User

ORDER = (
    "MedicationStatement",
    "DetectedIssue",
    "MedicationRequest",
    "List",
    "Flag",
    "Task",
    "Appointment",
    "CarePlan",
    "Provenance",
)
"""What we write, in the order in which it may refer to each other."""

INSTEAD = {"Task": "Communication", "List": "DocumentReference", "CarePlan": "DocumentReference"}
"""What goes to a server that does not take the first: words that nobody can complete there."""

WRITTEN = (*ORDER, "Communication", "DocumentReference", "AuditEvent")
"""Every type that may leave: messages, what stands for another, and audit events included."""


@dataclass(frozen=True, slots=True)
class WriteTarget:
    """One server as a recipient.

    Args:
        name: its name among the sources.
        base_url: its FHIR base, "" for a source that is no server.
        allowed: resource types that the site switched on for it; nothing by default.
        offered: types with a create interaction in its CapabilityStatement, None where unknown.
        transactions: whether it takes a transaction Bundle.
        transaction_limit: the most entries of one; None where none is known.
        conditional: types with conditional create.
        put_creates: types that a PUT under our own id may create.
        version_guarded: types whose updates have to name the version that they build on.
        coordinate: types of others' resources in which the site lets us refer to ours.
        coordinate_unguarded: the site answers for it where the server guards no versions.
        idempotency_header: by which it knows a POST that it has had already; "" for none.
        parties: who is told what is written here: "system|value" of its organizations.
        cpt_licensed: whether the site holds a licence for CPT codes.
        draws: makes a PDF of a page of HTML; it, or what it gives, is empty where it cannot.
        unreachable: why its CapabilityStatement could not be read, "" when it could.
    """

    name: str
    base_url: str = ""
    allowed: frozenset[str] = frozenset()
    offered: frozenset[str] | None = None
    transactions: bool = False
    transaction_limit: int | None = None
    conditional: frozenset[str] = frozenset()
    put_creates: frozenset[str] = frozenset()
    version_guarded: frozenset[str] = frozenset()
    coordinate: frozenset[str] = frozenset()
    coordinate_unguarded: bool = False
    idempotency_header: str = ""
    parties: frozenset[str] = frozenset()
    cpt_licensed: bool = False
    draws: Callable[[str], bytes] | None = None
    unreachable: str = ""

    def refusal(self, resource_type: str) -> str:
        """Why this type is not written here; "" when it may be."""
        if not self.base_url:
            return "it is no FHIR server that can be written to"
        if resource_type not in self.allowed:
            return f"writing {resource_type} is not switched on for it"
        if self.unreachable:
            return f"it could not say what it takes ({self.unreachable})"
        if self.offered is not None and resource_type not in self.offered:
            return f"it does not take {resource_type}"
        return ""

    def keeps_out(self, resource_type: str) -> str:
        """Why nothing of ours is added to others' resources of this type; "" when it may be."""
        if resource_type not in self.coordinate:
            return f"adding to a {resource_type} of others is not switched on for it"
        if self.unreachable:
            return f"it could not say what it takes ({self.unreachable})"
        if not (resource_type in self.version_guarded or self.coordinate_unguarded):
            return "it does not say that it guards versions, and others' words could be lost"
        return ""

    def lacks(self, resource_type: str) -> bool:
        """Whether the server itself says that it does not take this type."""
        return self.offered is not None and resource_type not in self.offered


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an earlier resource of ours stands: "Type/id" and the version that was last seen."""

    reference: str
    version: str | None


@dataclass(frozen=True, slots=True)
class Signing:
    """One signature: who, when, for what; `id` is the stem of everything that is written once.

    `refer_in` are care plans of others ("psychiatry:CarePlan/7/_history/2", the version
    that the person saw) that are to refer to ours.
    """

    id: str
    by: User
    at: datetime
    scope: str
    refer_in: frozenset[str] = frozenset()
