"""Moments as the reader's own clock shows them, always with the zone beside them.

The browser sends its zone in a cookie that `concord.js` sets; without one, or with a name that no
time zone has, moments are told in UTC and say so. Source of names: IANA time zone database.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Request

COOKIE: Final = "concord-zone"
_LONGEST: Final = 64


def zone_of(request: Request) -> tzinfo:
    """The zone of the person who looks."""
    name = request.cookies.get(COOKIE, "")
    if not name or len(name) > _LONGEST:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def moment(at: datetime | None, zone: tzinfo = UTC) -> str:
    """ "2026-11-22 14:05 CET"; "" for no moment."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z") if at else ""


def day(at: datetime | None, zone: tzinfo = UTC) -> str:
    """The day of a moment, as the reader's calendar has it."""
    return at.astimezone(zone).date().isoformat() if at else ""
