"""One source's data of one patient after normalize, and the whole that a report is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from service.model.care import CarePlanItems
from service.model.clinical import (
    Allergy,
    Answer,
    CareTeamMember,
    Condition,
    Facts,
    LabResult,
    Person,
    Plan,
    Visit,
)
from service.model.evidence import Problem
from service.model.finding import Finding
from service.model.medication import MedicationEntry, ReconciledEntry
from service.model.patient import MatchGrade, PatientLink, PatientRecord
from service.model.source import SourceRead


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """What normalize makes of a SourceRead: nouns of one source, and what could not be read.

    `excluded` are medication resources that are listed under problems instead of being placed
    (entered-in-error, doNotPerform), as references. Resources made after `as_of` are left out by
    `normalize` already, with `later` counting them per type.
    """

    read: SourceRead
    patients: tuple[PatientRecord, ...] = ()
    entries: tuple[MedicationEntry, ...] = ()
    results: tuple[LabResult, ...] = ()
    visits: tuple[Visit, ...] = ()
    conditions: tuple[Condition, ...] = ()
    allergies: tuple[Allergy, ...] = ()
    care_team: tuple[CareTeamMember, ...] = ()
    plans: tuple[Plan, ...] = ()
    answers: tuple[Answer, ...] = ()
    people: tuple[Person, ...] = ()
    problems: tuple[Problem, ...] = ()
    excluded: tuple[str, ...] = ()
    later: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What reconcile returns: every line under exactly one medication, families A to D."""

    medications: tuple[ReconciledEntry, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class PatientView:
    """What assess is asked about: the reconciled list and all facts, over the certain sources."""

    as_of: date
    facts: Facts
    medications: tuple[ReconciledEntry, ...]
    sources: tuple[SourceRead, ...]
    identity: MatchGrade


@dataclass(frozen=True, slots=True)
class Measure:
    """A measurement that a reviewer wants to see first: its title and its LOINC codes."""

    title: str
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Provenance:
    """With which knowledge a report was made."""

    service: str
    mappings: str
    rxnorm: str


@dataclass(frozen=True, slots=True)
class Report:
    """One reconciliation on one day: what REPORT.md calls concord/report/1, before rendering."""

    as_of: date
    grade: MatchGrade
    links: tuple[PatientLink, ...]
    sources: tuple[SourceRead, ...]
    medications: tuple[ReconciledEntry, ...]
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]
    provenance: Provenance
    facts: Facts = field(default_factory=Facts)
    patients: tuple[PatientRecord, ...] = ()
    measures: tuple[Measure, ...] = ()
    tracked: tuple[Measure, ...] = ()
    plan: CarePlanItems = field(default_factory=CarePlanItems)
