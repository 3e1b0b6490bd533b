"""Just before a signature: is what the person saw still what the sources say?

Every source is read again and reconciled as of the same day. What counts is what was shown: each
line, fact and finding with its version, and how complete each source is. How many resources a
server holds is no part of it, as our own earlier writes are among them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from service.errors import ReviewStale
from service.pipeline.reconcile import Knowledge
from service.pipeline.refresh import keep, read_again
from service.read.source import Reader
from service.report.document import encoded
from service.store import Store, reports, reviews

_COUNTED = ("resources", "counts", "reasons")
_MADE_WITH = "provenance"


async def unchanged(
    store: Store,
    readers: Sequence[Reader],
    knowledge: Knowledge,
    review: str,
    *,
    day: date,
    at: datetime,
) -> None:
    """Returns when the sources still say what the review stands on.

    Args:
        day: the day on which a newer report stands, if one has to be made.
    Raises: NotKept; ReviewStale when something changed: the newer report is kept by then, and
        the review superseded.
    """
    async with store.read() as look:
        opened = await reviews.get(look, review)
        seen = await reports.get(look, opened.report)
    fresh = await read_again(
        store,
        readers,
        knowledge,
        opened.patient,
        as_of=seen.as_of,
        today=seen.created_at.date(),
    )
    now = json.loads(encoded(fresh.content(seen.as_of)))
    found = differences(json.loads(seen.body), now)
    if found:
        await keep(store, opened.patient, fresh, as_of=day, at=at)
        raise ReviewStale(
            f"It changed since it was shown: {'; '.join(found)}. The newest report is here now; "
            "look at it and decide again."
        )


def differences(seen: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """What of a report is no longer as it was shown, in words that name no patient."""
    found = []
    before = {source["name"]: source["state"] for source in seen["sources"]}
    for source in now["sources"]:
        if source["state"] != before.get(source["name"]):
            found.append(f"{source['name']} is {source['state']}")
    for part, one, many in (
        ("medications", "medication", "medications"),
        ("findings", "finding", "findings"),
    ):
        count = _moved(seen[part], now[part])
        if count:
            found.append(f"{count} {one if count == 1 else many}")
    if not found and _shown(seen) != _shown(now):
        found.append("something beside the medications")
    return tuple(found)


def _moved(seen: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> int:
    """How many entries came, went or changed."""
    before = {one["id"]: one for one in seen}
    after = {one["id"]: one for one in now}
    return sum(before.get(id_) != after.get(id_) for id_ in before.keys() | after.keys())


def _shown(report: Mapping[str, Any]) -> dict[str, Any]:
    sources = [
        {name: value for name, value in source.items() if name not in _COUNTED}
        for source in report["sources"]
    ]
    return {**report, "sources": sources, _MADE_WITH: None}
