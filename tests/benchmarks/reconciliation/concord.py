"""The contestant Concord: the service's own pipeline in this process, tables loaded once."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from functools import cache

import msgspec

from service.app import knowledge, settings_of
from service.assess.rule import RuleBook
from service.model.finding import Bucket
from service.model.record import Report
from service.model.source import (
    MEDICATION_TYPES,
    Certificate,
    RawResource,
    Role,
    SourceRead,
    State,
)
from service.pipeline.gather import gather
from service.pipeline.reconcile import Knowledge, report_of
from service.pipeline.who import Who
from service.read.source import Found, PatientQuery
from tests.benchmarks.reconciliation.gold import Case, Said, SourceData

DUPLICATIONS = frozenset({"therapeutic-duplication", "parent-metabolite-duplication"})


class InMemory:
    """One server whose answers are already here."""

    def __init__(self, data: SourceData) -> None:
        self.name, self.role = data.name, Role(data.role)
        self._raws = tuple(
            RawResource(r["resourceType"], r["id"], r.get("meta", {}).get("versionId"), body(r))
            for r in data.resources
        )
        self._missing = data.missing

    async def find(self, query: PatientQuery) -> Found:
        patients = tuple(raw for raw in self._raws if raw.type == "Patient")
        return Found(patients, SourceRead(self.name, self.role))

    async def pull(self, patient_ids: tuple[str, ...], *, since: object = None) -> SourceRead:
        counts = Counter(raw.type for raw in self._raws)
        certificates = tuple(
            Certificate(type_, State.PARTIAL, ("page 2: 410 Gone",), count=counts[type_])
            if type_ == self._missing
            else Certificate(type_, State.COMPLETE, count=counts[type_])
            for type_ in sorted({*counts, *MEDICATION_TYPES})
        )
        return SourceRead(self.name, self.role, self._raws, certificates)


def body(resource: dict[str, object]) -> bytes:
    return msgspec.json.encode(resource)


@cache
def tables() -> Knowledge:
    """The shipped knowledge; of the rules, those of family D."""
    known = knowledge(settings_of(None))
    rules = RuleBook(
        (rule for rule in known.rules if rule.type in DUPLICATIONS),
        known.rules.washout,
        known.rules.raising,
    )
    return replace(known, rules=rules)


def report(case: Case) -> Report:
    """One patient's report, through every stage but the wire."""
    gathered = asyncio.run(gather([InMemory(one) for one in case.sources], Who(), tables().weights))
    return report_of(gathered, tables(), case.as_of, today=case.as_of)


def said(found: Report) -> list[Said]:
    """What it shows to a person."""
    return [
        Said(one.type, frozenset(one.ingredients), frozenset(one.sources))
        for one in found.findings
        if one.bucket is Bucket.SHOWN
    ]


def lines(case: Case, found: Report) -> tuple[int, int]:
    """(medication resources of the sources that count, how many of them stand nowhere or twice)."""
    read = {one.name for one in found.sources if one.resources}
    expected = {
        (source.name, f"{r['resourceType']}/{r['id']}")
        for source in case.sources
        if source.name in read
        for r in source.resources
        if r["resourceType"] in MEDICATION_TYPES
    }
    placed = Counter(
        (line.entry.origin.source, line.entry.origin.reference)
        for medication in found.medications
        for line in medication.lines
    )
    told = {(problem.source, problem.reference) for problem in found.problems}
    lost = sum(placed[line] == 0 and line not in told for line in expected)
    return len(expected), lost + sum(times > 1 for times in placed.values())
