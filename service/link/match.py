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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from service.link.blocking import folded
from service.link.fields import FIELDS, Agreement
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
    words: Mapping[Origin, bool] | None = None,
) -> tuple[PatientLink, ...]:
    """A link for the asked record and every candidate, by source and reference.

    A certain record lends what it knows to the rest: each candidate gets its best grade against any
    certain record, until nothing changes. What one certain record contradicts is certain through no
    other. Where several records fit by name alone, but stand in one source or contradict each
    other, none of them links by itself: they may be two people of one name.
    """
    said = {_place(origin): same for origin, same in (words or {}).items()}
    rest = sorted((c for c in candidates if c.origin != asked.origin), key=_record_place)
    graded = {_record_place(c): grade(asked, c, weights, said.get(_record_place(c))) for c in rest}
    certain: list[PatientRecord] = [asked]
    while True:
        doubtful = _doubtful(rest, graded, weights)
        new = [
            c
            for c in rest
            if c not in certain
            and graded[_record_place(c)].grade is MatchGrade.CERTAIN
            and _record_place(c) not in doubtful
        ]
        if not new:
            break
        certain += new
        for c in rest:
            place = _record_place(c)
            if c not in certain and place not in said:
                graded[place] = _best([graded[place], *(grade(k, c, weights) for k in new)])
    found = [grade(asked, asked, weights), *(_doubted(x, doubtful) for x in graded.values())]
    return tuple(sorted(found, key=lambda link: _place(link.record)))


def _best(offered: Sequence[PatientLink]) -> PatientLink:
    """The best grade, unless one of them contradicts: then the best of those that do."""
    order = tuple(MatchGrade)
    against = [link for link in offered if _speaks_against(link)]
    strong = [link for link in against if link.grade is not MatchGrade.CERTAINLY_NOT]
    return min(strong or offered, key=lambda link: (order.index(link.grade), -link.score))


def _speaks_against(link: PatientLink) -> bool:
    return any(reason.startswith("not ") for reason in link.evidence)


def _doubtful(
    records: Sequence[PatientRecord],
    graded: Mapping[tuple[str, str], PatientLink],
    weights: Weights,
) -> frozenset[tuple[str, str]]:
    """Records certain by name alone beside another certain one that they cannot both be."""
    certain = [r for r in records if graded[_record_place(r)].grade is MatchGrade.CERTAIN]
    return frozenset(
        _record_place(record)
        for record in certain
        if _by_name_alone(graded[_record_place(record)])
        and any(
            other.origin.source == record.origin.source
            or _speaks_against(grade(record, other, weights))
            for other in certain
            if other is not record
        )
    )


def _doubted(link: PatientLink, doubtful: frozenset[tuple[str, str]]) -> PatientLink:
    if _place(link.record) not in doubtful:
        return link
    reason = "not the only record that fits"
    return replace(link, grade=MatchGrade.PROBABLE, evidence=(*link.evidence, reason))


def _place(origin: Origin) -> tuple[str, str]:
    return origin.source, origin.reference


def _record_place(record: PatientRecord) -> tuple[str, str]:
    return _place(record.origin)


def _by_name_alone(link: PatientLink) -> bool:
    proofs = ("asked", "replaced-by")
    proven = any(e in proofs or e.startswith("identifier ") for e in link.evidence)
    return not link.decided_by and not proven


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
            ours.setdefault(identifier.system, set()).add(folded(identifier.value))
    equal: dict[str, Identifier] = {}
    theirs: set[str] = set()
    for identifier in sorted(candidate.identifiers, key=lambda i: (i.system, i.value)):
        if identifier.system in ours and identifier.value:
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
