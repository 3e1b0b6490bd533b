"""Which records are one person: fields compared, points given, a grade with its evidence.

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

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from service.model.evidence import Origin
from service.model.patient import Identifier, MatchGrade, PatientLink, PatientRecord


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


@dataclass(frozen=True, slots=True)
class Word:
    """What a person said about a record: the same as the asked one, or not."""

    same: bool
    by: str


class Agreement(StrEnum):
    """How one field of two records compares."""

    AGREE = "agree"
    CLOSE = "close"
    DISAGREE = "disagree"
    UNKNOWN = "unknown"


def grade(
    asked: PatientRecord, candidate: PatientRecord, weights: Weights, word: Word | None = None
) -> PatientLink:
    """How surely the candidate is the asked person, with the fields that agree or contradict."""
    if word is not None:
        decided = MatchGrade.CERTAIN if word.same else MatchGrade.CERTAINLY_NOT
        said = "same" if word.same else "not the same"
        return PatientLink(candidate.origin, decided, (f"{word.by}: {said}",), decided_by=word.by)
    if asked.origin.source == candidate.origin.source:
        if asked.origin.reference == candidate.origin.reference:
            return PatientLink(candidate.origin, MatchGrade.CERTAIN, ("asked",))
        if replaces(asked, candidate) or replaces(candidate, asked):
            return PatientLink(candidate.origin, MatchGrade.CERTAIN, ("replaced-by",))
    equal, conflicting = _identifiers(asked, candidate, weights.shared_by_families)
    fields = {name: compare(asked, candidate) for name, compare in _FIELDS.items()}
    against = _contradictions(asked, candidate, fields, conflicting)
    score = _score(fields, equal, conflicting, weights)
    evidence = (
        *(f"identifier {identifier.system}" for identifier in equal),
        *(name for name, agreement in fields.items() if agreement is Agreement.AGREE),
        *(f"{name} close" for name, agreement in fields.items() if agreement is Agreement.CLOSE),
        *(f"not {what}" for what in against),
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


def links(
    asked: PatientRecord,
    candidates: Iterable[PatientRecord],
    weights: Weights,
    words: Mapping[Origin, Word] | None = None,
) -> tuple[PatientLink, ...]:
    """A link for every candidate, by source and reference.

    Where several records of one source would be certain by name alone, none of them is: they may be
    two people of one name. Records that a person decided about, or that an identifier proves, stay.
    """
    words = words or {}
    by_place = {(o.source, o.reference): word for o, word in words.items()}
    graded = [
        grade(asked, c, weights, by_place.get((c.origin.source, c.origin.reference)))
        for c in sorted(candidates, key=lambda c: (c.origin.source, c.origin.reference))
    ]
    certain: dict[str, int] = {}
    for link in graded:
        if link.grade is MatchGrade.CERTAIN:
            certain[link.record.source] = certain.get(link.record.source, 0) + 1
    return tuple(
        replace(
            link,
            grade=MatchGrade.PROBABLE,
            evidence=(*link.evidence, "not the only record that fits in this source"),
        )
        if certain.get(link.record.source, 0) > 1 and _by_name_alone(link)
        else link
        for link in graded
    )


def _by_name_alone(link: PatientLink) -> bool:
    return (
        link.grade is MatchGrade.CERTAIN
        and not link.decided_by
        and not any(
            reason in ("asked", "replaced-by") or reason.startswith("identifier ")
            for reason in link.evidence
        )
    )


def replaces(newer: PatientRecord, older: PatientRecord) -> bool:
    """Whether a server merged `older` into `newer` (FHIR R4 Patient.link, replaced-by)."""
    return (
        older.replaced_by == newer.origin.reference and older.origin.source == newer.origin.source
    )


def survivor(record: PatientRecord, records: Sequence[PatientRecord]) -> PatientRecord:
    """The record that a merged one was replaced by, followed to its end; itself if none is held.

    A chain that leads back to itself ends where it would repeat.
    """
    held = {(r.origin.source, r.origin.reference): r for r in records}
    seen = {record.origin.reference}
    while record.replaced_by and record.replaced_by not in seen:
        following = held.get((record.origin.source, record.replaced_by))
        if following is None:
            break
        record = following
        seen.add(record.origin.reference)
    return record


def _identifiers(
    asked: PatientRecord, candidate: PatientRecord, shared_by_families: frozenset[str]
) -> tuple[list[Identifier], list[str]]:
    """Identifiers that both hold (one per system), and systems under which they differ.

    Member numbers of an insurance change and are shared: they never count as different people.
    """
    ours: dict[str, set[str]] = {}
    for identifier in asked.identifiers:
        if identifier.system and identifier.value:
            ours.setdefault(identifier.system, set()).add(_folded(identifier.value))
    equal: dict[str, Identifier] = {}
    theirs: set[str] = set()
    for identifier in sorted(candidate.identifiers, key=lambda i: (i.system, i.value)):
        if identifier.system in ours and identifier.value:
            if identifier.type not in shared_by_families:
                theirs.add(identifier.system)
            if _folded(identifier.value) in ours[identifier.system]:
                equal.setdefault(identifier.system, identifier)
    return [equal[system] for system in sorted(equal)], sorted(theirs - equal.keys())


def _folded(value: str) -> str:
    return "".join(c for c in value.casefold() if c.isalnum())


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
    born = fields["birthdate"] is Agreement.AGREE
    if born and any(i.system in weights.trusted for i in proofs):
        return True
    if born and proofs and fields["family"] is not Agreement.DISAGREE:
        return True
    named = all(fields[name] is Agreement.AGREE for name in ("family", "given", "sex"))
    reach = [fields[name] for name in ("phone", "postal", "address")]
    moved = Agreement.DISAGREE in reach and Agreement.AGREE not in reach
    return born and named and not moved and bool(asked.active and candidate.active)


def _contradictions(
    asked: PatientRecord,
    candidate: PatientRecord,
    fields: Mapping[str, Agreement],
    conflicting: Iterable[str],
) -> list[str]:
    against = [f"identifier {system}" for system in conflicting]
    against += [
        name for name in ("birthdate", "given", "sex") if fields[name] is Agreement.DISAGREE
    ]
    if fields["birthdate"] is Agreement.CLOSE:
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
    points = {
        "birthdate": weights.birth_date,
        "family": weights.family,
        "given": weights.given,
        "sex": weights.sex,
        "phone": weights.phone,
        "postal": weights.postal,
        "address": weights.address,
    }
    total = weights.identifier.agree * len(equal)
    total += weights.identifier.disagree * len(conflicting)
    for name, agreement in fields.items():
        match agreement:
            case Agreement.AGREE:
                total += points[name].agree
            case Agreement.CLOSE:
                total += points[name].close
            case Agreement.DISAGREE:
                total += points[name].disagree
            case Agreement.UNKNOWN:
                pass
    return total


def _names(ours: Sequence[str], theirs: Sequence[str]) -> Agreement:
    if not ours or not theirs:
        return Agreement.UNKNOWN
    if set(ours) & set(theirs):
        return Agreement.AGREE
    if any(_close(one, other) for one in ours for other in theirs):
        return Agreement.CLOSE
    return Agreement.DISAGREE


def _given(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    """The first given names decide; a later one that fits is close (called by the middle name)."""
    if not asked.given or not candidate.given:
        return Agreement.UNKNOWN
    if asked.given[0] == candidate.given[0]:
        return Agreement.AGREE
    if _close(asked.given[0], candidate.given[0]):
        return Agreement.CLOSE
    first_only = asked.given[0] in candidate.given or candidate.given[0] in asked.given
    return Agreement.CLOSE if first_only else Agreement.DISAGREE


def _close(one: str, other: str) -> bool:
    """One letter apart (names of five or more), an initial, or the beginning of the other."""
    short, long = sorted((one, other), key=len)
    if not short:
        return False
    if long.startswith(short) and (len(short) == 1 or len(short) >= 3):
        return True
    if len(short) < 5 or len(long) - len(short) > 1:
        return False
    if len(short) == len(long):
        return sum(a != b for a, b in zip(short, long, strict=True)) <= 1
    index = next((i for i, c in enumerate(short) if c != long[i]), len(short))
    return short[index:] == long[index + 1 :]


def _birth(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    ours, theirs = asked.birth_date, candidate.birth_date
    if ours is None or theirs is None:
        return Agreement.UNKNOWN
    if ours == theirs:
        return Agreement.AGREE
    swapped = (ours.year, ours.month, ours.day) == (theirs.year, theirs.day, theirs.month)
    digits = sum(a != b for a, b in zip(ours.isoformat(), theirs.isoformat(), strict=True))
    return Agreement.CLOSE if swapped or digits == 1 else Agreement.DISAGREE


def _sex(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    known = {"male", "female", "other"}
    if asked.sex not in known or candidate.sex not in known:
        return Agreement.UNKNOWN
    return Agreement.AGREE if asked.sex == candidate.sex else Agreement.DISAGREE


def _phone(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    return _shared(_digits(asked.phones), _digits(candidate.phones))


def _digits(phones: Iterable[str]) -> set[str]:
    """The last ten digits: the country code is written by some and not by others."""
    numbers = ("".join(c for c in phone if c.isdigit())[-10:] for phone in phones)
    return {number for number in numbers if len(number) >= 7}


def _postal(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    ours, theirs = _folded(asked.postal_code)[:5], _folded(candidate.postal_code)[:5]
    return _shared({ours} - {""}, {theirs} - {""})


def _address(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    ours, theirs = _folded(asked.address_line), _folded(candidate.address_line)
    if ours and theirs and ours != theirs and (ours in theirs or theirs in ours):
        return Agreement.CLOSE
    return _shared({ours} - {""}, {theirs} - {""})


def _shared(ours: set[str], theirs: set[str]) -> Agreement:
    if not ours or not theirs:
        return Agreement.UNKNOWN
    return Agreement.AGREE if ours & theirs else Agreement.DISAGREE


_FIELDS: Mapping[str, Callable[[PatientRecord, PatientRecord], Agreement]] = {
    "birthdate": _birth,
    "family": lambda ours, theirs: _names(ours.family, theirs.family),
    "given": _given,
    "sex": _sex,
    "phone": _phone,
    "postal": _postal,
    "address": _address,
}
