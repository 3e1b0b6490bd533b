"""A case as a PatientView: what a source would have sent, after normalize and reconcile."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from service.errors import MappingError
from service.mappings.case_rows import (
    AllergyRow,
    Case,
    MedicationRow,
    ResultRow,
    Row,
    SourceRow,
    VisitRow,
)
from service.mappings.value_sets import SYSTEMS
from service.model.clinical import (
    Allergy,
    Answer,
    CareTeamMember,
    Condition,
    Facts,
    LabResult,
    Plan,
    PlanActivity,
    Visit,
)
from service.model.concept import Coding, DrugConcept, Ingredient, Resolution, ResolvedBy
from service.model.dosage import DailyDose, Dosage, Quantity
from service.model.evidence import Origin
from service.model.identity import content_id
from service.model.medication import (
    Action,
    Agreement,
    Kind,
    LineMatch,
    MatchConfidence,
    MedicationEntry,
    PlacedLine,
    Proposal,
    ReconciledEntry,
    TherapyState,
)
from service.model.patient import MatchGrade
from service.model.record import PatientView
from service.model.source import Certificate, Role, SourceRead, State

TYPES = (
    "MedicationRequest",
    "MedicationStatement",
    "MedicationDispense",
    "MedicationAdministration",
    "Observation",
    "Appointment",
    "Task",
    "Procedure",
    "Encounter",
    "Condition",
    "AllergyIntolerance",
    "CareTeam",
    "CarePlan",
)
_ROLES = {role.value: role for role in Role}
_REFERENCES = {
    "request": "MedicationRequest",
    "statement": "MedicationStatement",
    "dispense": "MedicationDispense",
    "administration": "MedicationAdministration",
}


class Drugs(Protocol):
    """Where a case's RxCUI is looked up."""

    def by_rxcui(self, code: str) -> DrugConcept | None: ...


@dataclass(frozen=True, slots=True)
class Built:
    """A case as a PatientView, with the place in the case of every resource."""

    view: PatientView
    places: dict[tuple[str, str], str]


def build(case: Case, drugs: Drugs) -> Built:
    """The PatientView of a case.

    Raises: MappingError when a medication's RxCUI is not in the drug table.
    """
    places: dict[tuple[str, str], str] = {}

    def origin(row: Row, kind: str, group: str, number: int) -> Origin:
        made = Origin(row.source, f"{kind}/{group}-{number}", "1")
        places[made.source, made.reference] = f"{group}.{number}"
        return made

    lines = [
        _line(row, origin(row, _REFERENCES[row.kind], "medications", number), case.as_of, drugs)
        for number, row in enumerate(case.medications)
    ]
    facts = Facts(
        birth_date=case.patient.birth_date,
        sex=case.patient.sex,
        deceased=case.patient.deceased,
        results=tuple(
            _result(row, origin(row, "Observation", "results", number))
            for number, row in enumerate(case.results)
        ),
        visits=tuple(
            _visit(row, origin(row, row.kind.capitalize(), "visits", number))
            for number, row in enumerate(case.visits)
        ),
        conditions=tuple(
            Condition(
                origin(row, "Condition", "conditions", number),
                (Coding(SYSTEMS.get(row.system, row.system), row.code, row.name),),
                row.name,
                row.active,
                row.refuted,
                row.onset,
            )
            for number, row in enumerate(case.conditions)
        ),
        allergies=tuple(
            _allergy(row, origin(row, "AllergyIntolerance", "allergies", number))
            for number, row in enumerate(case.allergies)
        ),
        care_team=tuple(
            CareTeamMember(
                origin(row, "CareTeam", "care_team", number),
                row.role,
                row.name,
                f"Practitioner/{row.name}",
                row.source,
            )
            for number, row in enumerate(case.care_team)
        ),
        plans=tuple(
            Plan(
                origin(row, "CarePlan", "plans", number),
                row.status,
                row.title,
                (),
                (
                    *(PlanActivity(_reference(lines, about), "") for about in row.about),
                    *(PlanActivity("", text) for text in row.says),
                ),
            )
            for number, row in enumerate(case.plans)
        ),
        answers=tuple(
            Answer(
                origin(row, row.type, "answers", number),
                row.type,
                row.status,
                row.when,
                text=row.text,
                about=row.about,
            )
            for number, row in enumerate(case.answers)
        ),
    )
    view = PatientView(case.as_of, facts, _medications(lines), _sources(case), MatchGrade.CERTAIN)
    return Built(view, places)


def _reference(lines: list[PlacedLine], about: str) -> str:
    group, _, number = about.partition(".")
    return lines[int(number)].entry.origin.reference if group == "medications" else about


def _line(row: MedicationRow, origin: Origin, as_of: date, drugs: Drugs) -> PlacedLine:
    drug = drugs.by_rxcui(row.rxcui)
    if drug is None:
        raise MappingError("cases", row.rxcui, f"an RxCUI of the drug table ({row.name})")
    supplied = row.kind in ("dispense", "administration")
    ended = row.end is not None and row.end <= as_of
    status = row.status or ("completed" if supplied else "stopped" if ended else "active")
    dose = (
        (
            DailyDose(
                drug.ingredients[0].rxcui,
                row.unit,
                None if row.as_needed else row.dose,
                row.dose if row.as_needed else None,
            ),
        )
        if row.dose is not None
        else ()
    )
    entry = MedicationEntry(
        origin=origin,
        role=_ROLES.get(row.source, Role.OTHER),
        kind=Kind(row.kind),
        text=row.name,
        codings=(Coding("http://www.nlm.nih.gov/research/umls/rxnorm", row.rxcui, row.name),),
        resolution=Resolution(drug, ResolvedBy.CODING),
        status=status,
        intent="order" if row.kind == "request" else "",
        dosages=tuple(
            Dosage(sequence=number, dose=Quantity(step, row.unit), read_from="structure")
            for number, step in enumerate(row.steps, 1)
        ),
        daily_doses=dose,
        as_needed=row.as_needed,
        interval_d=row.every_days,
        route=row.route or drug.route,
        form=drug.form,
        authored=row.start,
        start=row.start,
        end=row.end or row.until,
        stopped_on=row.end if ended else None,
        supplied_on=row.start if supplied else None,
        days_supply=row.days_supply,
        requester=row.requester,
        requester_key=row.requester,
        taken=row.taken,
        status_reason=row.status_reason,
        links=(row.supplied_for,) if row.supplied_for else (),
    )
    return PlacedLine(entry, row.state or _state(entry, as_of), _MATCH)


