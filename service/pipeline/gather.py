"""What every source holds of one person: the records that are certainly theirs, read.

Each source runs its own chain (find, then read) beside the others, so that a slow one holds nobody
up. What is not certain is dropped unread by the stages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from service.link.grade import Weights
from service.model.evidence import Origin, Problem
from service.model.patient import MatchGrade, PatientLink, PatientRecord
from service.model.source import SourceRead, State
from service.pipeline.chain import Chain
from service.pipeline.known import Asking, Known
from service.pipeline.person import NOT_FOUND, anew, as_known
from service.pipeline.who import Who
from service.read.source import Reader

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
    person = await as_known(readers, who, weights, words or {}, known) if known else None
    if person is None:
        person = await anew(readers, who, weights, words or {})
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
