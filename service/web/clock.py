"""Moments as the reader's own clock shows them, always with the zone beside them.

A person's own choice counts first: it is kept in the store, and put into a cookie when the person
signs in. Else the browser sends its zone in a cookie that `concord.js` sets; without one, or with
a name that no time zone has, moments are told in UTC and say so. Source of names: IANA time zone
database.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Request

COOKIE: Final = "concord-zone"
CHOSEN: Final = "concord-zone-chosen"
_LONGEST: Final = 64


def zone_of(request: Request) -> tzinfo:
    """The zone of the person who looks."""
    names = (f"__Host-{CHOSEN}", CHOSEN, COOKIE)
    told = (zone_named(request.cookies.get(name, "")) for name in names)
    return next((zone for zone in told if zone is not None), UTC)


def zone_named(name: str) -> ZoneInfo | None:
    """The zone of this name; None where there is none."""
    if not name or len(name) > _LONGEST:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def moment(at: datetime | None, zone: tzinfo = UTC) -> str:
    """ "2026-11-22 14:05 CET"; "" for no moment."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z") if at else ""


def day(at: datetime | None, zone: tzinfo = UTC) -> str:
    """The day of a moment, as the reader's calendar has it."""
    return at.astimezone(zone).date().isoformat() if at else ""
