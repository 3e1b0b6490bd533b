"""What a statement rests on: facts of sources, named so that they can be opened and recomputed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Which resource of which source, in which version (None where the server gives none)."""

    source: str
    reference: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of one resource: `path` is FHIRPath-like, `value` as shown to a person."""

    source: str
    reference: str
    version: str | None
    path: str
    value: str
    date: date | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be read, and what was kept; shown beside what we could read."""

    source: str
    reference: str
    what: str
