"""How fresh each source of a patient is, and when it is read next: one row for each of the two.

A row is claimed before it is worked on and its claim has a number, so that two workers never keep
the same reading twice. What is asked for while a reading is under way leaves the row due.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, and_, case, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import StoreConflict
from service.store.tables import source_syncs as syncs
from service.store.tables import worklist

_SEEDED_AT_ONCE = 500

LATE: Final = timedelta(minutes=10)
"""So long after its time a reading is late: nobody works, or there is more than can be read."""

SWEPT: Final = timedelta(minutes=10)
"""How long after a reading nobody is read again because something unknown changed."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """What is known of one source of one patient.

    `read` is the id of the kept read that stands, `watermark` the moment (by the source's clock)
    from which changes are asked for, `seen_at` when the source last confirmed all of it, `full_at`
    when the person was last looked for anew and everything read, `told_on` the day on which the
    list was last worked out from it. `asks` counts who asked for it since the last reading.
    """

    patient: str
    source: str
    read: str | None = None
    watermark: datetime | None = None
    seen_at: datetime | None = None
    full_at: datetime | None = None
    told_on: date | None = None
    due_at: datetime | None = None
    tried_at: datetime | None = None
    asks: int = 0
    failures: int = 0
    claim: int = 0
    claimed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SourceSync:
    """One source over all patients: how many are planned, late, failing and stale, and when the
    last was read and the next one is."""

    source: str
    planned: int
    late: int
    failing: int
    stale: int
    last: datetime | None
    next: datetime | None


async def of_patient(look: AsyncConnection, patient: str) -> dict[str, Freshness]:
    """What is known of each source of a patient, by the source's name."""
    found = await look.execute(
        select(syncs).where(syncs.c.patient == patient).order_by(syncs.c.source)
    )
    return {row.source: _row(row) for row in found}


async def put(tx: AsyncConnection, patient: str, source: str, **values: Any) -> None:
    """Set these columns of a row, which is made where there is none."""
    changed = await tx.execute(
        update(syncs).where(syncs.c.patient == patient, syncs.c.source == source).values(**values)
    )
    if not changed.rowcount:
        start = {"asks": 0, "failures": 0, "claim": 0}
        await tx.execute(insert(syncs).values(patient=patient, source=source, **start | values))


async def standing(tx: AsyncConnection, patient: str, built_on: Mapping[str, str | None]) -> None:
    """Returns while these reads (by source) are still those that stand.

    Raises: StoreConflict when a newer one was kept meanwhile: what was built on the older one would
        bring back what the newer one no longer holds.
    """
    for source, read in sorted(built_on.items()):
        now = await tx.scalar(
            select(syncs.c.read)
            .where(syncs.c.patient == patient, syncs.c.source == source)
            .with_for_update()
        )
        if now != read:
            raise StoreConflict


async def ask(
    tx: AsyncConnection, source: str, patients: Sequence[str] | None, *, at: datetime
) -> int:
    """Make these patients (None: all) of a source due now; gives how many there are.

    Asking again before the reading began asks for nothing more; asking while it is under way leaves
    the row due, so that it is read once more.
    """
    theirs = syncs.c.source == source
    if patients is not None:
        theirs = and_(theirs, syncs.c.patient.in_(sorted(set(patients))))
    earlier = or_(syncs.c.due_at.is_(None), syncs.c.due_at > at)
    await tx.execute(update(syncs).where(theirs, earlier).values(due_at=at))
    changed = await tx.execute(update(syncs).where(theirs).values(asks=syncs.c.asks + 1))
    return int(changed.rowcount)


async def sweep(tx: AsyncConnection, source: str, *, at: datetime) -> None:
    """Make everybody of a source due who was not read within the last minutes; they, too, after
    that. What was asked for by name goes first."""
    theirs = syncs.c.source == source
    recently = syncs.c.seen_at > at - SWEPT
    for some, moment in ((recently, at + SWEPT), (~func.coalesce(recently, False), at)):
        later = or_(syncs.c.due_at.is_(None), syncs.c.due_at > moment)
        await tx.execute(update(syncs).where(theirs, some, later).values(due_at=moment))
    # What is being read just now may have been read before the change: it is read once more.
    await tx.execute(
        update(syncs).where(theirs, syncs.c.claimed_until > at).values(asks=syncs.c.asks + 1)
    )


async def due(look: AsyncConnection, source: str, *, at: datetime, patience: timedelta) -> bool:
    """Whether a source has a row that was asked for, or has been due for longer than `patience`."""
    free = or_(syncs.c.claimed_until.is_(None), syncs.c.claimed_until <= at)
    ripe = or_(and_(syncs.c.asks > 0, syncs.c.due_at <= at), syncs.c.due_at <= at - patience)
    found = await look.scalar(
        select(syncs.c.patient).where(syncs.c.source == source, free, ripe).limit(1)
    )
    return found is not None


async def claim(
    tx: AsyncConnection, source: str, *, at: datetime, until: datetime, limit: int
) -> tuple[Freshness, ...]:
    """Rows of a source that are due and nobody works on, claimed now: those asked for first,
    then the longest due."""
    free = or_(syncs.c.claimed_until.is_(None), syncs.c.claimed_until <= at)
    found = await tx.execute(
        select(syncs)
        .where(syncs.c.source == source, syncs.c.due_at <= at, free)
        .order_by(case((syncs.c.asks > 0, 0), else_=1), syncs.c.due_at, syncs.c.patient)
        .limit(limit)
    )
    claimed = []
    for row in found.all():
        taken = await tx.execute(
            update(syncs)
            .where(*_this(row.patient, source), syncs.c.claim == row.claim)
            .values(claim=row.claim + 1, claimed_until=until, tried_at=at)
        )
        if taken.rowcount:
            claimed.append(_row(row, claim=row.claim + 1, claimed_until=until, tried_at=at))
    return tuple(claimed)


async def held(tx: AsyncConnection, row: Freshness) -> None:
    """Returns while a claim is the newest one of its row. Raises: StoreConflict."""
    newest = await tx.scalar(
        select(syncs.c.claim).where(*_this(row.patient, row.source)).with_for_update()
    )
    if newest != row.claim:
        raise StoreConflict


async def give_back(
    tx: AsyncConnection, row: Freshness, *, due_at: datetime | None, failed: bool
) -> None:
    """End a claim: due again at `due_at`, or still due where it was asked for meanwhile.

    A reading that failed stays asked for. Nothing happens when another worker has the row by now.
    """
    here = (*_this(row.patient, row.source), syncs.c.claim == row.claim)
    now = (await tx.execute(select(syncs).where(*here).with_for_update())).first()
    if now is None:
        return
    left = now.asks if failed else now.asks - row.asks
    await tx.execute(
        update(syncs)
        .where(*here)
        .values(
            claimed_until=None,
            asks=left,
            due_at=due_at if failed or not left else now.due_at,
            failures=now.failures + 1 if failed else 0,
        )
    )


async def postpone(tx: AsyncConnection, source: str, *, at: datetime, until: datetime) -> None:
    """Nothing of a source is due before `until`: it does not answer."""
    await tx.execute(
        update(syncs)
        .where(syncs.c.source == source, syncs.c.due_at <= until)
        .where(or_(syncs.c.claimed_until.is_(None), syncs.c.claimed_until <= at))
        .values(due_at=until)
    )


async def unplanned(look: AsyncConnection, source: str) -> tuple[str, ...]:
    """Some of the patients with a list of whom this source has no next reading."""
    planned = (
        select(syncs.c.patient)
        .where(syncs.c.source == source, syncs.c.due_at.is_not(None))
        .where(syncs.c.patient == worklist.c.patient)
    )
    found = await look.scalars(
        select(worklist.c.patient)
        .where(~planned.exists())
        .order_by(worklist.c.patient)
        .limit(_SEEDED_AT_ONCE)
    )
    return tuple(found)


async def by_source(
    look: AsyncConnection, *, at: datetime, stale_after: timedelta
) -> tuple[SourceSync, ...]:
    """Every source's readings, by its name."""
    late = and_(syncs.c.due_at <= at - LATE, syncs.c.due_at.is_not(None))
    found = await look.execute(
        select(
            syncs.c.source,
            func.count(syncs.c.due_at),
            func.count().filter(late),
            func.count().filter(syncs.c.failures > 0),
            func.count().filter(syncs.c.seen_at < at - stale_after),
            func.max(syncs.c.seen_at, type_=syncs.c.seen_at.type),
            func.min(syncs.c.due_at, type_=syncs.c.due_at.type),
        )
        .group_by(syncs.c.source)
        .order_by(syncs.c.source)
    )
    return tuple(SourceSync(*row) for row in found)


async def grown_old(
    look: AsyncConnection, patients: Collection[str], *, fresh_from: datetime
) -> dict[str, tuple[str, ...]]:
    """The sources of each of these patients that were last seen before `fresh_from`, by name."""
    rows = await look.execute(
        select(syncs.c.patient, syncs.c.source)
        .where(syncs.c.patient.in_(patients), syncs.c.seen_at < fresh_from)
        .order_by(syncs.c.source)
    )
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        found[row.patient] = (*found.get(row.patient, ()), row.source)
    return found


def _this(patient: str, source: str) -> tuple[Any, Any]:
    return syncs.c.patient == patient, syncs.c.source == source


def _row(row: Row[Any], **changed: Any) -> Freshness:
    return Freshness(**{**row._mapping, **changed})
