"""A notification taken: whoever it may concern is read next; what it says is not believed.

Events are counted for each channel, so that one that never came is noticed: everybody of that
source is then looked at. A reference that nobody knows is asked back from the source; a Patient
whom nobody knows is nobody of ours.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from service.read.notice import Event, Kind, Notice
from service.store import Connection, Store, notices, patients, syncs
from service.store.notices import Channel

MOST_CHANNELS: Final = 200
MOST_QUESTIONS: Final = 500
_OURS = re.compile(r"p-[0-9a-f]{24}")


class Whom(StrEnum):
    """Whom an event concerns: patients of ours, nobody of ours, perhaps anybody, or one whom the
    source has to name first."""

    OURS = "ours"
    NOBODY = "nobody"
    ANYBODY = "anybody"
    ASKED_BACK = "asked-back"


async def take(
    store: Store, source: str, notice: Notice, *, patient: str = "", at: datetime
) -> Channel:
    """Note whom a notification concerns, and how far its channel has come.

    Args:
        patient: our own id of the patient, where the address says whom the channel is about.
    """
    async with store.transaction() as tx:
        name = notice.channel
        known = await notices.channel(tx, source, name)
        if known is None and await notices.how_many(tx, source) >= MOST_CHANNELS:
            known = await notices.channel(tx, source, name := "")
        before = known or Channel(source, name, None, "", at)
        number, gap = _reached(before.number, notice) if name else (None, False)
        matched = unknown = 0
        for event in notice.events:
            whom, found = await _concerned(tx, source, event, patient, at)
            matched, unknown = matched + (whom is Whom.OURS), unknown + (whom is Whom.NOBODY)
            gap = gap or whom is Whom.ANYBODY
            if found:
                await syncs.ask(tx, source, found, at=at)
        if gap:
            await syncs.sweep(tx, source, at=at)
        after = replace(
            before,
            number=number,
            status=notice.status or before.status,
            heard_at=at,
            received=before.received + 1,
            matched=before.matched + matched,
            unknown=before.unknown + unknown,
            gaps=before.gaps + gap,
        )
        await notices.put(tx, after)
    return after


def _reached(before: int | None, notice: Notice) -> tuple[int | None, bool]:
    """The newest event of a channel after a notification, and whether some never came.

    A handshake begins a channel. A count below what was reached means that the server began anew,
    unless it stands in an event's notification, which may just be late.
    """
    if notice.kind is Kind.HANDSHAKE:
        return notice.count or 0, bool(before) and notice.count != before
    reached = before or 0
    numbers = [one.number for one in notice.events if one.number is not None]
    if numbers:
        newest = max(reached, *numbers)
        return newest, newest - reached != len({one for one in numbers if one > reached})
    if notice.count is None:
        return before, False
    return notice.count, notice.count != reached


async def _concerned(
    tx: Connection, source: str, event: Event, patient: str, at: datetime
) -> tuple[Whom, tuple[str, ...]]:
    """Whom an event concerns, with the ids of our patients."""
    if patient:
        ours = await _is_ours(tx, source, patient)
        return (Whom.OURS, (patient,)) if ours else (Whom.NOBODY, ())
    if not event.references:
        return Whom.ANYBODY, ()
    people = [one for one in event.references if one.startswith("Patient/")]
    found = await _all_of(patients.holding(tx, source, one) for one in people)
    if found or people:
        return Whom.OURS if found else Whom.NOBODY, found
    found = await _all_of(notices.reading(tx, source, one) for one in event.references)
    if found:
        return Whom.OURS, found
    if await notices.wondering(tx, source) >= MOST_QUESTIONS:
        return Whom.ANYBODY, ()
    await notices.wonder(tx, source, event.references[0], at=at)
    return Whom.ASKED_BACK, ()


async def _all_of(asked: Iterable[Awaitable[tuple[str, ...]]]) -> tuple[str, ...]:
    found = [id_ for one in asked for id_ in await one]
    return tuple(dict.fromkeys(found))


async def _is_ours(tx: Connection, source: str, patient: str) -> bool:
    """Whether the id is one of ours, and the source one that was read for it."""
    if not _OURS.fullmatch(patient):
        return False
    return source in await syncs.of_patient(tx, patient)
