"""A case as a PatientView: what a source would have sent, after normalize and reconcile."""

from __future__ import annotations

from dataclasses import dataclass

from service.mappings.case_lines import ROLES, Drugs, line_of, medications_of
from service.mappings.case_rows import (
    AllergyRow,
    Case,
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
from service.model.concept import Coding, Ingredient
from service.model.dosage import Quantity
from service.model.evidence import Origin
from service.model.medication import (
    PlacedLine,
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
_REFERENCES = {
    "request": "MedicationRequest",
    "statement": "MedicationStatement",
    "dispense": "MedicationDispense",
    "administration": "MedicationAdministration",
}


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
        line_of(row, origin(row, _REFERENCES[row.kind], "medications", number), case.as_of, drugs)
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
    view = PatientView(case.as_of, facts, medications_of(lines), _sources(case), MatchGrade.CERTAIN)
    return Built(view, places)


def _reference(lines: list[PlacedLine], about: str) -> str:
    group, _, number = about.partition(".")
    return lines[int(number)].entry.origin.reference if group == "medications" else about


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
        source_role=ROLES.get(row.source, Role.OTHER).value,
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
        role = ROLES.get(row.role or name, Role.OTHER)
        reads.append(SourceRead(name, role, (), certificates, state_floor=whole))
    return tuple(reads)
