"""What changed since a review was opened: in the newest report, and where a write conflicts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from service.model.review import DeliveryState
from service.model.source import RawResource
from service.review.difference import Change, Field, report_changes, value_changes
from service.store import Connection, Store, reads, reports, reviews
from service.store import deliveries as outbox
from service.store.deliveries import Delivery


@dataclass(frozen=True, slots=True)
class ConflictChange:
    """A write that a server refused because its resource had changed since it was seen.

    `seen` and `now` are versions; `now` is None until the source was read again. `fields` are the
    values that differ from the version that the person saw.
    """

    delivery: str
    target: str
    reference: str
    seen: str | None
    now: str | None
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """Both, empty where nothing changed. They follow from what is kept, so they stay with it."""

    report: tuple[Change, ...]
    conflicts: tuple[ConflictChange, ...]


async def changes(store: Store, review: str) -> Changes:
    """What is no longer as the person saw it. Raises: NotKept."""
    async with store.read() as look:
        opened = await reviews.get(look, review)
        seen = await reports.get(look, opened.report)
        newest = await reports.newest(look, opened.patient)
        rows = await outbox.of_review(look, review)
        stuck = [row for row in rows if row.state is DeliveryState.CONFLICT]
        held = await _held(look, opened.patient) if stuck else {}
        conflicts = [await _conflict(look, seen.id, row, held) for row in stuck]
    differs = newest is not None and newest.digest != seen.digest
    return Changes(
        report_changes(json.loads(seen.body), json.loads(newest.body))
        if newest is not None and differs
        else (),
        tuple(conflicts),
    )


async def in_conflict(store: Store, signature: str) -> str:
    """The patient of a signature of which a write met a changed resource; "" where none did."""
    async with store.read() as look:
        rows = await outbox.in_state(look, [DeliveryState.CONFLICT])
    return next((row.patient for row in rows if row.signature == signature), "")


async def _held(look: Connection, patient: str) -> dict[tuple[str, str], RawResource]:
    """What the newest read of each source holds, by source and place."""
    kept = await reads.newest(look, patient)
    loaded = [(one.source, await reads.load(look, one.id)) for one in kept]
    return {(name, raw.reference): raw for name, read in loaded for raw in read.resources}


async def _conflict(
    look: Connection,
    report: str,
    row: Delivery,
    held: Mapping[tuple[str, str], RawResource],
) -> ConflictChange:
    now = held.get((row.target, row.reference))
    current = now if now is not None and now.version != row.if_match else None
    fields: tuple[Field, ...] = ()
    if current is not None:
        made_of = await reads.of_report(look, report)
        before = [
            json.loads(raw.body)
            for read in made_of
            for raw in read.resources
            if read.name == row.target and raw.reference == row.reference
        ]
        seen = before[0] if before else row.resource
        fields = value_changes(seen, json.loads(current.body))
    return ConflictChange(
        row.id,
        row.target,
        row.reference,
        row.if_match,
        current.version if current else None,
        fields,
    )
