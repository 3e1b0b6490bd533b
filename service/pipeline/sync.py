"""Sources read by themselves: each patient of each source when it is due, spread over time.

What is due stands in the store; a job for each source claims some rows at a time, reads that source
alone and gives the rows back with their next time. A source that is silent is left alone for a
while, and holds up no other. What was accepted of a notification stays due until it was read.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from uuid import uuid4

from service.errors import ServiceError, SourceError
from service.model.patient import MatchGrade
from service.pipeline.fresh import USUAL, Ages, Reading
from service.pipeline.reconcile import Knowledge
from service.pipeline.refresh import refresh
from service.read.source import Reader
from service.store import Connection, Store, jobs, leases, notices, patients, syncs
from service.store.syncs import Freshness

KIND: Final = "sync"
PATIENCE: Final = timedelta(minutes=1)
"""How long rows may wait for others of their source, so that one job does them together; what was
asked for does not wait."""

SILENT: Final = 3
"""So many readings without an answer, one after the other, and a source is left alone."""

CLAIMED: Final = timedelta(minutes=5)
REMEMBERED: Final = timedelta(days=1)
"""How long a job that is done is kept."""

LONGEST_WAIT: Final = timedelta(hours=1)
ASKED_AT_ONCE: Final = 50
_ADOPTED: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How one source is read by itself: `every` None reads only what was asked for."""

    source: str
    every: timedelta | None = None
    at_once: int = 2


@dataclass(frozen=True, slots=True)
class Synced:
    """What one job did: patients read, lists that are new, readings without an answer, and those
    that failed for another reason."""

    read: int = 0
    changed: int = 0
    silent: int = 0
    failed: int = 0

    def __add__(self, other: Synced) -> Synced:
        return Synced(
            self.read + other.read,
            self.changed + other.changed,
            self.silent + other.silent,
            self.failed + other.failed,
        )


