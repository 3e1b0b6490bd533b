"""Which phrase of the grammar stands at a place of a direction."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NAMED_GROUP = re.compile(r"\(\?P<\w+>")


class Phrases:
    """Phrases, each with its name; of several that match, the first one counts."""

    def __init__(self, phrases: Sequence[tuple[str, str]]) -> None:
        self._phrases = phrases
        self._patterns: dict[int, re.Pattern[str]] = {}
        # One pattern finds which phrase it is: the empty group behind the phrase tells its number.
        self._which = re.compile(
            "|".join(f"(?:{_NAMED_GROUP.sub('(?:', pattern)})()" for _, pattern in phrases)
        )

    def match(self, line: str, position: int) -> tuple[str, re.Match[str]] | None:
        """The name of the phrase that stands at this place of a line, and the phrase."""
        found = self._which.match(line, position)
        if found is None or found.lastindex is None:
            return None
        number = found.lastindex - 1
        name, pattern = self._phrases[number]
        compiled = self._patterns.get(number)
        if compiled is None:
            compiled = self._patterns[number] = re.compile(pattern)
        phrase = compiled.match(line, position)
        return None if phrase is None else (name, phrase)
