"""All resources of one source, kind by kind: read, counted as of a later day, or left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from typing import TypeVar

from service.model.clinical import Answer, CareTeamMember, Person
from service.model.evidence import Origin, Problem
from service.model.medication import MedicationEntry
from service.model.patient import PatientRecord
from service.model.record import SourceRecord
from service.model.source import RawResource, SourceRead
from service.normalize import (
    allergy,
    answer,
    care_team,
    condition,
    medication,
    observation,
    patient,
    person,
    plan,
    visit,
)
from service.normalize.concept import code_of
from service.normalize.context import Context, Notes
from service.normalize.dates import first_day
from service.normalize.decode import decoded
from service.normalize.tables import Tables
from service.normalize.wire import base, clinical
from service.normalize.wire import medication as wire

_R = TypeVar("_R", bound=base.Resource)
_L = TypeVar("_L", bound=wire.MedicationLine)
_T = TypeVar("_T")
_ERROR = "entered-in-error"


def origin_of(raw: RawResource, source: str) -> Origin:
    return Origin(source, raw.reference, raw.version)


def readable(raw: RawResource, kind: type[_R], notes: Notes) -> _R | None:
    """The resource as a struct, with a note for what had to be left out of it."""
    found, wrong = decoded(raw.body, kind)
    for what in wrong:
        notes.say(what)
    return found


class Reading:
    """One pass over one SourceRead."""

    def __init__(self, read: SourceRead, tables: Tables, as_of: date) -> None:
        self._read, self._as_of = read, as_of
        self._by_type: dict[str, list[RawResource]] = {}
        for raw in read.resources:
            self._by_type.setdefault(raw.type, []).append(raw)
        self._problems: list[Problem] = list(read.problems)
        self._excluded: list[str] = []
        self._later: Counter[str] = Counter()
        self._context = Context(read.name, read.role, as_of, tables)
        people = self._people()
        self._context = Context(
            source=read.name,
            role=read.role,
            as_of=as_of,
            tables=tables,
            medications=self._medications(),
            people=people,
            types={raw.id: raw.reference for raw in read.resources},
        )
        self.people = tuple(people.values())

    def record(self) -> SourceRecord:
        """Everything read, in the order of the source within each kind."""
        patients, practitioners = self._patients()
        return SourceRecord(
            read=self._read,
            patients=patients,
            entries=tuple(self._entries()),
            results=tuple(
                result
                for found in self._each(
                    "Observation",
                    clinical.Observation,
                    observation.observed_on,
                    observation.results,
                )
                for result in found
            ),
            visits=(
                *self._each(
                    "Appointment",
                    clinical.Appointment,
                    visit.booked_on,
                    visit.from_appointment,
                    dated=False,
                ),
                *self._each("Encounter", clinical.Encounter, visit.met_on, visit.from_encounter),
            ),
            conditions=tuple(
                self._each(
                    "Condition", clinical.Condition, condition.recorded_on, condition.condition
                )
            ),
            allergies=tuple(
                self._each(
                    "AllergyIntolerance",
                    clinical.AllergyIntolerance,
                    allergy.recorded_on,
                    allergy.allergy,
                )
            ),
            care_team=(*self._members(), *practitioners),
            plans=tuple(self._each("CarePlan", clinical.CarePlan, plan.created_on, plan.plan)),
            answers=tuple(self._answers()),
            people=self.people,
            problems=tuple(self._problems),
            excluded=tuple(self._excluded),
            later=tuple(sorted(self._later.items())),
        )

    def _entries(self) -> Iterable[MedicationEntry]:
        yield from self._lines(
            "MedicationRequest",
            wire.MedicationRequest,
            medication.requested_on,
            medication.from_request,
        )
        yield from self._lines(
            "MedicationStatement",
            wire.MedicationStatement,
            medication.stated_on,
            medication.from_statement,
        )
        yield from self._lines(
            "MedicationDispense",
            wire.MedicationDispense,
            medication.dispensed_on,
            medication.from_dispense,
        )
        yield from self._lines(
            "MedicationAdministration",
            wire.MedicationAdministration,
            medication.administered_on,
            medication.from_administration,
        )

    def _lines(
        self,
        type_name: str,
        kind: type[_L],
        made_on: Callable[[_L], date | None],
        entry: Callable[[Origin, _L, Context, Notes], MedicationEntry],
    ) -> Iterable[MedicationEntry]:
        """Lines of one kind; those that are none stand in `excluded` with the reason."""
        for raw in self._by_type.get(type_name, ()):
            origin, notes = self._begin(raw)
            found = readable(raw, kind, notes)
            if found is not None:
                if reason := medication.excluded(found):
                    notes.say(reason)
                    self._excluded.append(origin.reference)
                elif self._counts(type_name, made_on(found), notes):
                    yield entry(origin, found, self._context, notes)
            if notes.said:
                self._problems.extend(notes.problems)

    def _each(
        self,
        type_name: str,
        kind: type[_R],
        made_on: Callable[[_R], date | None],
        made: Callable[[Origin, _R, Context, Notes], _T],
        *,
        dated: bool = True,
    ) -> Iterable[_T]:
        """What one resource type gives, without what was entered in error or is of a later day."""
        for raw in self._by_type.get(type_name, ()):
            origin, notes = self._begin(raw)
            found = readable(raw, kind, notes)
            if (
                found is not None
                and self._meant(found, notes)
                and self._counts(type_name, made_on(found), notes, dated=dated)
            ):
                yield made(origin, found, self._context, notes)
            if notes.said:
                self._problems.extend(notes.problems)

    def _meant(self, found: base.Resource, notes: Notes) -> bool:
        status = getattr(found, "status", "")
        verified = getattr(found, "verification_status", None)
        if status == _ERROR or code_of(verified) == _ERROR:
            notes.say("entered in error: left out")
            return False
        if found.modifier_extension:
            url = found.modifier_extension[0].url
            notes.say(f"{url} changes the meaning in a way that is not known: left out")
            return False
        return True

    def _counts(
        self, type_name: str, made: date | None, notes: Notes, *, dated: bool = True
    ) -> bool:
        """Whether a record was made by `as_of`; one without a date counts, with a note."""
        if made is None:
            if dated:
                notes.say(f"has no date: it counts as of {self._as_of}")
            return True
        if made > self._as_of:
            self._later[type_name] += 1
            return False
        return True

    def _answers(self) -> Iterable[Answer]:
        for type_name, kind in answer.ANSWERS.items():
            for raw in self._by_type.get(type_name, ()):
                origin, notes = self._begin(raw)
                found = readable(raw, kind.wire, notes)
                if found is not None and self._meant(found, notes):
                    told = kind.told(found)
                    if self._counts(type_name, first_day(told.when), notes):
                        yield answer.answer(origin, found, told, self._context, notes)
                self._problems.extend(notes.problems)

    def _members(self) -> Iterable[CareTeamMember]:
        for team in self._each(
            "CareTeam", clinical.CareTeam, lambda _: None, care_team.members, dated=False
        ):
            yield from team

    def _patients(self) -> tuple[tuple[PatientRecord, ...], tuple[CareTeamMember, ...]]:
        records: list[PatientRecord] = []
        practitioners: list[CareTeamMember] = []
        for raw in self._by_type.get("Patient", ()):
            origin, notes = self._begin(raw)
            found = readable(raw, clinical.Patient, notes)
            if found is not None:
                records.append(patient.record(origin, found, notes))
                practitioners.extend(care_team.general_practitioners(origin, found, self._context))
            self._problems.extend(notes.problems)
        return tuple(records), tuple(practitioners)

    def _people(self) -> dict[str, Person]:
        """Names by reference: people and organizations first, then the roles that name them."""
        people: dict[str, Person] = {}
        for raw, one in self._plain("Practitioner", clinical.Practitioner):
            people[raw.reference] = person.practitioner(origin_of(raw, self._read.name), one)
        for raw, body in self._plain("Organization", clinical.Organization):
            people[raw.reference] = person.organization(origin_of(raw, self._read.name), body)
        for raw, role in self._plain("PractitionerRole", clinical.PractitionerRole):
            people[raw.reference] = person.role(origin_of(raw, self._read.name), role, people)
        return people

    def _medications(self) -> dict[str, wire.Medication]:
        return {raw.reference: one for raw, one in self._plain("Medication", wire.Medication)}

    def _plain(self, type_name: str, kind: type[_R]) -> Iterable[tuple[RawResource, _R]]:
        """Resources that others refer to."""
        for raw in self._by_type.get(type_name, ()):
            _, notes = self._begin(raw)
            found = readable(raw, kind, notes)
            self._problems.extend(notes.problems)
            if found is not None:
                yield raw, found

    def _begin(self, raw: RawResource) -> tuple[Origin, Notes]:
        origin = origin_of(raw, self._read.name)
        return origin, Notes(origin)
