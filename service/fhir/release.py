"""Which FHIR release something is in, and whether what we write is sound R4B.

Concord reads R4 (4.0.1 and 4.3) and the STU3 shapes of the same resources; DSTU2 and R5 are refused
by name, never half read. The only module that imports fhir.resources, and only when asked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from functools import cache


class Release(StrEnum):
    """A FHIR release by the name people use; UNKNOWN where nothing tells."""

    DSTU2 = "DSTU2"
    STU3 = "STU3"
    R4 = "R4"
    R5 = "R5"
    UNKNOWN = "unknown"


READ = frozenset({Release.STU3, Release.R4})

_NAMED = ("4.0.", "4.3."), ("3.0.", "3.2.", "3.5."), ("1.0.", "0.5.", "1.1."), ("5.", "4.6.", "6.")
_BY_PREFIX = dict(zip(_NAMED, (Release.R4, Release.STU3, Release.DSTU2, Release.R5), strict=True))


def named(fhir_version: str) -> Release:
    """The release of a CapabilityStatement.fhirVersion ("4.0.1"; "R4" and "4.0" are seen too)."""
    text = fhir_version.strip()
    if text.upper() in Release.__members__:
        return Release[text.upper()]
    if text.upper() == "R4B":
        return Release.R4
    for prefixes, release in _BY_PREFIX.items():
        if f"{text}.".startswith(prefixes):
            return release
    return Release.UNKNOWN


_MEDICATION_EVENTS = frozenset(
    {"MedicationRequest", "MedicationStatement", "MedicationDispense", "MedicationAdministration"}
)
_ONLY_IN = {
    "MedicationOrder": Release.DSTU2,
    "DiagnosticOrder": Release.DSTU2,
    "Conformance": Release.DSTU2,
    "MedicationUsage": Release.R5,
}
_STU3_KEYS: dict[str, frozenset[str]] = {
    "MedicationRequest": frozenset({"context", "definition"}),
    "MedicationStatement": frozenset({"taken", "reasonNotTaken"}),
    "MedicationDispense": frozenset({"notDone", "notDoneReasonCodeableConcept"}),
    "MedicationAdministration": frozenset({"notGiven", "prescription", "reasonNotGiven"}),
    "Condition": frozenset({"assertedDate", "context"}),
    "AllergyIntolerance": frozenset({"assertedDate"}),
    "Observation": frozenset({"context", "related", "comment"}),
    "CarePlan": frozenset({"context", "definition"}),
    "Procedure": frozenset({"notDone", "context"}),
    "Encounter": frozenset({"incomingReferral"}),
    "Appointment": frozenset({"incomingReferral", "indication"}),
    "Goal": frozenset({"status"}),
}
_R4_KEYS: dict[str, frozenset[str]] = {
    "MedicationRequest": frozenset({"encounter", "statusReason", "reportedBoolean"}),
    "Goal": frozenset({"lifecycleStatus"}),
    "Observation": frozenset({"encounter"}),
    "Condition": frozenset({"recordedDate"}),
}
_TELLING = {
    **dict.fromkeys(_MEDICATION_EVENTS, ("medication", "patient")),
    "Condition": ("patient",),
    "AllergyIntolerance": ("substance",),
}
_FLAT_DOSE = re.compile(rb'"dose(Quantity|Range)"\s*:')
_DOSE_AND_RATE = re.compile(rb'"doseAndRate"\s*:')
_STATUS_TEXT = re.compile(rb'"clinicalStatus"\s*:\s*"')
_STATUS_CONCEPT = re.compile(rb'"clinicalStatus"\s*:\s*\{')


@cache
def marks(resource_type: str) -> tuple[bytes, ...]:
    """The names, in quotes, of which a resource must hold one at its top for its keys to tell."""
    names = {
        *_TELLING.get(resource_type, ()),
        *_R4_KEYS.get(resource_type, ()),
        *_STU3_KEYS.get(resource_type, ()),
    }
    return tuple(f'"{name}"'.encode() for name in sorted(names))


def shape(resource_type: str, keys: Collection[str], body: bytes) -> Release:
    """The release whose shape a resource has, UNKNOWN where it looks alike in several.

    Args:
        keys: the names of its top-level elements.
        body: its JSON text, for the few marks that lie deeper.
    Source: the version history pages of R4 and R5, and the DSTU2 definitions, per resource.
    """
    present = set(keys)
    if resource_type in _ONLY_IN:
        return _ONLY_IN[resource_type]
    if resource_type in _MEDICATION_EVENTS:
        if "medication" in present:
            return Release.R5
        if "patient" in present and "subject" not in present:
            return Release.DSTU2
        if _DOSE_AND_RATE.search(body):
            return Release.R4
        if resource_type != "MedicationAdministration" and _FLAT_DOSE.search(body):
            return Release.STU3
    if resource_type == "Condition" and "patient" in present and "subject" not in present:
        return Release.DSTU2
    if resource_type == "AllergyIntolerance" and "substance" in present and "code" not in present:
        return Release.DSTU2
    if resource_type in {"Condition", "AllergyIntolerance"}:
        if _STATUS_CONCEPT.search(body):
            return Release.R4
        if _STATUS_TEXT.search(body):
            return Release.STU3
    if present & _R4_KEYS.get(resource_type, frozenset()):
        return Release.R4
    if present & _STU3_KEYS.get(resource_type, frozenset()):
        return Release.STU3
    return Release.UNKNOWN


def check(resource: Mapping[str, object]) -> tuple[str, ...]:
    """What keeps `resource` from being sound R4B, as "path: reason"; empty when nothing does.

    Structure, cardinality and primitive types only: codes of required bindings are not checked by
    fhir.resources, whoever builds a resource checks its own codes.
    """
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    resource_type = resource.get("resourceType")
    if not isinstance(resource_type, str):
        return ("resourceType: missing",)
    try:
        model = get_fhir_model_class(resource_type)
    except ValueError:
        return (f"resourceType: {resource_type[:40]!r} is no R4B resource",)
    try:
        model.model_validate(dict(resource))
    except ValidationError as error:
        return tuple(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
    return ()