_MATCH = LineMatch(2, MatchConfidence.CERTAIN)


def _state(entry: MedicationEntry, as_of: date) -> TherapyState:
    if entry.kind in (Kind.DISPENSE, Kind.ADMINISTRATION):
        length = entry.days_supply or entry.interval_d
        if entry.supplied_on is None or length is None:
            return TherapyState.UNKNOWN
        runs_out = entry.supplied_on + timedelta(days=int(length))
        return TherapyState.CURRENT if as_of < runs_out else TherapyState.STOPPED
    if entry.status in ("stopped", "completed", "cancelled", "not-taken"):
        return TherapyState.STOPPED
    if entry.end is not None and entry.end < as_of:
        return TherapyState.STOPPED
    if entry.status == "on-hold":
        return TherapyState.HELD
    if entry.status == "unknown":
        return TherapyState.UNKNOWN
    planned = entry.status == "draft" or (entry.start is not None and entry.start > as_of)
    return TherapyState.PLANNED if planned else TherapyState.CURRENT


def _medications(lines: list[PlacedLine]) -> tuple[ReconciledEntry, ...]:
    """Lines of one set of ingredients in one administration class stand together."""
    gathered: dict[tuple[Any, ...], list[PlacedLine]] = defaultdict(list)
    for line in lines:
        key = (tuple(sorted(i.rxcui for i in line.entry.ingredients)), line.entry.administration)
        gathered[key].append(line)
    made: list[ReconciledEntry] = []
    for (rxcuis, administration), members in sorted(gathered.items(), key=lambda item: item[0]):
        first = members[0].entry
        orders = [m.state for m in members if m.entry.kind in (Kind.REQUEST, Kind.STATEMENT)]
        made.append(
            ReconciledEntry(
                id=content_id("m", *rxcuis, administration.value),
                ingredients=first.ingredients,
                display=first.text,
                route=first.route,
                form=first.form,
                administration=administration,
                state=_together(orders or [m.state for m in members]),
                agreement=Agreement.SINGLE_SOURCE,
                proposal=Proposal(Action.CONTINUE, "", ""),
                lines=tuple(members),
                daily_doses=first.daily_doses if len(members) == 1 else (),
            )
        )
    return tuple(made)


def _together(states: list[TherapyState]) -> TherapyState:
    order = (
        TherapyState.CONFLICT,
        TherapyState.CURRENT,
        TherapyState.HELD,
        TherapyState.PLANNED,
        TherapyState.UNKNOWN,
    )
    return next((state for state in order if state in states), TherapyState.STOPPED)


def _result(row: ResultRow, origin: Origin) -> LabResult:
    system, _, code = row.coded.partition("|")
    return LabResult(
        origin=origin,
        codings=(Coding(SYSTEMS["loinc"], row.loinc, row.name),),
        status=row.status,
        effective=row.effective,
        value=Quantity(row.value, row.unit) if row.value is not None else None,
        comparator=row.comparator,
        text=row.text,
        value_codings=(Coding(SYSTEMS.get(system, system), code),) if row.coded else (),
    )


def _visit(row: VisitRow, origin: Origin) -> Visit:
    return Visit(
        origin=origin,
        kind=row.kind,
        status=row.status,
        start=row.start,
        end=row.end,
        services=(Coding("", "", row.service),) if row.service else (),
        source_role=_ROLES.get(row.source, Role.OTHER).value,
        discharge=row.discharge,
    )


def _allergy(row: AllergyRow, origin: Origin) -> Allergy:
    return Allergy(
        origin=origin,
        codings=(),
        text=row.text or row.name,
        ingredients=(Ingredient(row.rxcui, row.name),) if row.rxcui else (),
        kind=row.kind,
        category=row.category,
        criticality=row.criticality,
        active=row.active,
        refuted=row.refuted,
    )


def _sources(case: Case) -> tuple[SourceRead, ...]:
    """Every source that a row names, complete unless `sources` says otherwise."""
    groups: tuple[tuple[Row, ...], ...] = (
        case.medications,
        case.results,
        case.visits,
        case.conditions,
        case.allergies,
        case.care_team,
        case.answers,
        case.plans,
    )
    named = {row.source for group in groups for row in group}
    told = {row.name: row for row in case.sources}
    reads: list[SourceRead] = []
    for name in sorted(named | told.keys()):
        row = told.get(name, SourceRow(name=name))
        certificates = tuple(
            Certificate(type, row.state if type in row.types else State.COMPLETE) for type in TYPES
        )
        whole = State.COMPLETE if row.types else row.state
        role = _ROLES.get(row.role or name, Role.OTHER)
        reads.append(SourceRead(name, role, (), certificates, state_floor=whole))
    return tuple(reads)
