"""What a server lets us write, and where a plan stands when a resource is built for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.model.review import Decision, Review, User
from service.write.codes import URI
from service.write.disclosure import NOTICE
from service.write.elements import printable
from service.write.identity import full_url, identifier, identifier_value
from service.write.known import Known
from service.write.withhold import Withholding

ORDER = (
    "MedicationStatement",
    "DetectedIssue",
    "MedicationRequest",
    "List",
    "Flag",
    "Task",
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


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that a builder needs for one target.

    `covered` are the decisions under this signature. `withholding` says what must not reach this
    target. `planned` says which things get a resource here (by key), so that references inside the
    target are real ones and all others are logical. `stems` name each finding beyond its wording.
    """

    key: bytes
    version: str
    patient: str
    subject: str
    review: Review
    report: Mapping[str, Any]
    signing: Signing
    target: WriteTarget
    bases: Mapping[str, str]
    covered: Mapping[str, Decision]
    known: Known = field(default_factory=Known)
    withholding: Withholding = field(default_factory=Withholding)
    stems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    incomplete: tuple[str, ...] = ()
    earlier: Mapping[str, Standing] = field(default_factory=dict)
    planned: dict[str, str] = field(default_factory=dict)

    def standing_key(self, resource_type: str, item: str = "") -> str:
        """The identifier of a thing that lives on from signature to signature."""
        return identifier_value(self.key, "standing", self.patient, resource_type, item)

    def event_key(self, resource_type: str, item: str = "") -> str:
        """The identifier of a thing that belongs to this review, or to this signature alone.

        What is about one item belongs to the review: signed by one person and then by another, it
        is still one question.
        """
        if not item:
            return self.signing_key(resource_type)
        return identifier_value(self.key, "event", self.review.id, resource_type, item)

    def signing_key(self, resource_type: str, item: str = "") -> str:
        """The identifier of a thing that belongs to this signature alone, whatever it is about."""
        return identifier_value(self.key, "event", self.signing.id, resource_type, item)

    def issue_key(self, finding: str) -> str:
        """The identifier of a finding's issue: the same when its values or words change.

        One that stands under the finding's own id (as earlier versions of Concord wrote it) keeps
        it.
        """
        plain = self.standing_key("DetectedIssue", finding)
        if plain in self.earlier or finding not in self.stems:
            return plain
        stem = self.stems[finding]
        return identifier_value(self.key, "standing", self.patient, "DetectedIssue", *stem)

    @property
    def withheld(self) -> frozenset[str]:
        """Ids of medications and findings that must not reach this target."""
        return frozenset(self.withholding.reasons)

    def patient_reference(self) -> dict[str, Any]:
        """The patient on the target; by identifier where the target holds no record."""
        if self.subject:
            return {"reference": self.subject}
        records = self.report["patient"]["records"]
        certain = [one for one in records if one["grade"] == "certain"] or records
        if not certain:
            return {"type": "Patient", "display": "no record was found"}
        return self.theirs(certain[0]["source"], certain[0]["reference"])

    def ours(self, resource_type: str, key: str, display: str = "") -> dict[str, Any]:
        """A reference to something of ours: real where it stands here or will, else logical."""
        found: dict[str, Any]
        if key in self.planned:
            found = {"reference": self.planned[key]}
        elif key in self.earlier:
            found = {"reference": self.earlier[key].reference}
        else:
            found = {"type": resource_type, "identifier": identifier(key)}
        if display:
            found["display"] = display
        return found

    def notice(self, medications: Iterable[str]) -> str:
        """What has to go with anything about these medications; "" where nothing has to."""
        return NOTICE if self.withholding.noticed & set(medications) else ""

    def member(self, name: str) -> dict[str, Any]:
        """Somebody by name: as a reference where one person of a care team is called so."""
        same = [one for one in self.known.members if one.name.casefold() == name.casefold()]
        here = [one for one in same if one.source == self.target.name] or same
        if len(here) != 1:
            return {"display": printable(name)}
        return self.theirs(here[0].source, here[0].reference) | {"display": printable(name)}

    def will_stand(self, key: str) -> bool:
        return key in self.planned or key in self.earlier

    def theirs(
        self, source: str, reference: str, *, version: str | None = None, exact: bool = False
    ) -> dict[str, Any]:
        """A reference to a resource of a source; by identifier when it stands on another server.

        Args:
            exact: point to the version that was seen, as Provenance must. It is named by identifier
                too: HAPI FHIR's JPA server strips versions from references unless configured not to
                (ParserOptions, stripVersionsFromReferences).
        """
        seen = f"{reference}/_history/{version}" if exact and version else reference
        base = self.bases.get(source, "")
        if source == self.target.name:
            named = {"identifier": {"system": URI, "value": f"{base}/{seen}"}}
            return {"reference": seen} | (named if base and seen != reference else {})
        return {
            "type": reference.partition("/")[0],
            "identifier": {"system": URI, "value": f"{base}/{seen}"}
            if base
            else {"value": f"{source}/{seen}"},
            "display": f"{source}: {reference}",
        }

    def plan_place(self, key: str) -> str:
        """Announce that this thing gets a resource here; gives the reference that leads to it."""
        standing = self.earlier.get(key)
        self.planned[key] = standing.reference if standing else full_url(key)
        return self.planned[key]
