"""Find the person in every source and read the records that are certainly theirs.

Each source runs its own chain (find, then read) beside the others, so that a slow one holds nobody
up. A source that holds an exact answer to what was asked starts to read at once; whether its record
is the same person is graded at the end, and what is not certain is dropped unread by the stages.

Where an earlier reading knows the record, it is read directly, its Patient beside it: one round
trip. The grade still comes from the Patient that came now. Where that says something else about who
it is, was replaced or is gone, the person is looked for in all sources again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from service.errors import NotKept, UsageError
from service.link.grade import Weights
from service.link.match import links as graded
from service.model.evidence import Origin, Problem
from service.model.patient import MatchGrade, PatientLink, PatientRecord
from service.model.source import SourceRead, State
from service.pipeline.chain import Chain, query_of
from service.pipeline.known import Asking, Known, by_place
from service.pipeline.who import Who
from service.read.source import PatientQuery, Reader

NOT_FOUND = "no record of this patient was found"
UNDECIDED = "a record was found, but a person must first say whether it is this patient"
ANOTHER = "only a record of certainly another person was found"


@dataclass(frozen=True, slots=True)
class Gathered:
    """The records found with their grades, and what every source gave (in the sources' order).

    `patients` are the Patient resources of the records that are certain: nobody else's name.
    `askings` says how each source was asked, `silent` which of them gave no answer.
    """

    asked: PatientRecord | None
    links: tuple[PatientLink, ...]
    reads: tuple[SourceRead, ...]
    patients: tuple[PatientRecord, ...]
    problems: tuple[Problem, ...] = ()
    askings: Mapping[str, Asking] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Person:
    """Who was found: every source's chain, the record asked for, and the grade of each record."""

    sources: Sequence[Chain]
    asked: PatientRecord | None
    links: tuple[PatientLink, ...]


async def gather(
    readers: Sequence[Reader],
    who: Who,
    weights: Weights,
    *,
    words: Mapping[Origin, bool] | None = None,
    known: Mapping[str, Known] | None = None,
) -> Gathered:
    """Everything that the sources hold about one person.

    Args:
        words: what people said about doubtful records: the record, and whether it is the same.
        known: sources whose record an earlier reading knows, by name; all others are searched.
    Raises: UsageError when `who` is empty and a source holds several patients; NotKept when no
        source that answered has a record of the person.
    """
    person = await _as_known(readers, who, weights, words or {}, known) if known else None
    if person is None:
        person = await _anew(readers, who, weights, words or {})
    sources, links = person.sources, person.links
    reads = await asyncio.gather(*(_certain_read(source, links) for source in sources))
    certain = {link.record for link in links if link.grade is MatchGrade.CERTAIN}
    return Gathered(
        asked=person.asked,
        links=tuple(link for link in links if link.grade is not MatchGrade.CERTAINLY_NOT),
        reads=tuple(reads),
        patients=tuple(
            record for source in sources for record in source.records if record.origin in certain
        ),
        problems=tuple(problem for source in sources for problem in source.problems),
        askings={
            source.reader.name: source.known.asking if source.known else Asking.ANEW
            for source in sources
        },
        silent=frozenset(
            source.reader.name
            for source, read in zip(sources, reads, strict=True)
            if _is_silent(source, read, links)
        ),
    )


async def _anew(
    readers: Sequence[Reader], who: Who, weights: Weights, words: Mapping[Origin, bool]
) -> _Person:
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
    return _Person(sources, asked, _links(sources, asked, weights, words))


async def _as_known(
    readers: Sequence[Reader],
    who: Who,
    weights: Weights,
    words: Mapping[Origin, bool],
    known: Mapping[str, Known],
) -> _Person | None:
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
    return _Person(sources, asked, tuple(links[place] for place in sorted(links)))


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


async def _certain_read(source: Chain, links: Sequence[PatientLink]) -> SourceRead:
    """What the source gave for the records that are certain; else why it supports nothing."""
    if source.direct and source.read is not None:
        return source.read
    own = [link for link in links if link.record.source == source.reader.name]
    certain = tuple(
        link.record.reference.removeprefix("Patient/")
        for link in own
        if link.grade is MatchGrade.CERTAIN
    )
    if certain:
        if source.read is None or certain != source.ids:
            await source.pull(certain)
        if source.read is not None:
            return source.read
    nothing = (
        source.found.read if source.found else SourceRead(source.reader.name, source.reader.role)
    )
    if any(link.grade is not MatchGrade.CERTAINLY_NOT for link in own):
        reason = UNDECIDED
    else:
        reason = ANOTHER if own else NOT_FOUND
    return replace(
        nothing,
        resources=(),
        certificates=(),
        state_floor=State.UNAVAILABLE,
        reasons=nothing.reasons or _unproven(nothing) or (reason,),
    )


def _is_silent(source: Chain, read: SourceRead, links: Sequence[PatientLink]) -> bool:
    """Whether the source gave no answer: what it held before may still be so."""
    if read.state is not State.UNAVAILABLE or (
        source.known is not None and source.known.asking is Asking.KEPT
    ):
        return False
    own = [link for link in links if link.record.source == source.reader.name]
    if any(link.grade is MatchGrade.CERTAIN for link in own):
        return True
    if own or source.found is None:
        return not own
    return bool(source.found.read.reasons or _unproven(source.found.read))


def _unproven(asked: SourceRead) -> tuple[str, ...]:
    """Why "no record was found" is not proven: the question itself was not answered whole."""
    return tuple(
        reason
        for certificate in asked.certificates
        if certificate.state is not State.COMPLETE
        for reason in certificate.reasons
    )


def _why(source: Chain) -> str:
    reasons = source.found.read.reasons if source.found else ()
    return ", ".join(reasons) or NOT_FOUND
