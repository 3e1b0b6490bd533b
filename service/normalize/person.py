"""Practitioner, PractitionerRole and Organization: names for references.

Source: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2).
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from service.model.clinical import Person
from service.model.evidence import Origin
from service.normalize.concept import identifiers, name_of, reference_key, texts
from service.normalize.wire import base, clinical


def practitioner(origin: Origin, found: clinical.Practitioner) -> Person:
    names = base.several(found.name)
    name = next((name_of(one) for one in names if name_of(one)), "")
    return Person(origin, name, "Practitioner", identifiers(found.identifier))


def organization(origin: Origin, found: clinical.Organization) -> Person:
    return Person(origin, found.name, "Organization", identifiers(found.identifier))


def role(origin: Origin, found: clinical.PractitionerRole, people: Mapping[str, Person]) -> Person:
    """A role goes by the name and the identifiers of its practitioner, with what it is for."""
    named = Person(origin, "", "PractitionerRole", identifiers(found.identifier))
    holder = people.get(reference_key(found.practitioner)) or people.get(
        reference_key(found.organization)
    )
    shown = found.practitioner.display if found.practitioner else ""
    name = shown or (holder.name if holder else "")
    duties = ", ".join(texts((*found.code, *found.specialty)))
    return replace(
        named,
        name=name or duties,
        identifiers=tuple(
            dict.fromkeys([*(holder.identifiers if holder else ()), *named.identifiers])
        ),
    )
