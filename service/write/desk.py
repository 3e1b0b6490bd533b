"""Where a plan stands when a resource is built for one server: who signs what, and how to refer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from service.model.review import Decision, Review
from service.write.codes import URI
from service.write.disclosure import NOTICE
from service.write.elements import printable
from service.write.identity import full_url, identifier, identifier_value
from service.write.known import Known
from service.write.target import Signing, Standing, WriteTarget
from service.write.withhold import Withholding


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
