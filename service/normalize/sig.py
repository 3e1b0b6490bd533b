"""A small grammar for English directions: read whole, or not read.

Every word of a direction must be understood, or stand in the list of words that mean nothing for
the dose, or belong to the reason after "for" or "as needed" without changing a dose or a time.
Otherwise nothing is taken from the text: half a reading is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from service.model.dosage import Dosage
from service.normalize.frequency import Frequencies
from service.normalize.routes import Routes
from service.normalize.sig_parts import NotRead
from service.normalize.sig_reading import Reading
from service.normalize.sig_rules import rules
from service.normalize.sig_text import LONGEST, prepared
from service.normalize.units import Units

_REMEMBERED = 4096


class Grammar:
    """The grammar over one set of tables; it remembers readings, as directions repeat a lot."""

    def __init__(self, units: Units, frequencies: Frequencies, routes: Routes) -> None:
        self._units, self._frequencies, self._routes = units, frequencies, routes
        self._rules = rules(units, frequencies, routes)
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._read)

    def read(self, text: str) -> tuple[Dosage, ...]:
        """The parts of a direction as dosages; empty when it is not read.

        Parts that hold together (2 in the morning and 1 at bedtime) have no sequence; steps that
        follow one another (20 mg for 5 days, then 10 mg) are numbered from 1.
        """
        return self._remembered(text) if len(text) <= LONGEST else ()

    def _read(self, text: str) -> tuple[Dosage, ...]:
        line = prepared(text)
        if not line:
            return ()
        try:
            reading = Reading(self._units, self._frequencies, self._routes)
            position = 0
            while position < len(line):
                position = self._advance(line, position, reading)
            return reading.dosages(text)
        except NotRead:
            return ()

    def _advance(self, line: str, position: int, reading: Reading) -> int:
        matched = self._rules.match(line, position)
        if matched is None:
            raise NotRead
        name, found = matched
        handle: Callable[[re.Match[str]], None] = getattr(reading, name)
        handle(found)
        return found.end()
