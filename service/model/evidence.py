"""What a statement rests on: facts of sources, named so that they can be opened and recomputed."""

from __future__ import annotations

from datetime import date

import msgspec


class Origin(msgspec.Struct, frozen=True, order=True, gc=False):
    """Which resource of which source, in which version (None where the server gives none)."""

    source: str
    reference: str
    version: str | None = None


class Fact(msgspec.Struct, frozen=True, gc=False):
    """One value of one resource: `path` is FHIRPath-like, `value` as shown to a person."""

    source: str
    reference: str
    version: str | None
    path: str
    value: str
    date: date | None = None


class Problem(msgspec.Struct, frozen=True, gc=False):
    """What could not be read, and what was kept; shown beside what we could read."""

    source: str
    reference: str
    what: str
