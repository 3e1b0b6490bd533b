"""What is shown of each source after a reading: what it gave, or what was known of it before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from service.model.evidence import Origin
from service.model.source import SourceRead, State
from service.pipeline.fresh import Ages, Kept, Reading, is_old, stale
from service.pipeline.gather import Gathered
from service.pipeline.known import Asking, by_place
from service.store import Store, reads


async def shown(
    store: Store,
    patient: str,
    gathered: Gathered,
    kept: Mapping[str, Kept],
    words: Mapping[Origin, bool],
    reading: Reading,
    ages: Ages,
    *,
    at: datetime,
) -> Gathered:
    """The same, with what was read last in the place of sources that give no answer now, and what
    is too old marked as stale."""
    reads_now: list[SourceRead] = []
    links = by_place(gathered.links)
    for read in gathered.reads:
        before = kept.get(read.name)
        if read.name not in gathered.silent:
            stands = before is not None and gathered.askings[read.name] is Asking.KEPT
            if before is not None and stands and is_old(before.row, ages, at=at):
                reads_now.append(stale(read, before.row.seen_at))
            else:
                reads_now.append(read)
            continue
        nothing = before is None or before.read.state is State.UNAVAILABLE
        if before is None or nothing or _refuted(before, words):
            reads_now.append(read)
            continue
        links = by_place(before.links) | links
        if reading.by_itself and not is_old(before.row, ages, at=at):
            reads_now.append(before.read)
            continue
        last = await _last_whole(store, patient, before)
        reads_now.append(stale(last, before.row.seen_at, read.reasons))
    return replace(gathered, reads=tuple(reads_now), links=tuple(links.values()))


def _refuted(before: Kept, words: Mapping[Origin, bool]) -> bool:
    """Whether a person has said by now that a record is somebody else's."""
    return any(words.get(link.record) is False for link in before.links)


async def _last_whole(store: Store, patient: str, before: Kept) -> SourceRead:
    """The last answer; where a part of it was missing, the last complete one of the same records.

    What is withheld by now is not brought back.
    """
    if before.read.state is not State.PARTIAL:
        return before.read
    async with store.read() as look:
        last = await reads.last_good(look, patient, before.read.name)
        whole = await reads.load(look, last) if last else None
    if whole is None or _records(whole) != _records(before.read):
        return before.read
    return whole


def _records(read: SourceRead) -> set[str]:
    return {one.id for one in read.resources if one.type == "Patient"}
