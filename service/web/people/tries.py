"""How often signing in has failed lately, by where it was tried from; too often has to wait.

Kept in this process: each process lets through its own few. Behind a proxy all people come from one
address, so the bound is one for an attack, not for a clinic's Monday morning.
Source: OWASP ASVS 5.0, 6.3.1 (brute force).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from service.web.people.auth import TooManyTries

MOST: Final = 20
WITHIN: Final = timedelta(minutes=1)
_MOST_PLACES: Final = 10_000


@dataclass(slots=True)
class Tries:
    """Failed sign-ins of the last minute."""

    _failed: dict[str, deque[datetime]] = field(default_factory=dict, init=False)

    def check(self, place: str, at: datetime) -> None:
        """Raises TooManyTries while this place has failed too often."""
        if len(self._recent(place, at)) >= MOST:
            raise TooManyTries

    def failed(self, place: str, at: datetime) -> None:
        """One more failure; the places that are known longest give way when there are too many."""
        recent = self._recent(place, at)
        recent.append(at)
        self._failed[place] = recent
        while len(self._failed) > _MOST_PLACES:
            self._failed.pop(next(iter(self._failed)))

    def _recent(self, place: str, at: datetime) -> deque[datetime]:
        recent = self._failed.get(place, deque())
        while recent and recent[0] + WITHIN <= at:
            recent.popleft()
        if not recent:
            self._failed.pop(place, None)
        return recent
