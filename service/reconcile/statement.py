"""A finding of reconcile put together: severity, rule, evidence and an id that stays."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from operator import attrgetter

from service.model.concept import Ingredient
from service.model.dosage import Dosage
from service.model.evidence import Fact
from service.model.finding import Bucket, Finding, RuleReference, Severity
from service.model.identity import content_id
from service.model.medication import Kind, MedicationEntry, PlacedLine
from service.reconcile.dose import plain
from service.reconcile.policy import Policy, Raise
from service.reconcile.severity import graded
from service.reconcile.therapy import Setting, Therapy

VERSION = 1
_parts = attrgetter("source", "reference", "version")
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
    ids = tuple([therapy.id for therapy in about])
    names = tuple(sorted(set(sources)))
    facts = tuple(sorted(dict.fromkeys(evidence), key=_place))
    if severity is None and kind.raised_by:
        severity = graded(kind, {*raised, *setting.risks, *drug_risks(about, setting.policy)})
    cited = [f"{f.source}|{f.reference}|{f.path}|{f.value}" for f in facts]
    return Finding(
        content_id("f", type_, *ids, *names, *cited),
        type_,
        severity or kind.severity,
        title,
        message,
        _rule(type_, kind.source),
        advice,
        bucket,
        reason=reason,
        medications=ids,
        sources=names,
        ingredients=_ingredients(about[0].ingredients)
        if len(about) == 1
        else tuple(sorted({i.name for therapy in about for i in therapy.ingredients})),
        evidence=facts,
        act_code=kind.act_code,
    )


@lru_cache(maxsize=16384)
def _ingredients(ingredients: tuple[Ingredient, ...]) -> tuple[str, ...]:
    return tuple(sorted({i.name for i in ingredients}))


@lru_cache(maxsize=128)
def _rule(type_: str, source: str) -> RuleReference:
    return RuleReference(f"reconcile/{type_}", VERSION, source, reviewed=False)


def _place(one: Fact) -> str:
    """Where a fact stands among others, as one text: it compares in half the time of a tuple."""
    return f"{one.source}\0{one.reference}\0{one.path}\0{one.value}"


def drug_risks(therapies: Iterable[Therapy], policy: Policy) -> set[Raise]:
    risks: set[Raise] = set()
    for therapy in therapies:
        if therapy.rxcuis & policy.narrow_index.keys():
            risks.add(Raise.NARROW_INDEX)
        if therapy.rxcuis & policy.release_critical.keys():
            risks.add(Raise.RELEASE)
    return risks


def fact(entry: MedicationEntry, path: str, value: str, when: date | None = None) -> Fact:
    """One value of one line, dated by the line's own date where no other is given."""
    origin = entry.origin
    day = when or entry.authored or entry.supplied_on
    return Fact(origin.source, origin.reference, origin.version, path, value, day)


def spoken_facts(lines: Iterable[PlacedLine]) -> list[Fact]:
    """How each line says to take it and the drug that it names, as the source wrote it."""
    facts = []
    for line in lines:
        entry = line.entry
        source, reference, version = _parts(entry.origin)
        day = entry.authored or entry.supplied_on
        told, spoken = _instructions(entry.dosages, entry.kind, entry.timing)
        for path, words in spoken:
            facts.append(Fact(source, reference, version, path, words, day))
        if not told:
            facts.append(Fact(source, reference, version, "medication", entry.text, day))
        named = entry.text or _coded(entry)
        facts.append(Fact(source, reference, version, "medication", named, day))
    return facts


def instruction_facts(lines: Iterable[PlacedLine]) -> list[Fact]:
    """How each line says to take it, as the source wrote it."""
    facts = []
    for line in lines:
        entry = line.entry
        origin, day = entry.origin, entry.authored or entry.supplied_on
        told, spoken = _instructions(entry.dosages, entry.kind, entry.timing)
        if not told:
            facts.append(fact(entry, "medication", entry.text))
        for path, words in spoken:
            facts.append(Fact(origin.source, origin.reference, origin.version, path, words, day))
    return facts


@lru_cache(maxsize=16384)
def _instructions(
    dosages: tuple[Dosage, ...], kind: Kind, timing: str
) -> tuple[bool, tuple[tuple[str, str], ...]]:
    """Whether any instruction says something, and each that does with its path, in words."""
    spoken = []
    path = "dosage" if kind in _SAID_AS_DOSAGE else "dosageInstruction"
    for index, dosage in enumerate(dosages):
        dose = f"{plain(dosage.dose.value)} {dosage.dose.unit}" if dosage.dose else ""
        if words := dosage.text or " ".join(filter(None, (dose, timing))):
            spoken.append((f"{path}[{index}]", words))
    return any(d.text or d.dose for d in dosages), tuple(spoken)


def product_facts(lines: Iterable[PlacedLine]) -> list[Fact]:
    """The drug of each line, as the source wrote it."""
    return [fact(line.entry, "medication", line.entry.text or _coded(line.entry)) for line in lines]


def _coded(entry: MedicationEntry) -> str:
    return next((c.display or c.code for c in entry.codings), "no drug named")


def status_facts(lines: Iterable[PlacedLine]) -> list[Fact]:
    """The status of each line."""
    return [fact(line.entry, "status", line.entry.status or "none") for line in lines]
