"""What changed since a review was opened: in the newest report, and where a write conflicts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.model.review import DeliveryState
from service.model.source import RawResource
from service.review.difference import Change, Field, report_changes, value_changes
from service.store import Connection, Store, conflicts, reads, reports, reviews, standing
from service.store import deliveries as outbox
from service.store.conflicts import Look
from service.store.delivery import Delivery
from service.write.deliver.places import resolved
from service.write.identity import full_url


@dataclass(frozen=True, slots=True)
class ConflictChange:
    """A write that a server refused because its resource had changed since it was seen.

    `seen` and `now` are versions; `now` is None until the source was read again, and where it is
    `gone`. `fields` are the values that differ from the version that the person saw.
    """

    delivery: str
    target: str
    reference: str
    seen: str | None
    now: str | None
    fields: tuple[Field, ...]
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """Both, empty where nothing changed. They follow from what is kept, so they stay with it."""

    report: tuple[Change, ...]
    conflicts: tuple[ConflictChange, ...]


async def changes(store: Store, review: str) -> Changes:
    """What is no longer as the person saw it: since this review was opened, and wherever a write
    for its patient met a change that no later signature has gone on top of. Raises: NotKept."""
    async with store.read() as look:
        opened = await reviews.get(look, review)
        seen = await reports.get(look, opened.report)
        newest = await reports.newest(look, opened.patient)
        stuck = await outbox.in_state(look, [DeliveryState.CONFLICT], patient=opened.patient)
        met = await _met(look, opened.patient, stuck) if stuck else ()
    differs = newest is not None and newest.digest != seen.digest
    return Changes(
        report_changes(json.loads(seen.body), json.loads(newest.body))
        if newest is not None and differs
        else (),
        met,
    )


async def _met(
    look: Connection, patient: str, stuck: tuple[Delivery, ...]
) -> tuple[ConflictChange, ...]:
    """Each place with what differs there; what only fell with the rest of its plan is left out."""
    looks = await conflicts.of_patient(look, patient)
    held = await _held(look, patient)
    told = []
    for row in stuck:
        now = looks.get(row.id) or _as_read(row, held)
        if not row.reference or (now is not None and now.version == row.if_match):
            continue
        before = await _seen(look, row)
        fields = (
            value_changes(before, json.loads(now.body))
            if now is not None and now.body is not None
            else ()
        )
        told.append(
            ConflictChange(
                row.id,
                row.target,
                row.reference,
                _short(row.if_match),
                _short(now.version) if now else None,
                fields,
                gone=now is not None and now.version is None,
            )
        )
    return tuple(told)


async def _held(look: Connection, patient: str) -> dict[tuple[str, str], RawResource]:
    """What the newest read of each source holds, by source and place."""
    kept = await reads.newest(look, patient)
    loaded = [(one.source, await reads.load(look, one.id)) for one in kept]
    return {(name, raw.reference): raw for name, read in loaded for raw in read.resources}


def _as_read(row: Delivery, held: Mapping[tuple[str, str], RawResource]) -> Look | None:
    """What the newest reading says of the place, where nobody has looked at it by itself yet."""
    raw = held.get((row.target, row.reference))
    if raw is None or raw.version in {None, row.if_match}:
        return None
    return Look(row.id, row.changed_at, raw.version, raw.body)


async def _seen(look: Connection, row: Delivery) -> Mapping[str, Any]:
    """What the person saw there: as the report's reads have it, else as we wrote it last."""
    report = (await reviews.get(look, row.review)).report
    for read in await reads.of_report(look, report):
        for raw in read.resources:
            place = read.name, raw.reference, raw.version
            if place == (row.target, row.reference, row.if_match):
                found: Mapping[str, Any] = json.loads(raw.body)
                return found
    last = await standing.last_done(look, row)
    stood = await standing.standing(look, row.patient)
    places = {
        full_url(key): one.location for (name, key), one in stood.items() if name == row.target
    }
    return resolved((last or row).resource, places)


def _short(version: str | None) -> str | None:
    """A version as it is shown; of a content's only its beginning."""
    return version[:14] if version and version.startswith("sha256:") else version
