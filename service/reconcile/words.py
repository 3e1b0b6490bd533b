"""How words of lists are compared, and how those of a finding are put together."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from functools import lru_cache


@lru_cache(maxsize=16384)
def cleaned(text: str) -> str:
    """Text as it is compared: lower case, words and numbers only, one space between."""
    kept = "".join(c if c.isalnum() or c in ".%" else " " for c in text.casefold())
    return " ".join(kept.split())


def distinct(values: Iterable[str]) -> tuple[str, ...]:
    """Non-empty values, each once, sorted."""
    found = set(values)
    found.discard("")
    return tuple(found) if len(found) < 2 else tuple(sorted(found))


def joined(parts: Iterable[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    words = list(parts)
    return (
        words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
    )


def verb(parts: Sized, one: str, several: str) -> str:
    """The form of a verb for that many subjects: "has" or "have"."""
    return one if len(parts) == 1 else several
