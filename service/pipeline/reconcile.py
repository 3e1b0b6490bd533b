"""From what was gathered to a report: normalize, reconcile, assess, in that order, all pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import service
from service.assess.engine import examined, findings
from service.assess.plan_items import Planning, plan_items
from service.assess.rule import RuleBook
from service.link.grade import Weights
from service.model.clinical import Facts
from service.model.evidence import Problem
from service.model.medication import ReconciledEntry, TherapyState
from service.model.patient import MatchGrade, PatientLink, PatientRecord
from service.model.record import (
    Measure,
    PatientView,
    Provenance,
    Reconciliation,
    Report,
    SourceRecord,
)
from service.normalize import normalize
from service.normalize.tables import Tables
from service.pipeline.gather import Gathered
from service.reconcile import Policy, SignedList, reconcile
from service.reconcile.intended import quieted

_KEPT = frozenset({TherapyState.CURRENT, TherapyState.CONFLICT, TherapyState.HELD})


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All that the pure stages need beside the patient's data; made by `mappings`."""

    tables: Tables
    weights: Weights
    policy: Policy
    rules: RuleBook
    measures: tuple[Measure, ...]
    digest: str
    tracked: tuple[Measure, ...] = ()
    planning: Planning = field(default_factory=Planning)


@dataclass(frozen=True, slots=True)
class Joined:
    """One person out of many records: what the rules are asked about, and what it was made of."""

    records: tuple[SourceRecord, ...]
    reconciliation: Reconciliation
    view: PatientView


def joined(
    gathered: Gathered,
    knowledge: Knowledge,
    as_of: date,
    *,
    previous: SignedList | None = None,
) -> Joined:
    """The records normalized and made one list, and the view of it that rules are asked about."""
    records = tuple(normalize(read, knowledge.tables, as_of) for read in gathered.reads)
    reconciliation = reconcile(
        records, knowledge.policy, as_of, links=gathered.links, previous=previous
    )
    view = view_of(gathered.links, records, reconciliation.medications, as_of)
    return Joined(records, reconciliation, view)


def report_of(
    gathered: Gathered,
    knowledge: Knowledge,
    as_of: date,
    *,
    today: date,
    previous: SignedList | None = None,
) -> Report:
    """The report of one person on one day.

    Args:
        as_of: the day that the reconciliation stands on, inclusive.
        today: the day of the reading; when `as_of` lies before it, a problem says that the
            history of states was not reconstructed.
        previous: the last signed list, for what changed since and what was called intended.
    """
    one = joined(gathered, knowledge, as_of, previous=previous)
    view, reconciled, records = one.view, one.reconciliation, one.records
    intended = previous.intended if previous else ()
    examination = examined(view, knowledge.rules, as_of)
    spoken = [quieted(f, intended, as_of) for f in findings(examination)]
    told = (*reconciled.findings, *spoken)
    problems = [problem for record in records for problem in record.problems]
    problems += _gone(previous, reconciled) if previous else []
    if as_of < today:
        problems.append(
            Problem("", "", "the day lies in the past: each status is what the source says now")
        )
    else:
        problems += [problem for record in records for problem in _not_yet(record, as_of)]
    return Report(
        as_of=as_of,
        grade=view.identity,
        links=gathered.links,
        sources=gathered.reads,
        medications=reconciled.medications,
        findings=told,
        problems=(*gathered.problems, *problems),
        provenance=Provenance(
            service.__version__, knowledge.digest, knowledge.tables.drugs.release
        ),
        facts=view.facts,
        patients=gathered.patients,
        measures=knowledge.measures,
        tracked=knowledge.tracked,
        plan=plan_items(examination, told, knowledge.planning),
    )


def _gone(previous: SignedList, now: Reconciliation) -> list[Problem]:
    """What stood on the last signed list as taken or on hold, and stands in no list any more."""
    listed = {one.id for one in now.medications}
    return [
        Problem(
            "",
            "",
            f"{one.display or 'a drug'} stood on the list signed for {previous.as_of.isoformat()}; "
            "no source that was read lists it now",
        )
        for one in previous.medications
        if one.id not in listed and one.state in _KEPT
    ]


def _not_yet(record: SourceRecord, as_of: date) -> list[Problem]:
    """What a source dates after the day of the reading, so that it counts for nothing."""
    return [
        Problem(
            record.read.name, "", f"{count} {type_} dated after {as_of.isoformat()}: not counted"
        )
        for type_, count in record.later
    ]


def view_of(
    links: Sequence[PatientLink],
    records: Sequence[SourceRecord],
    medications: tuple[ReconciledEntry, ...],
    as_of: date,
) -> PatientView:
    """What the rules are asked about: facts merged over the records that are certain."""
    return PatientView(
        as_of=as_of,
        facts=merged_facts([p for record in records for p in record.patients], records),
        medications=medications,
        sources=tuple(record.read for record in records),
        identity=weakest(links),
    )


def weakest(links: Sequence[PatientLink]) -> MatchGrade:
    """The weakest grade among the records that may be this person."""
    order = tuple(MatchGrade)
    return max((link.grade for link in links), key=order.index, default=MatchGrade.CERTAINLY_NOT)


def merged_facts(patients: Sequence[PatientRecord], records: Sequence[SourceRecord]) -> Facts:
    """One set of facts over all sources; a birth date or sex counts where nobody contradicts it."""
    births = {p.birth_date for p in patients if p.birth_date}
    sexes = {p.sex for p in patients if p.sex not in {"", "unknown", "other"}}
    return Facts(
        birth_date=births.pop() if len(births) == 1 else None,
        sex=sexes.pop() if len(sexes) == 1 else "",
        deceased=any(p.deceased for p in patients),
        results=tuple(r for record in records for r in record.results),
        visits=tuple(v for record in records for v in record.visits),
        conditions=tuple(c for record in records for c in record.conditions),
        allergies=tuple(a for record in records for a in record.allergies),
        care_team=tuple(m for record in records for m in record.care_team),
        plans=tuple(p for record in records for p in record.plans),
        answers=tuple(a for record in records for a in record.answers),
    )
