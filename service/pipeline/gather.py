"""Find the person in every source and read the records that are certainly theirs.

Each source runs its own chain (find, then read) beside the others, so that a slow one holds nobody
up. A source that holds an exact answer to what was asked starts to read at once; whether its record
is the same person is graded at the end, and what is not certain is dropped unread by the stages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from service.errors import NotKept, UsageError
from service.link.match import Weights
from service.link.match import links as graded
from service.model.evidence import Origin, Problem
from service.model.patient import MatchGrade, PatientLink, PatientRecord
from service.model.source import SourceRead, State
from service.normalize import patients
from service.pipeline.who import Who
from service.read.source import Found, PatientQuery, Reader

NOT_FOUND = "no record of this patient was found"
UNDECIDED = "a record was found, but a person must first say whether it is this patient"
ANOTHER = "only a record of certainly another person was found"
MOST_CANDIDATES = 3


@dataclass(frozen=True, slots=True)
class Gathered:
    """The records found with their grades, and what every source gave (in the sources' order).

    `patients` are the Patient resources of the records that are certain: nobody else's name.
    """

    asked: PatientRecord | None
    links: tuple[PatientLink, ...]
    reads: tuple[SourceRead, ...]
    patients: tuple[PatientRecord, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Source:
    """One source's chain: what was found, what was read."""

    reader: Reader
    found: Found | None = None
    records: tuple[PatientRecord, ...] = ()
    problems: tuple[Problem, ...] = ()
    read: SourceRead | None = None

    async def find(self, query: PatientQuery) -> None:
        self.found = await self.reader.find(query)
        self.records, self.problems = patients(self.found.patients, self.reader.name)

    async def pull(self, ids: tuple[str, ...]) -> None:
        self.read = await self.reader.pull(ids)

    async def find_and_pull(self, query: PatientQuery) -> None:
        await self.find(query)
        if 0 < len(self.ids) <= MOST_CANDIDATES:
            await self.pull(self.ids)

    @property
    def ids(self) -> tuple[str, ...]:
        """Patient ids of the found records, also those of charts without a Patient resource."""
        if self.found is None:
            return ()
        bare = (reference.removeprefix("Patient/") for reference in self.found.bare)
        return (*(raw.id for raw in self.found.patients), *bare)


async def gather(
    readers: Sequence[Reader],
    who: Who,
    weights: Weights,
    *,
    words: Mapping[Origin, bool] | None = None,
) -> Gathered:
    """Everything that the sources hold about one person.

    Args:
        words: what people said about doubtful records: the record, and whether it is the same.
    Raises: UsageError when `who` is empty and a source holds several patients; NotKept when no
        source that answered has a record of the person.
    """
    sources = [_Source(reader) for reader in readers]
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
    links = _links(sources, asked, weights, words or {})
    reads = await asyncio.gather(*(_certain_read(source, links) for source in sources))
    certain = {link.record for link in links if link.grade is MatchGrade.CERTAIN}
    return Gathered(
        asked=asked,
        links=tuple(link for link in links if link.grade is not MatchGrade.CERTAINLY_NOT),
        reads=tuple(reads),
        patients=tuple(
            record for source in sources for record in source.records if record.origin in certain
        ),
        problems=tuple(problem for source in sources for problem in source.problems),
    )


async def _find_first(sources: Sequence[_Source], who: Who) -> None:
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


def _asked(sources: Sequence[_Source], who: Who) -> PatientRecord | None:
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


async def _find_others(sources: Sequence[_Source], asked: PatientRecord) -> None:
    """Sources that have not found the person are asked with what the found record says."""
    query = PatientQuery(
        identifiers=tuple((i.system, i.value) for i in asked.identifiers),
        family=asked.family[0] if asked.family else "",
        given=asked.given[0] if asked.given else "",
        birth_date=asked.birth_date,
        sex=asked.sex,
    )
    missing = [source for source in sources if not source.ids and _answers(source)]
    await asyncio.gather(*(source.find_and_pull(query) for source in missing))


def _answers(source: _Source) -> bool:
    return source.found is None or source.found.read.state_floor is not State.UNAVAILABLE


def _links(
    sources: Sequence[_Source],
    asked: PatientRecord | None,
    weights: Weights,
    words: Mapping[Origin, bool],
) -> tuple[PatientLink, ...]:
    """A grade for every found record, certain records lending what they know to the rest."""
    if asked is None:
        return _links_without_patient(sources)
    candidates = [record for source in sources for record in source.records]
    return graded(asked, candidates, weights, words)


def _links_without_patient(sources: Sequence[_Source]) -> tuple[PatientLink, ...]:
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


async def _certain_read(source: _Source, links: Sequence[PatientLink]) -> SourceRead:
    """What the source gave for the records that are certain; else why it supports nothing."""
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


def _unproven(asked: SourceRead) -> tuple[str, ...]:
    """Why "no record was found" is not proven: the question itself was not answered whole."""
    return tuple(
        reason
        for certificate in asked.certificates
        if certificate.state is not State.COMPLETE
        for reason in certificate.reasons
    )


def _why(source: _Source) -> str:
    reasons = source.found.read.reasons if source.found else ()
    return ", ".join(reasons) or NOT_FOUND
