"""Calendar days from FHIR dates, dateTimes and instants, as the source wrote them.

A partial date stands for its first day where something begins and for its last where it ends.
An instant keeps the day of its own offset: nothing is moved to another zone.
Source: HL7 FHIR R4 (4.0.1), data types date, dateTime, instant.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime

_PARTIAL = re.compile(r"(\d{4})(?:-(\d{2}))?\Z")
_DAY_LENGTH = 10
_MOMENT_LENGTH = 16


def first_day(text: str) -> date | None:
    """The day a FHIR date stands for, its first one where it is partial; None when unreadable."""
    if len(text) < _DAY_LENGTH:
        return _partial(text, last=False)
    try:
        return date.fromisoformat(text[:_DAY_LENGTH])
    except ValueError:
        return None


def last_day(text: str) -> date | None:
    """The day a FHIR date stands for, its last one where it is partial; None when unreadable."""
    return first_day(text) if len(text) >= _DAY_LENGTH else _partial(text, last=True)


def moment(text: str) -> datetime | None:
    """The instant with its offset; None for a mere date and where it cannot be read."""
    if len(text) < _MOMENT_LENGTH:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def earliest(*days: date | None) -> date | None:
    """The earliest of the days that are known."""
    return min((day for day in days if day is not None), default=None)


def _partial(text: str, *, last: bool) -> date | None:
    partial = _PARTIAL.match(text) if text else None
    if partial is None:
        return None
    year, month = int(partial[1]), int(partial[2] or 0)
    if year == 0 or month > 12 or (partial[2] and not month):
        return None
    if not last:
        return date(year, month or 1, 1)
    return date(year, month or 12, monthrange(year, month)[1] if month else 31)