@dataclass(frozen=True, slots=True)
class Planned:
    """Jobs to start, and jobs done long ago whose rows are gone."""

    start: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Syncing:
    """The parts that reading by itself needs.

    `about` asks a source whom a resource is about; `day` fixes the day that reports stand on.
    """

    store: Store
    readers: Sequence[Reader]
    knowledge: Knowledge
    rhythms: Mapping[str, Rhythm]
    about: Callable[[str, str], Awaitable[tuple[str, ...]]]
    clock: Callable[[], datetime]
    ages: Ages = USUAL
    day: date | None = None
    claimed: timedelta = field(default=CLAIMED)

    async def plan(self, *, newcomers: bool = True) -> Planned:
        """A job for each source that has something due and no job yet.

        One process at a time plans; what a process queued and could not start is started here too.

        Args:
            newcomers: look for patients who have no next reading, too.
        """
        at = self.clock()
        async with self.store.read() as look:
            wanted = await self._wanted(look, at, newcomers=newcomers)
        if not wanted:
            return Planned()
        async with self.store.transaction() as tx:
            turn = await leases.acquire(tx, "sync-plan", "sync-plan", seconds=10, at=at)
            if turn is None:
                return Planned()
            begun = {job.subject: job for job in await jobs.open_of(tx, KIND)}
            start = []
            for source in wanted:
                if newcomers:
                    await _seed(tx, self.rhythms[source], at)
                if source in begun:
                    start += [begun[source].id] if _left_alone(begun[source], at) else []
                elif await _wants(tx, self.rhythms[source], at):
                    job = await jobs.add(tx, f"{KIND}-{uuid4().hex}", KIND, source, at=at)
                    start.append(job.id)
            forgotten = await jobs.forget(tx, KIND, before=at - REMEMBERED)
            await leases.release(tx, "sync-plan", turn, at=at)
        return Planned(tuple(start), forgotten)

    async def _wanted(self, look: Connection, at: datetime, *, newcomers: bool) -> list[str]:
        """Sources with something to start or to plan."""
        begun = {job.subject: job for job in await jobs.open_of(look, KIND)}
        found = []
        for source, rhythm in sorted(self.rhythms.items()):
            if source in begun:
                ripe = _left_alone(begun[source], at)
            else:
                ripe = await _wants(look, rhythm, at)
            new = newcomers and rhythm.every and await syncs.unplanned(look, source)
            if ripe or new:
                found.append(source)
        return found

    async def sync(self, source: str) -> Synced:
        """Reads every patient of a source who is due now; safe to begin again at any time."""
        rhythm = self.rhythms.get(source)
        if rhythm is None:
            return Synced()
        await self._wonder(source)
        done, silent = Synced(), 0
        while silent < SILENT:
            at = self.clock()
            async with self.store.transaction() as tx:
                rows = await syncs.claim(
                    tx, source, at=at, until=at + self.claimed, limit=rhythm.at_once
                )
            if not rows:
                return done
            ended = await asyncio.gather(*(self._one(rhythm, row) for row in rows))
            done = sum(ended, done)
            silent = silent + len(ended) if all(one.silent for one in ended) else 0
        at = self.clock()
        tries = min(10, 1 + max(row.failures for row in rows))
        async with self.store.transaction() as tx:
            await syncs.postpone(tx, source, at=at, until=at + waited(tries, source))
        return done

    async def _one(self, rhythm: Rhythm, row: Freshness) -> Synced:
        """One patient of one source, and when it is next."""
        at = self.clock()
        try:
            made = await refresh(
                self.store,
                self.readers,
                self.knowledge,
                row.patient,
                as_of=self.day or at.date(),
                at=at,
                reading=Reading(only=frozenset({row.source}), by_itself=True),
                ages=self.ages,
                claim=row,
            )
            silent = row.source in made.silent
            done = Synced(silent=1) if silent else Synced(read=1, changed=int(made.made))
        except ServiceError:
            done = Synced(failed=1)
        async with self.store.transaction() as tx:
            if done.read:
                due = await self._next(tx, rhythm, row, at)
            else:
                due = at + waited(row.failures + 1, row.patient)
            await syncs.give_back(tx, row, due_at=due, failed=not done.read)
        return done

    async def _next(
        self, tx: Connection, rhythm: Rhythm, row: Freshness, at: datetime
    ) -> datetime | None:
        """When a source is read again; where it holds no record of the patient, more seldom."""
        if rhythm.every is None:
            return None
        links = await patients.links(tx, row.patient)
        held = any(
            link.record.source == row.source and link.grade is MatchGrade.CERTAIN for link in links
        )
        return at + (rhythm.every if held else max(rhythm.every, self.ages.full))

    async def _wonder(self, source: str) -> None:
        """Ask the source whom the resources are about that a notification named."""
        at = self.clock()
        async with self.store.read() as look:
            references = await notices.wondered(look, source, at=at, limit=ASKED_AT_ONCE)
        for reference in references:
            try:
                about = await self.about(source, reference)
            except SourceError:
                async with self.store.transaction() as tx:
                    await notices.later(tx, source, at=at + waited(1, source))
                return
            async with self.store.transaction() as tx:
                found = [
                    one for record in about for one in await patients.holding(tx, source, record)
                ]
                await notices.settle(tx, source, reference)
                await notices.learned(tx, source, known=bool(found), at=at)
                if found:
                    await syncs.ask(tx, source, found, at=self.clock())


def _left_alone(job: jobs.Job, at: datetime) -> bool:
    """Whether a job was queued and never started: the process that queued it is gone."""
    return job.state is jobs.JobState.QUEUED and at - job.changed_at > _ADOPTED


async def _wants(look: Connection, rhythm: Rhythm, at: datetime) -> bool:
    """Whether anything of a source is due, or to be asked."""
    return await syncs.due(look, rhythm.source, at=at, patience=PATIENCE) or bool(
        await notices.wondered(look, rhythm.source, at=at, limit=1)
    )


async def _seed(tx: Connection, rhythm: Rhythm, at: datetime) -> None:
    """Plan the first reading of patients who have none, spread over the whole span."""
    if rhythm.every is None:
        return
    for patient in await syncs.unplanned(tx, rhythm.source):
        due = at + rhythm.every * _share(f"{patient} {rhythm.source}")
        await syncs.put(tx, patient, rhythm.source, due_at=due)


def waited(tries: int, what: str) -> timedelta:
    """How long nothing is asked after so many failures: two minutes, four, ... an hour, a little
    more or less, so that not all come back at once."""
    span = min(LONGEST_WAIT, timedelta(minutes=2 ** min(tries, 10)))
    return span * (0.8 + 0.4 * _share(what))


def _share(what: str) -> float:
    """A number from 0 to 1 that is always the same for the same text."""
    return int.from_bytes(hashlib.sha256(what.encode()).digest()[:4], "big") / 2**32
