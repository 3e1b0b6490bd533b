"""All resources of one source, kind by kind, as the record that the next stages work on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from service.model.clinical import Answer, CareTeamMember, LabResult, Person, Visit
from service.model.medication import MedicationEntry
from service.model.patient import PatientRecord
from service.model.record import SourceRecord
from service.model.source import SourceRead
from service.normalize import (
    allergy,
    answer,
    care_team,
    condition,
    observation,
    patient,
    person,
    plan,
    visit,
)
from service.normalize.administration import administered_on, from_administration
from service.normalize.dispense import dispensed_on, from_dispense
from service.normalize.reading import Reading
from service.normalize.request import from_request, requested_on
from service.normalize.statement import from_statement, stated_on
from service.normalize.tables import Tables
from service.normalize.wire import clinical, medication


def record(read: SourceRead, tables: Tables, as_of: date) -> SourceRecord:
    """Everything read of a source, in its own order within each kind; problems in that of reading.

    What others refer to is read first.
    """
    reading = Reading(read, tables, as_of)
    context = reading.context
    context.people = people = _people(reading)
    context.medications = {
        origin.reference: found for origin, found, _ in reading.plain(medication.Medication)
    }
    patients, practitioners = _patients(reading)
    return SourceRecord(
        read=read,
        patients=patients,
        entries=tuple(_entries(reading)),
        results=tuple(_results(reading)),
        visits=tuple(_visits(reading)),
        conditions=tuple(
            reading.each(clinical.Condition, condition.recorded_on, condition.condition)
        ),
        allergies=tuple(
            reading.each(clinical.AllergyIntolerance, allergy.recorded_on, allergy.allergy)
        ),
        care_team=(*_members(reading), *practitioners),
        plans=tuple(reading.each(clinical.CarePlan, plan.created_on, plan.plan)),
        answers=tuple(_answers(reading)),
        people=tuple(people.values()),
        problems=tuple(reading.problems),
        excluded=tuple(reading.excluded),
        later=tuple(sorted(reading.later.items())),
    )


def _people(reading: Reading) -> dict[str, Person]:
    """Names by reference: people and organizations first, then the roles that name them."""
    people: dict[str, Person] = {}
    for origin, one, _ in reading.plain(clinical.Practitioner):
        people[origin.reference] = person.practitioner(origin, one)
    for origin, body, _ in reading.plain(clinical.Organization):
        people[origin.reference] = person.organization(origin, body)
    for origin, role, _ in reading.plain(clinical.PractitionerRole):
        people[origin.reference] = person.role(origin, role, people)
    return people


def _patients(
    reading: Reading,
) -> tuple[tuple[PatientRecord, ...], tuple[CareTeamMember, ...]]:
    records: list[PatientRecord] = []
    practitioners: list[CareTeamMember] = []
    for origin, found, notes in reading.plain(clinical.Patient):
        records.append(patient.record(origin, found, notes))
        practitioners.extend(care_team.general_practitioners(origin, found, reading.context))
    return tuple(records), tuple(practitioners)


def _entries(reading: Reading) -> Iterator[MedicationEntry]:
    yield from reading.lines(medication.MedicationRequest, requested_on, from_request)
    yield from reading.lines(medication.MedicationStatement, stated_on, from_statement)
    yield from reading.lines(medication.MedicationDispense, dispensed_on, from_dispense)
    yield from reading.lines(
        medication.MedicationAdministration, administered_on, from_administration
    )


def _results(reading: Reading) -> Iterator[LabResult]:
    for found in reading.each(clinical.Observation, observation.observed_on, observation.results):
        yield from found


def _visits(reading: Reading) -> Iterator[Visit]:
    yield from reading.each(
        clinical.Appointment, visit.booked_on, visit.from_appointment, dated=False
    )
    yield from reading.each(clinical.Encounter, visit.met_on, visit.from_encounter)


def _members(reading: Reading) -> Iterator[CareTeamMember]:
    for team in reading.each(clinical.CareTeam, lambda _: None, care_team.members, dated=False):
        yield from team


def _answers(reading: Reading) -> Iterator[Answer]:
    for kind in answer.ANSWERS:
        yield from reading.each(kind, answer.answered_on, answer.answer)
