"""What a server refuses with 422: elements that R4 requires and codes of required bindings.

Only the types that Concord writes are judged, and only what a careless writer gets wrong; this is
no validator. Source: FHIR R4 (4.0.1), resource definitions and their invariants.
"""

from __future__ import annotations

from collections.abc import Iterator

from service.sandbox.exchange import Resource
from service.sandbox.search import values

# Elements of cardinality 1..; alternatives of a choice are joined by "|".
_REQUIRED: dict[str, tuple[str, ...]] = {
    "List": ("status", "mode"),
    "CarePlan": ("status", "intent", "subject"),
    "Task": ("status", "intent"),
    "DetectedIssue": ("status",),
    "Provenance": ("target", "recorded", "agent"),
    "MedicationStatement": ("status", "medicationCodeableConcept|medicationReference", "subject"),
    "MedicationRequest": (
        "status",
        "intent",
        "medicationCodeableConcept|medicationReference",
        "subject",
    ),
    "Communication": ("status",),
    "Flag": ("status", "code", "subject"),
    "Appointment": ("status", "participant"),
    "Goal": ("lifecycleStatus", "description", "subject"),
    "ServiceRequest": ("status", "intent", "subject"),
    "Observation": ("status", "code"),
    "DocumentReference": ("status", "content"),
    "Subscription": ("status", "reason", "criteria", "channel"),
}

# Elements of cardinality 1.. inside of a list.
_REQUIRED_INSIDE: dict[str, tuple[tuple[str, str], ...]] = {
    "List": (("entry", "item"),),
    "DetectedIssue": (("mitigation", "action"),),
    "Provenance": (("agent", "who"), ("entity", "role"), ("entity", "what")),
    "Appointment": (("participant", "status"),),
    "Communication": (("payload", "contentString|contentReference|contentAttachment"),),
}

_EVENT = "preparation in-progress not-done on-hold stopped completed entered-in-error unknown"
_REQUEST = "draft active on-hold revoked completed entered-in-error unknown"
_OBSERVATION = "registered preliminary final amended corrected cancelled entered-in-error unknown"
_ORDER = "proposal plan directive order original-order reflex-order filler-order instance-order"
_CODES: dict[str, dict[str, str]] = {
    "List": {
        "status": "current retired entered-in-error",
        "mode": "working snapshot changes",
    },
    "CarePlan": {"status": _REQUEST, "intent": "proposal plan order option"},
    "Task": {
        "status": "draft requested received accepted rejected ready cancelled in-progress on-hold "
        "failed completed entered-in-error",
        "intent": "unknown proposal plan order original-order reflex-order filler-order "
        "instance-order option",
        "priority": "routine urgent asap stat",
    },
    "DetectedIssue": {"status": _OBSERVATION, "severity": "high moderate low"},
    "MedicationStatement": {
        "status": "active completed entered-in-error intended stopped on-hold unknown not-taken"
    },
    "MedicationRequest": {
        "status": "active on-hold cancelled completed entered-in-error stopped draft unknown",
        "intent": "proposal plan order original-order reflex-order filler-order instance-order "
        "option",
        "priority": "routine urgent asap stat",
    },
    "Communication": {"status": _EVENT, "priority": "routine urgent asap stat"},
    "Flag": {"status": "active inactive entered-in-error"},
    "Appointment": {
        "status": "proposed pending booked arrived fulfilled cancelled noshow entered-in-error "
        "checked-in waitlist"
    },
    "Goal": {
        "lifecycleStatus": "proposed planned accepted active on-hold completed cancelled "
        "entered-in-error rejected"
    },
    "ServiceRequest": {"status": _REQUEST, "intent": _ORDER + " option"},
    "Observation": {"status": _OBSERVATION},
    "DocumentReference": {"status": "current superseded entered-in-error"},
}


def problems(resource: Resource) -> Iterator[tuple[str, str]]:
    """(FHIRPath expression, what is wrong) of everything that would be refused."""
    type_ = resource["resourceType"]
    for element in _REQUIRED.get(type_, ()):
        if not any(resource.get(name) for name in element.split("|")):
            yield f"{type_}.{element.partition('|')[0]}", f"{type_}.{element} is required"
    for name, element in _REQUIRED_INSIDE.get(type_, ()):
        for number, item in enumerate(values(resource, name)):
            known = item if isinstance(item, dict) else {}
            if not any(known.get(choice) for choice in element.split("|")):
                yield f"{type_}.{name}[{number}]", f"{type_}.{name}.{element} is required"
    for name, codes in _CODES.get(type_, {}).items():
        code = resource.get(name)
        if code is not None and code not in codes.split():
            yield f"{type_}.{name}", f"{type_}.{name} has no code {code!r}"
    if type_ == "List":
        yield from _list_invariants(resource)
    if type_ == "CarePlan":
        for number, activity in enumerate(values(resource, "activity")):
            if isinstance(activity, dict) and "detail" in activity and "reference" in activity:
                yield f"CarePlan.activity[{number}]", "cpl-3: detail or reference, not both"


def _list_invariants(resource: Resource) -> Iterator[tuple[str, str]]:
    entries = [entry for entry in values(resource, "entry") if isinstance(entry, dict)]
    mode = resource.get("mode")
    if entries and "emptyReason" in resource:
        yield "List.emptyReason", "lst-1: only an empty list has an emptyReason"
    if mode != "changes" and any("deleted" in entry for entry in entries):
        yield "List.entry.deleted", "lst-2: deleted belongs to mode changes"
    if mode != "working" and any("date" in entry for entry in entries):
        yield "List.entry.date", "lst-3: an entry's date belongs to mode working"
