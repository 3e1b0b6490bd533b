"""How each source of a patient is asked now, by what is kept of it and how old that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from service.model.patient import PatientLink
from service.model.source import SourceRead, State, worst
from service.pipeline.known import Asking, Known
from service.store import Connection, reads
from service.store.syncs import Freshness


@dataclass(frozen=True, slots=True)
class Ages:
    """`full` is how long changes are enough before the person is looked for anew and everything is
    read; `stale` how old a reading may be before it is shown as stale."""

    full: timedelta = timedelta(hours=24)
    stale: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a patient's sources are read.

    Args:
        only: the sources that are asked; the others stand as they were kept. None asks all.
        by_itself: nobody waits for it: changes are enough where the server can tell them, a source
            that is silent for a while stands as it was, and a list that tells nothing new is not
            made.
    """

    only: frozenset[str] | None = None
    by_itself: bool = False

    def asks(self, source: str) -> bool:
        return self.only is None or source in self.only


EVERYTHING = Reading()
USUAL = Ages()


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store holds of one source: its row, the read that stands, the links found there."""

    row: Freshness
    read: SourceRead
    links: tuple[PatientLink, ...]


async def kept_of(
    look: Connection, rows: Mapping[str, Freshness], links: Sequence[PatientLink]
) -> dict[str, Kept]:
    """The sources of which a read stands, by name."""
    found = {}
    for name, row in rows.items():
        if row.read is None:
            continue
        read = replace(await reads.load(look, row.read), watermark=row.watermark)
        own = tuple(link for link in links if link.record.source == name)
        found[name] = Kept(row, read, own)
    return found


def known(
    kept: Mapping[str, Kept], names: Iterable[str], reading: Reading, ages: Ages, *, at: datetime
) -> dict[str, Known]:
    """How each of these sources is asked; one that is missing here is searched for the person."""
    found = {}
    for name in names:
        one = kept.get(name)
        if one is None:
            continue
        asking = _asking(one, reading, ages, at) if reading.asks(name) else Asking.KEPT
        settled = Known(asking, one.read, one.links).settled
        if settled or asking is Asking.KEPT:
            found[name] = Known(asking, one.read, one.links)
    return found


def _asking(one: Kept, reading: Reading, ages: Ages, at: datetime) -> Asking:
    full_at = one.row.full_at
    if full_at is None or at - full_at >= ages.full:
        return Asking.ANEW
    return Asking.CHANGES if reading.by_itself else Asking.WHOLE


def stale(read: SourceRead, seen_at: datetime | None, why: Iterable[str] = ()) -> SourceRead:
    """A kept read as the last that is known: nothing is concluded from what it lacks."""
    if read.state is State.UNAVAILABLE:
        return read
    last = seen_at or read.read_at
    when = last.isoformat(timespec="minutes") if last else "an earlier day"
    reasons = (*why, f"not read since; shown as read {when}")
    return replace(read, state_floor=worst([read.state_floor, State.STALE]), reasons=reasons)


def is_old(row: Freshness | None, ages: Ages, *, at: datetime) -> bool:
    """Whether a source has not confirmed what is kept of it for longer than a reading may age."""
    seen_at = row.seen_at if row else None
    return seen_at is None or at - seen_at > ages.stale
