"""Care teams, ended stays in hospital and care plans of a source: what our writing refers to.

Source: HL7 FHIR R4 (4.0.1), CareTeam, Encounter, CarePlan; v3-ActCode (inpatient classes).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TypeVar

from service.model.around import CareMember, ForeignPlan, Stay
from service.model.identity import OUR_IDENTIFIERS
from service.model.source import RawResource, SourceRead
from service.normalize.care_team import ENDED, holds
from service.normalize.concept import name_of, reference_key, text_of
from service.normalize.context import Notes
from service.normalize.dates import last_day
from service.normalize.reading import readable
from service.normalize.visit import INPATIENT
from service.normalize.wire import base, clinical

_R = TypeVar("_R", bound=base.Resource)

_PEOPLE = frozenset({"Practitioner", "PractitionerRole", "Organization", "RelatedPerson"})
_LIVE = frozenset({"active", "draft", "on-hold"})
_SUBSETTED = "SUBSETTED"


def members(read: SourceRead, as_of: date) -> tuple[CareMember, ...]:
    """Who stands on an active care team of this source on that day, each once."""
    names = {
        raw.reference: name_of(name)
        for raw, found in _each(read, clinical.Practitioner)
        for name in base.several(found.name)[:1]
    }
    found: dict[str, CareMember] = {}
    for _, team in _each(read, clinical.CareTeam):
        if team.status in ENDED or not holds(team.period, as_of):
            continue
        for one in team.participant:
            key = reference_key(one.member)
            if one.member is None or not holds(one.period, as_of):
                continue
            name = one.member.display or names.get(key, "")
            if name and key.partition("/")[0] in _PEOPLE:
                role = ", ".join(filter(None, map(text_of, base.several(one.role))))
                found.setdefault(key, CareMember(read.name, key, name, role))
    return tuple(found.values())


def stays(read: SourceRead) -> tuple[Stay, ...]:
    """Stays in hospital that have ended, by the day of discharge."""
    ended = [
        Stay(read.name, raw.reference, raw.version, day)
        for raw, found in _each(read, clinical.Encounter)
        if found.class_ is not None
        and found.class_.code in INPATIENT
        and found.status == "finished"
        and found.period is not None
        and (day := last_day(found.period.end)) is not None
    ]
    return tuple(sorted(ended, key=lambda one: (one.ended, one.reference)))


class _Plan(base.Resource, frozen=True):
    status: str = ""
    title: str = ""
    category: tuple[base.CodeableConcept, ...] = ()
    subject: base.Reference | None = None
    identifier: tuple[base.Identifier, ...] = ()


def foreign_plans(read: SourceRead, patients: frozenset[str]) -> tuple[ForeignPlan, ...]:
    """Care plans of this source that are not our own, each with its text as it was sent.

    Args:
        patients: references of the patient's certain records here.
    """
    return tuple(
        ForeignPlan(
            source=read.name,
            reference=raw.reference,
            version=raw.version,
            text=raw.body.decode(errors="replace"),
            title=found.title or text_of(next(iter(found.category), None)),
            status=found.status,
            unusable=_unusable(raw, found, patients),
        )
        for raw, found in _each(read, _Plan, "CarePlan")
        if all(one.system != OUR_IDENTIFIERS for one in found.identifier)
    )


def _unusable(raw: RawResource, found: _Plan, patients: frozenset[str]) -> str:
    if found.status not in _LIVE:
        return f"it is {found.status or 'without a status'}"
    if reference_key(found.subject) not in patients:
        return "it does not name this patient's record"
    if raw.fhir != "R4":
        return f"it is written in {raw.fhir}"
    if raw.version is None:
        return "the server gives it no version"
    if found.meta and any(tag.code == _SUBSETTED for tag in found.meta.tag):
        return "the server sent a part of it only"
    if found.modifier_extension or found.implicit_rules:
        return "something changes its meaning in a way that is not known"
    return ""


def _each(
    read: SourceRead, kind: type[_R], type_name: str = ""
) -> Iterable[tuple[RawResource, _R]]:
    wanted = type_name or kind.__name__
    for raw in read.resources:
        if raw.type == wanted:
            found = readable(raw, kind, Notes())
            if found is not None:
                yield raw, found
