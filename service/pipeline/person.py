"""Who was found in every source, and how surely each record is the person who was asked for.

A source that holds an exact answer to what was asked starts to read at once; whether its record is
the same person is graded at the end. Where an earlier reading knows the record, it is read
directly, its Patient beside it; where that says something else about who it is, was replaced or is
gone, the person is looked for in all sources again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from service.errors import NotKept, UsageError
from service.link.grade import Weights
from service.link.match import links as graded
from service.model.evidence import Origin
from service.model.patient import MatchGrade, PatientLink, PatientRecord
from service.pipeline.chain import Chain, query_of
from service.pipeline.known import Asking, Known, by_place
from service.pipeline.who import Who
from service.read.source import PatientQuery, Reader

NOT_FOUND = "no record of this patient was found"


@dataclass(frozen=True, slots=True)
class Person:
    """Who was found: every source's chain, the record asked for, and the grade of each record."""

    sources: Sequence[Chain]
    asked: PatientRecord | None
    links: tuple[PatientLink, ...]


async def anew(
    readers: Sequence[Reader], who: Who, weights: Weights, words: Mapping[Origin, bool]
) -> Person:
    """The person looked for in every source. Raises: UsageError, NotKept, as `gather`."""
    sources = [Chain(reader) for reader in readers]
    await _find_first(sources, who)
    asked = _asked(sources, who)
    if asked is not None:
        await _find_others(sources, asked)
    unknown = who.identifier is not None and asked is None
    if unknown or not any(source.ids for source in sources):
        raise NotKept(
            "No source that answered has a record of this patient; check the identifier and the "
            "sources: " + "; ".join(f"{s.reader.name}: {_why(s)}" for s in sources)
        )
    return Person(sources, asked, _links(sources, asked, weights, words))


async def as_known(
    readers: Sequence[Reader],
    who: Who,
    weights: Weights,
    words: Mapping[Origin, bool],
    known: Mapping[str, Known],
) -> Person | None:
    """The person read where an earlier reading knows the record, and looked for elsewhere; None
    where a record no longer says that it is this person."""
    sources = [Chain(reader, known=known.get(reader.name)) for reader in readers]
    for source in sources:
        source.remember()
    asked = _asked(sources, who)
    if asked is None:
        return None
    query = query_of(asked)
    await asyncio.gather(
        *(
            source.again() if source.direct else source.find_anew(_first(source, who) or query)
            for source in sources
        )
    )
    asked = _asked(sources, who)
    if asked is None or not all(source.same for source in sources):
        return None
    graded_now = by_place(_links(sources, asked, weights, words))
    links = dict(graded_now)
    for source in sources:
        if source.known is None or not source.direct:
            continue
        for place, before in by_place(source.known.links).items():
            now = graded_now.get(place)
            if source.known.asking is Asking.KEPT:
                links[place] = replace(before, record=now.record) if now else before
            elif now is None or now.grade is not MatchGrade.CERTAIN:
                return None
    return Person(sources, asked, tuple(links[place] for place in sorted(links)))


def _first(source: Chain, who: Who) -> PatientQuery | None:
    """The record that was asked for by name, in its own source."""
    mine = bool(who.source) and source.reader.name == who.source
    return PatientQuery(reference=who.reference) if mine else None


async def _find_first(sources: Sequence[Chain], who: Who) -> None:
    if who.source:
        start = next(source for source in sources if source.reader.name == who.source)
        await start.find_and_pull(PatientQuery(reference=who.reference))
        return
    query = PatientQuery(identifiers=(who.identifier,) if who.identifier else ())
    if who.unnamed:
        await asyncio.gather(*(source.find(query) for source in sources))
        for source in sources:
            if len(source.ids) > 1:
                raise UsageError(
                    f"{source.reader.name} holds more than one patient; say which with --patient "
                    f"`system|value` or `{source.reader.name}:Patient/ID`."
                )
        await asyncio.gather(*(source.pull(source.ids) for source in sources if source.ids))
        return
    await asyncio.gather(*(source.find_and_pull(query) for source in sources))


def _asked(sources: Sequence[Chain], who: Who) -> PatientRecord | None:
    """The record that the others are compared with: the one asked for, else the first source's."""
    if who.source:
        named = [s for s in sources if s.reader.name == who.source]
        return next((record for source in named for record in source.records), None)
    by_name = sorted(sources, key=lambda source: source.reader.name)
    records = (record for source in by_name for record in source.records)
    if who.identifier is None:
        return next(records, None)
    return next((record for record in records if _carries(record, who.identifier)), None)


def _carries(record: PatientRecord, identifier: tuple[str, str]) -> bool:
    """Whether a record is who was asked for; a source may also offer the only patient it holds."""
    return any((held.system, held.value) == identifier for held in record.identifiers)


async def _find_others(sources: Sequence[Chain], asked: PatientRecord) -> None:
    """Sources that have not found the person are asked with what the found record says."""
    query = query_of(asked)
    missing = [source for source in sources if not source.ids and source.answers]
    await asyncio.gather(*(source.find_and_pull(query) for source in missing))


def _links(
    sources: Sequence[Chain],
    asked: PatientRecord | None,
    weights: Weights,
    words: Mapping[Origin, bool],
) -> tuple[PatientLink, ...]:
    """A grade for every found record, certain records lending what they know to the rest."""
    if asked is None:
        return _links_without_patient(sources)
    candidates = [record for source in sources for record in source.records]
    return graded(asked, candidates, weights, words)


def _links_without_patient(sources: Sequence[Chain]) -> tuple[PatientLink, ...]:
    """Charts without any Patient resource: one source is taken as it stands, more are in doubt."""
    bare = sorted(
        Origin(source.reader.name, f"Patient/{id_}") for source in sources for id_ in source.ids
    )
    first, *others = bare
    doubt = [
        PatientLink(origin, MatchGrade.POSSIBLE, ("no Patient resource to compare",))
        for origin in others
    ]
    return (PatientLink(first, MatchGrade.CERTAIN, ("the only patient of its source",)), *doubt)


def _why(source: Chain) -> str:
    reasons = source.found.read.reasons if source.found else ()
    return ", ".join(reasons) or NOT_FOUND
