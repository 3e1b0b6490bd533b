"""A finding of reconcile put together: severity, rule, evidence and an id that stays."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from datetime import date
from functools import lru_cache

from service.model.evidence import Fact
from service.model.finding import Bucket, Finding, RuleReference, Severity
from service.model.identity import content_id
from service.model.medication import Kind, MedicationEntry, PlacedLine
from service.reconcile.dose import plain
from service.reconcile.policy import Policy, Raise
from service.reconcile.severity import graded
from service.reconcile.therapy import Setting, Therapy

VERSION = 1
_SAID_AS_DOSAGE = frozenset({Kind.STATEMENT, Kind.ADMINISTRATION})


def finding(
    setting: Setting,
    type_: str,
    therapies: Iterable[Therapy],
    *,
    title: str,
    message: str,
    sources: Iterable[str],
    evidence: Iterable[Fact],
    advice: str = "",
    raised: Iterable[Raise] = (),
    severity: Severity | None = None,
    bucket: Bucket = Bucket.SHOWN,
    reason: str = "",
) -> Finding:
    """A finding of `reconcile/<type>`; `severity` overrides what the policy would give.

    The id is a hash of type, medications, sources and the values it rests on, so that it changes
    when what it says changes and not with the day it is asked.
    """
    kind = setting.policy.findings[type_]
    about = tuple(therapies)
    names = tuple(sorted(set(sources)))
    facts = tuple(sorted(dict.fromkeys(evidence), key=_fact_order))
    if severity is None and kind.raised_by:
        present = {*raised, *setting.risks, *drug_risks(about, setting.policy)}
        severity = graded(kind, present)
    return Finding(
        id=content_id(
            "f",
            type_,
            *(therapy.id for therapy in about),
            *names,
            *(f"{f.source}|{f.reference}|{f.path}|{f.value}" for f in facts),
        ),
        type=type_,
        severity=severity or kind.severity,
        title=title,
        message=message,
        rule=_rule(type_, kind.source),
        advice=advice,
        bucket=bucket,
        reason=reason,
        medications=tuple(therapy.id for therapy in about),
        sources=names,
        ingredients=tuple(sorted({i.name for therapy in about for i in therapy.ingredients})),
        evidence=facts,
        act_code=kind.act_code,
    )


@lru_cache(maxsize=128)
def _rule(type_: str, source: str) -> RuleReference:
    return RuleReference(f"reconcile/{type_}", VERSION, source, reviewed=False)


def drug_risks(therapies: Iterable[Therapy], policy: Policy) -> set[Raise]:
    risks: set[Raise] = set()
    for therapy in therapies:
        if therapy.rxcuis & policy.narrow_index.keys():
            risks.add(Raise.NARROW_INDEX)
        if therapy.rxcuis & policy.release_critical.keys():
            risks.add(Raise.RELEASE)
    return risks


def _fact_order(fact: Fact) -> tuple[str, str, str, str]:
    return fact.source, fact.reference, fact.path, fact.value


def fact(entry: MedicationEntry, path: str, value: str, when: date | None = None) -> Fact:
    """One value of one line, dated by the line's own date where no other is given."""
    origin = entry.origin
    day = when or entry.authored or entry.supplied_on
    return Fact(origin.source, origin.reference, origin.version, path, value, day)


def instruction_facts(lines: Iterable[PlacedLine]) -> list[Fact]:
    """How each line says to take it, as the source wrote it."""
    facts = []
    for line in lines:
        entry = line.entry
        if not any(d.text or d.dose for d in entry.dosages):
            facts.append(fact(entry, "medication", entry.text))
        path = "dosage" if entry.kind in _SAID_AS_DOSAGE else "dosageInstruction"
        for index, dosage in enumerate(entry.dosages):
            dose = f"{plain(dosage.dose.value)} {dosage.dose.unit}" if dosage.dose else ""
            words = dosage.text or " ".join(filter(None, (dose, entry.timing)))
            if words:
                facts.append(fact(entry, f"{path}[{index}]", words))
    return facts


def product_facts(lines: Iterable[PlacedLine]) -> list[Fact]:
    """The drug of each line, as the source wrote it."""
    return [fact(line.entry, "medication", line.entry.text or _coded(line.entry)) for line in lines]


def _coded(entry: MedicationEntry) -> str:
    return next((c.display or c.code for c in entry.codings), "no drug named")


def status_facts(lines: Iterable[PlacedLine]) -> list[Fact]:
    """The status of each line."""
    return [fact(line.entry, "status", line.entry.status or "none") for line in lines]


def verb(parts: Sized, one: str, several: str) -> str:
    """The form of a verb for that many subjects: "has" or "have"."""
    return one if len(parts) == 1 else several


def joined(parts: Iterable[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    words = list(parts)
    return (
        words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
    )
