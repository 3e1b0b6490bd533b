"""How surely two records are one person: fields compared, points given, a grade with evidence.

`certain` is reached by rule, never by points:

- two identifiers of different systems are equal, or
- one identifier of a trusted system is equal and so is the birth date, or
- one identifier of any other system that both records use is equal, so is the birth date, and the
  family names do not differ, or
- family name, given name, birth date and sex are equal, and phone or address does not speak
  against it;

and nothing contradicts: another value under the same identifier system, another sex, birth date or
given name, one of the two deceased. What contradicts leaves at most `possible`: twins share family
name, birth date, address and phone, people of one name share the rest. A person's word wins always.
Sources: Fellegi and Sunter 1969 for the points; FHIR R4 Patient/$match for the grades.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from service.link.blocking import folded
from service.link.fields import AGREE, CLOSE, DISAGREE, FIELDS, UNKNOWN, Agreement
from service.model.patient import Identifier, MatchGrade, PatientLink, PatientRecord

_WEIGHT = {"birthdate": "birth_date"}
"""The weights of a field, where they go by another name."""


@dataclass(frozen=True, slots=True)
class Points:
    """What a field gives when it agrees, is close, or disagrees."""

    agree: float
    close: float
    disagree: float


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything of matching.toml."""

    trusted: frozenset[str]
    shared_by_families: frozenset[str]
    identifier: Points
    birth_date: Points
    family: Points
    given: Points
    sex: Points
    phone: Points
    postal: Points
    address: Points
    probable: float
    possible: float


def grade(
    asked: PatientRecord, candidate: PatientRecord, weights: Weights, word: bool | None = None
) -> PatientLink:
    """How surely the candidate is the asked person, with the fields that agree or contradict.

    Args:
        word: what a person said about this record: the same, not the same, or nothing (None).
    """
    if word is not None:
        decided = MatchGrade.CERTAIN if word else MatchGrade.CERTAINLY_NOT
        said = "the same person" if word else "not the same person"
        return PatientLink(candidate.origin, decided, (f"decided: {said}",), decided_by="person")
    if asked.origin.source == candidate.origin.source:
        if asked.origin.reference == candidate.origin.reference:
            return PatientLink(candidate.origin, MatchGrade.CERTAIN, ("asked",))
        if replaces(asked, candidate) or replaces(candidate, asked):
            return PatientLink(candidate.origin, MatchGrade.CERTAIN, ("replaced-by",))
    equal, conflicting = _identifiers(asked, candidate, weights.shared_by_families)
    fields = {name: compare(asked, candidate) for name, compare in FIELDS.items()}
    against = _contradictions(asked, candidate, fields, conflicting)
    score = _score(fields, equal, conflicting, weights)
    evidence = (
        *[f"identifier {identifier.system}" for identifier in equal],
        *[name for name, agreement in fields.items() if agreement is AGREE],
        *[f"{name} close" for name, agreement in fields.items() if agreement is CLOSE],
        *[f"not {what}" for what in against],
    )
    if not against and _certain(fields, equal, asked, candidate, weights):
        graded = MatchGrade.CERTAIN
    elif score >= weights.probable and not against:
        graded = MatchGrade.PROBABLE
    elif score >= weights.possible or (equal and score > 0):
        graded = MatchGrade.POSSIBLE
    else:
        graded = MatchGrade.CERTAINLY_NOT
    return PatientLink(candidate.origin, graded, evidence, score)


def replaces(newer: PatientRecord, older: PatientRecord) -> bool:
    """Whether a server merged `older` into `newer` (FHIR R4 Patient.link, replaced-by)."""
    return (
        older.replaced_by == newer.origin.reference and older.origin.source == newer.origin.source
    )


def _identifiers(
    asked: PatientRecord, candidate: PatientRecord, shared_by_families: frozenset[str]
) -> tuple[list[Identifier], list[str]]:
    """Identifiers that both hold (one per system), and systems under which they differ.

    Member numbers of an insurance change and are shared: they never count as different people.
    """
    ours: dict[str, set[str]] = {}
    for identifier in asked.identifiers:
        if identifier.system and identifier.value:
            ours.setdefault(identifier.system, set()).add(folded(identifier.value))
    shared = [i for i in candidate.identifiers if i.value and i.system in ours]
    if not shared:
        return [], []
    equal: dict[str, Identifier] = {}
    theirs: set[str] = set()
    for identifier in sorted(shared, key=lambda i: (i.system, i.value)):
        if identifier.type not in shared_by_families:
            theirs.add(identifier.system)
        if folded(identifier.value) in ours[identifier.system]:
            equal.setdefault(identifier.system, identifier)
    return [equal[system] for system in sorted(equal)], sorted(theirs - equal.keys())


def _certain(
    fields: Mapping[str, Agreement],
    equal: Sequence[Identifier],
    asked: PatientRecord,
    candidate: PatientRecord,
    weights: Weights,
) -> bool:
    proofs = [i for i in equal if i.type not in weights.shared_by_families]
    if len(proofs) >= 2:
        return True
    born = fields["birthdate"] is AGREE
    if born and any(i.system in weights.trusted for i in proofs):
        return True
    if born and proofs and fields["family"] is not DISAGREE:
        return True
    named = all(fields[name] is AGREE for name in ("family", "given", "sex"))
    reach = [fields[name] for name in ("phone", "postal", "address")]
    moved = DISAGREE in reach and AGREE not in reach
    return born and named and not moved and bool(asked.active and candidate.active)


def _contradictions(
    asked: PatientRecord,
    candidate: PatientRecord,
    fields: Mapping[str, Agreement],
    conflicting: Iterable[str],
) -> list[str]:
    against = [f"identifier {system}" for system in conflicting]
    against += [name for name in ("birthdate", "given", "sex") if fields[name] is DISAGREE]
    if fields["birthdate"] is CLOSE:
        against.append("birthdate")
    if asked.deceased != candidate.deceased:
        against.append("deceased")
    elif asked.deceased_on and candidate.deceased_on and asked.deceased_on != candidate.deceased_on:
        against.append("date of death")
    return against


def _score(
    fields: Mapping[str, Agreement],
    equal: Sequence[Identifier],
    conflicting: Sequence[str],
    weights: Weights,
) -> float:
    total = weights.identifier.agree * len(equal)
    total += weights.identifier.disagree * len(conflicting)
    for name, agreement in fields.items():
        if agreement is not UNKNOWN:
            points: Points = getattr(weights, _WEIGHT.get(name, name))
            if agreement is AGREE:
                total += points.agree
            else:
                total += points.close if agreement is CLOSE else points.disagree
    return total
