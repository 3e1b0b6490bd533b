"""The gate before anything is queued: sound R4B, required codes, and what must never be written.

fhir.resources checks structure and cardinality but not codes of required bindings, nor that a
reference leads anywhere: those are checked here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.fhir.release import check as check_release
from service.model.review import PlannedWrite
from service.write.codes import IDENTIFIER_SYSTEM, RECONCILED_LIST
from service.write.identity import carries, full_url
from service.write.referring import own_elements
from service.write.target import WRITTEN

_CODES = {
    "List": {"status": {"current"}, "mode": {"working", "snapshot"}},
    "MedicationStatement": {"status": {"active", "intended", "on-hold", "unknown"}},
    "DetectedIssue": {
        "status": {"preliminary", "final", "entered-in-error"},
        "severity": {"high", "moderate", "low"},
    },
    "CarePlan": {"status": {"active", "revoked"}, "intent": {"plan"}},
    "Task": {"status": {"requested", "completed", "cancelled"}, "intent": {"order", "proposal"}},
    "Appointment": {"status": {"proposed"}},
    "MedicationRequest": {"status": {"draft"}, "intent": {"proposal"}},
    "Flag": {"status": {"active", "inactive", "entered-in-error"}},
    "Communication": {"status": {"completed", "entered-in-error"}},
    "DocumentReference": {"status": {"current", "superseded", "entered-in-error"}},
    "Provenance": {},
    "AuditEvent": {"action": {"C", "R", "U", "E"}, "outcome": {"0", "4", "8", "12"}},
}
"""What we may say of each type; a stopped or completed medication is never ours to declare."""

_WORDS = frozenset({"name", "description", "query", "detail"})
_WITHOUT_NARRATIVE = frozenset({"Provenance", "AuditEvent"})

_LOCAL = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}(/_history/[A-Za-z0-9\-.]{1,64})?\Z")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")


def problems(writes: Sequence[PlannedWrite]) -> tuple[str, ...]:
    """What keeps a plan from being sent, as "target Type: path: reason"; empty when nothing does.

    One resource that fails stops the whole plan.
    """
    found: list[str] = []
    places: dict[str, dict[str, int]] = {}
    for write in writes:
        if not write.skipped:
            inside = places.setdefault(write.target, {})
            inside[write.reference or full_url(write.key)] = write.ordinal
            inside[full_url(write.key)] = write.ordinal
    for write in writes:
        if write.skipped:
            continue
        where = f"{write.target} {write.type}"
        found += [f"{where}: {problem}" for problem in check_release(write.resource)]
        found += [
            f"{where}: {problem}" for problem in (_others(write) if write.text else _own(write))
        ]
        found += [f"{where}: {problem}" for problem in _references(write, places[write.target])]
    return tuple(found)


def _own(write: PlannedWrite) -> Iterator[str]:
    resource: Mapping[str, Any] = write.resource
    if resource.get("resourceType") != write.type or write.type not in WRITTEN:
        yield "resourceType: not a type that Concord writes"
        return
    for element, codes in _CODES[write.type].items():
        if element in resource and resource[element] not in codes:
            yield f"{element}: {resource[element]!r} is not ours to write"
    if not carries(resource, write.key):
        yield f"identifier: the identifier of {IDENTIFIER_SYSTEM} is missing"
    if write.type not in _WITHOUT_NARRATIVE and not resource.get("text", {}).get("div"):
        yield "text: missing"
    if (write.if_match is None) != (not write.reference):
        yield "meta.versionId: an update goes to a known place and on top of a known version"
    if write.reference and resource.get("id") != write.reference.partition("/")[2]:
        yield "id: not the id of the resource that is updated"
    if "id" in resource and not _ID.match(str(resource["id"])):
        yield "id: not a FHIR id"
    yield from _of_type(write.type, resource)


def _others(write: PlannedWrite) -> Iterator[str]:
    """A resource of somebody else's: a known place, on top of a known version, ours told apart."""
    if write.resource.get("resourceType") != write.type or write.type != "CarePlan":
        yield "resourceType: nothing of ours is added to such a resource"
    if not write.if_match:
        yield "meta.versionId: the version that the person saw is not known"
    if f"{write.type}/{write.resource.get('id')}" != write.reference:
        yield "id: not the id of the resource that is added to"
    if json.loads(write.text) != write.resource:
        yield "text: not the resource that is shown"


def _of_type(resource_type: str, resource: Mapping[str, Any]) -> Iterator[str]:
    if resource_type == "List":
        signed = any(
            coding.get("code") == RECONCILED_LIST.code
            for coding in resource.get("code", {}).get("coding", [])
        )
        if signed and resource.get("source", {}).get("type") != "Practitioner":
            yield "source: a reconciled list needs the person who signed it"
        if signed and resource.get("mode") != "working":
            yield "mode: a reconciled list is a working list"
        if "entry" in resource and "emptyReason" in resource:
            yield "emptyReason: only beside no entries (lst-1)"
        if resource.get("mode") != "working" and any(
            "date" in e for e in resource.get("entry", [])
        ):
            yield "entry.date: only in a working list (lst-3)"
    if resource_type == "CarePlan":
        if any("detail" in activity for activity in resource.get("activity", [])):
            yield "activity.detail: activities are references"
        if not resource.get("supportingInfo") and not resource.get("note"):
            yield "supportingInfo: at least one DetectedIssue, or a word of the patient as a note"
    if resource_type == "Appointment" and {"start", "end", "slot"} & resource.keys():
        yield "start: a visit is booked by whoever runs the calendar"
    if resource_type == "MedicationStatement" and not (
        {"effectivePeriod", "effectiveDateTime", "_effectiveDateTime"} & resource.keys()
    ):
        yield "effective[x]: missing"
    if resource_type == "AuditEvent":
        entities = [set(entity) for entity in resource.get("entity", [])]
        told = {"text", "outcomeDesc"} & resource.keys() | _WORDS & set[str]().union(*entities)
        if told:
            yield f"{min(told)}: an audit event holds references only"
    if resource_type == "Provenance":
        for agent in resource.get("agent", []):
            if "onBehalfOf" not in agent:
                yield "agent.onBehalfOf: missing (provenance-1)"


def _references(write: PlannedWrite, places: Mapping[str, int]) -> Iterator[str]:
    """Every literal reference leads to an earlier resource of this plan or is relative.

    What somebody else wrote is not ours to judge.
    """
    judged = dict(own_elements(write.resource)) if write.text else write.resource
    for path, reference in _literals(judged, ""):
        if reference.startswith("urn:uuid:"):
            if places.get(reference, write.ordinal) >= write.ordinal:
                yield f"{path}: {reference} is not written before it"
        elif not _LOCAL.match(reference):
            yield f"{path}: {reference[:60]!r} leads off this server"


def _literals(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "reference" and isinstance(inner, str):
                yield path, inner
            else:
                yield from _literals(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _literals(inner, f"{path}[{number}]")
