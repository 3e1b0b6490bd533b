"""One source's chain: the person found there, and read; or the known record read directly."""

from __future__ import annotations

from dataclasses import dataclass

from service.model.evidence import Problem
from service.model.patient import PatientRecord
from service.model.source import SourceRead, State
from service.normalize import patients
from service.pipeline.known import Asking, Known, gone, same_person
from service.read.pull import REFERRED_TYPES
from service.read.since import Since, merged_reads
from service.read.source import Found, PatientQuery, Reader

MOST_CANDIDATES = 3
"""Of more records than this in one source none is read before a grade says which."""


@dataclass(slots=True)
class Chain:
    """One source's chain: what was found, what was read. `known` is not looked for."""

    reader: Reader
    found: Found | None = None
    records: tuple[PatientRecord, ...] = ()
    problems: tuple[Problem, ...] = ()
    read: SourceRead | None = None
    known: Known | None = None
    same: bool = True

    @property
    def answers(self) -> bool:
        """Whether the source answered when it was asked for the person, or was not asked."""
        return self.found is None or self.found.read.state_floor is not State.UNAVAILABLE

    @property
    def direct(self) -> bool:
        """Whether the known record is read, or stands, without looking for the person."""
        return self.known is not None and self.known.asking is not Asking.ANEW

    def remember(self) -> None:
        """The records as the kept read has them."""
        if self.known is not None:
            self.records, self.problems = self._records(self.known.read)

    async def again(self) -> None:
        """Read the known record now; its own Patient says whether it is the same person."""
        assert self.known is not None  # noqa: S101 - asked of known sources only
        kept = self.known.read
        if self.known.asking is Asking.KEPT:
            self.read = kept
            return
        since = Since.after(kept) if self.known.asking is Asking.CHANGES else None
        expected = [one.reference for one in kept.resources if one.type in REFERRED_TYPES]
        fresh = await self.reader.pull(self.known.ids, since=since, expected=expected)
        now, problems = self._records(fresh)
        if len(now) == len(self.known.ids):
            self.same = same_person(self.records, now)
            self.records, self.problems = now, problems
        else:
            self.same = not gone(fresh)
        self.read = merged_reads(kept, fresh)

    def _records(self, read: SourceRead) -> tuple[tuple[PatientRecord, ...], tuple[Problem, ...]]:
        held = {one.id: one for one in read.resources if one.type == "Patient"}
        ids = self.known.ids if self.known else ()
        return patients(tuple(held[id_] for id_ in ids if id_ in held), self.reader.name)

    async def find(self, query: PatientQuery) -> None:
        self.found = await self.reader.find(query)
        self.records, self.problems = patients(self.found.patients, self.reader.name)

    async def pull(self, ids: tuple[str, ...]) -> None:
        self.read = await self.reader.pull(ids)

    async def find_and_pull(self, query: PatientQuery) -> None:
        await self.find(query)
        if 0 < len(self.ids) <= MOST_CANDIDATES:
            await self.pull(self.ids)

    async def find_anew(self, query: PatientQuery) -> None:
        """Find and read; while the source does not answer, the record is what it was."""
        remembered = self.records
        await self.find_and_pull(query)
        if not self.records and not self.answers:
            self.records = remembered

    @property
    def ids(self) -> tuple[str, ...]:
        """Patient ids of the found records, also those of charts without a Patient resource."""
        if self.known is not None and self.direct:
            return self.known.ids
        if self.found is None:
            return ()
        bare = (reference.removeprefix("Patient/") for reference in self.found.bare)
        return (*(raw.id for raw in self.found.patients), *bare)


def query_of(asked: PatientRecord) -> PatientQuery:
    """Whom to look for elsewhere, by what the found record says."""
    return PatientQuery(
        identifiers=tuple((i.system, i.value) for i in asked.identifiers),
        family=asked.family[0] if asked.family else "",
        given=asked.given[0] if asked.given else "",
        birth_date=asked.birth_date,
        sex=asked.sex,
    )
