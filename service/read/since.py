"""Asking for changes only, and what keeps that safe.

A server may be asked with `_lastUpdated` where it stamps its resources, offers the parameter, and
its vendor profile knows no doubt about it. Rows that commit late are covered by an overlap; what
was deleted, or changed without a new stamp, only a full compare finds (`pull` without `since`),
which the caller does from time to time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from service.model.source import Certificate, RawResource, SourceRead, State, worst
from service.read.pull import REFERRED_TYPES

OVERLAP = timedelta(minutes=5)
"""How far before the last read changes are asked for: some servers show what was committed up to
two minutes ago with an earlier stamp (documented for LinuxForHealth FHIR), and clocks drift."""


_MENDED_BY_A_WHOLE_READ = frozenset({State.PARTIAL, State.UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Since:
    """Changes from `moment` on are enough for these resource types."""

    moment: datetime
    types: frozenset[str]

    @classmethod
    def after(cls, kept: SourceRead) -> Since | None:
        """What need not be asked again after a kept read; None when all has to be.

        Only types whose kept read was complete, and that had something in it or proved to be empty;
        none where something that a line refers to was not read, which only a whole read mends.
        """
        if kept.watermark is None or kept.state_floor is not State.COMPLETE:
            return None
        referred = (one.state for one in kept.certificates if one.type in REFERRED_TYPES)
        if not _MENDED_BY_A_WHOLE_READ.isdisjoint(referred):
            return None
        complete = {one.type for one in kept.certificates if one.state is State.COMPLETE}
        return cls(kept.watermark, frozenset(complete)) if complete else None

    def of(self, resource_type: str) -> datetime | None:
        """The moment for one type, None when all of it has to be read."""
        return self.moment if resource_type in self.types else None


def merged_reads(kept: SourceRead, fresh: SourceRead) -> SourceRead:
    """The kept read brought up to date by a fresh one, which may hold changes only.

    Types that were asked since a moment keep what did not change; all others are as the fresh read
    has them. What a kept line refers to stays with it. Where the fresh read could not say what
    changed, the certificate is not complete.
    """
    changed = {one.type for one in fresh.certificates if one.since is not None}
    if not changed:
        return fresh
    before = {one.type: one for one in kept.certificates}
    searched = {one.type for one in fresh.certificates}
    held: dict[str, RawResource] = {
        one.reference: one
        for one in kept.resources
        if one.type in changed or one.type in REFERRED_TYPES or one.type not in searched
    }
    held.update((one.reference, one) for one in fresh.resources)
    resources = tuple(sorted(held.values(), key=lambda one: one.reference))
    counts: dict[str, int] = {}
    for one in resources:
        counts[one.type] = counts.get(one.type, 0) + 1
    came = {one.type for one in fresh.resources}
    certificates = tuple(
        _joined(
            before.get(one.type),
            one,
            counts.get(one.type, 0),
            unresolved=_unresolved(before.get(one.type), one, held),
            anything=one.type in came,
        )
        for one in fresh.certificates
    )
    said = tuple(one for one in kept.problems if one.reference in changed)
    problems = tuple(dict.fromkeys((*said, *fresh.problems)))
    return replace(fresh, resources=resources, certificates=certificates, problems=problems)


def _unresolved(
    kept: Certificate | None, fresh: Certificate, held: Mapping[str, RawResource]
) -> tuple[str, ...]:
    """References of kept and fresh lines that still lead nowhere."""
    both = (*(kept.unresolved if kept else ()), *fresh.unresolved)
    return tuple(one for one in dict.fromkeys(both) if one not in held)


def _joined(
    kept: Certificate | None,
    fresh: Certificate,
    count: int,
    *,
    unresolved: tuple[str, ...],
    anything: bool,
) -> Certificate:
    """One certificate of both: never better than either; as it was where nothing came."""
    if fresh.since is None and fresh.type not in REFERRED_TYPES:
        return fresh
    if kept is None:
        state = worst([fresh.state, State.PARTIAL if fresh.since else fresh.state])
        return replace(fresh, state=state, count=count, unresolved=unresolved)
    if not anything and fresh.state is State.COMPLETE:
        return replace(kept, since=fresh.since, unresolved=unresolved)
    state = fresh.state if fresh.state is kept.state else worst([fresh.state, kept.state])
    total = None if fresh.since else fresh.total
    return replace(fresh, state=state, count=count, unresolved=unresolved, total=total)
