"""How fresh the sources are: for one patient, and over all patients for who runs the service."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from service.store import Connection, notices, syncs
from service.store.syncs import Freshness
from service.web.language import say
from service.web.services import Services
from service.web.words import listed


def aged(
    content: Mapping[str, Any],
    rows: Mapping[str, Freshness],
    *,
    stale_after: timedelta,
    now: datetime,
) -> dict[str, Any]:
    """The report with every complete source as stale that has not been read for so long.

    The report itself was right when it was made; what grows old is what it says of the day.
    """
    return {
        **content,
        "sources": [
            _aged(source, rows.get(source["name"]), stale_after, now)
            for source in content["sources"]
        ],
    }


def _aged(
    source: dict[str, Any], row: Freshness | None, stale_after: timedelta, now: datetime
) -> dict[str, Any]:
    seen_at = row.seen_at if row else None
    if source["state"] != "complete" or seen_at is None or now - seen_at <= stale_after:
        return source
    when = seen_at.isoformat(sep=" ", timespec="minutes")
    reason = say(
        "last read {when}; nobody has read it again for {count} hours",
        when=when,
        count=_hours(now - seen_at),
    )
    return {**source, "state": "stale", "reasons": [*source["reasons"], reason]}


def _hours(span: timedelta) -> int:
    return int(span.total_seconds() // 3600)


async def freshness(look: Connection, services: Services) -> list[dict[str, Any]]:
    """Each source: how often it is read by itself, how that goes, and what it tells by itself."""
    found = await syncs.by_source(look, at=services.now(), stale_after=services.stale_after)
    channels = await notices.channels_of(look)
    known = {one.source: one for one in found}
    names = sorted(known.keys() | services.every.keys() | services.senders.keys())
    return [
        {
            "name": name,
            "every": _rhythm(services.every.get(name), notified=name in services.senders),
            "row": known.get(name),
            "channels": [one for one in channels if one.source == name],
        }
        for name in names
    ]


def _rhythm(every: timedelta | None, *, notified: bool) -> str:
    parts = [say("every {count} min", count=f"{every.total_seconds() / 60:g}")] if every else []
    parts += [say("when it notifies")] if notified else []
    return listed(parts) or say("only when a person asks")
