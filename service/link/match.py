"""Which of several records are the asked person: grades against each other, until nothing changes.

How two records are graded is told by `grade`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from service.link.grade import Weights, grade
from service.model.evidence import Origin
from service.model.patient import MatchGrade, PatientLink, PatientRecord

_CERTAIN = MatchGrade.CERTAIN
_Place = tuple[str, str]


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
    certain: set[_Place] = set()
    between = _Between(weights)
    while True:
        doubtful = _doubtful(rest, graded, between)
        new = [
            c
            for c in rest
            if (place := _record_place(c)) not in certain
            and graded[place].grade is _CERTAIN
            and place not in doubtful
        ]
        if not new:
            break
        certain.update(map(_record_place, new))
        for c in rest:
            place = _record_place(c)
            if place not in certain and place not in said:
                graded[place] = _best([graded[place], *(between(k, c) for k in new)])
    found = [grade(asked, asked, weights), *(_doubted(x, doubtful) for x in graded.values())]
    return tuple(sorted(found, key=lambda link: _place(link.record)))


class _Between:
    """The grade of one record against another, each pair compared once."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._known: dict[tuple[_Place, _Place], PatientLink] = {}

    def __call__(self, one: PatientRecord, other: PatientRecord) -> PatientLink:
        pair = (_record_place(one), _record_place(other))
        found = self._known.get(pair)
        if found is None:
            found = self._known[pair] = grade(one, other, self._weights)
        return found


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
    graded: Mapping[_Place, PatientLink],
    between: _Between,
) -> frozenset[_Place]:
    """Records certain by name alone beside another certain one that they cannot both be."""
    certain = [r for r in records if graded[_record_place(r)].grade is _CERTAIN]
    if len(certain) < 2:
        return frozenset()
    return frozenset(
        _record_place(record)
        for record in certain
        if _by_name_alone(graded[_record_place(record)])
        and any(
            other.origin.source == record.origin.source or _speaks_against(between(record, other))
            for other in certain
            if other is not record
        )
    )


def _doubted(link: PatientLink, doubtful: frozenset[_Place]) -> PatientLink:
    if _place(link.record) not in doubtful:
        return link
    reason = "not the only record that fits"
    return replace(link, grade=MatchGrade.PROBABLE, evidence=(*link.evidence, reason))


def _place(origin: Origin) -> _Place:
    return origin.source, origin.reference


def _record_place(record: PatientRecord) -> _Place:
    return _place(record.origin)


def _by_name_alone(link: PatientLink) -> bool:
    proofs = ("asked", "replaced-by")
    proven = any(e in proofs or e.startswith("identifier ") for e in link.evidence)
    return not link.decided_by and not proven


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
