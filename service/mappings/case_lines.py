"""The medication lines of a case as normalize would have read them, in their medications."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any, Protocol

from service.errors import MappingError
from service.mappings.case_rows import (
    MedicationRow,
)
from service.model.concept import Coding, DrugConcept, Resolution, ResolvedBy
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
from service.model.source import Role

ROLES = {role.value: role for role in Role}


class Drugs(Protocol):
    """Where a case's RxCUI is looked up."""

    def by_rxcui(self, code: str) -> DrugConcept | None: ...


def line_of(row: MedicationRow, origin: Origin, as_of: date, drugs: Drugs) -> PlacedLine:
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
        role=ROLES.get(row.source, Role.OTHER),
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


def medications_of(lines: list[PlacedLine]) -> tuple[ReconciledEntry, ...]:
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
