"""Asking for changes only, and what keeps that safe.

A server may be asked with `_lastUpdated` where it stamps its resources, offers the parameter, and
its vendor profile knows no doubt about it. Rows that commit late are covered by an overlap; what
was deleted, or changed without a new stamp, only a full compare finds (`pull` without `since`),
which the caller does from time to time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from service.model.source import Certificate, RawResource, SourceRead, State, worst

OVERLAP = timedelta(minutes=5)
"""How far before the last read changes are asked for: some servers show what was committed up to
two minutes ago with an earlier stamp (documented for LinuxForHealth FHIR), and clocks drift."""


@dataclass(frozen=True, slots=True)
class Since:
    """Changes from `moment` on are enough for these resource types."""

    moment: datetime
    types: frozenset[str]

    @classmethod
    def after(cls, kept: SourceRead) -> Since | None:
        """What need not be asked again after a kept read; None when all has to be.

        Only types whose kept read was complete, and that had something in it or proved to be empty.
        """
        if kept.watermark is None:
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
        if one.type in changed or _only_referred_to(one.type, fresh) or one.type not in searched
    }
    held.update((one.reference, one) for one in fresh.resources)
    resources = tuple(sorted(held.values(), key=lambda one: one.reference))
    counts: dict[str, int] = {}
    for one in resources:
        counts[one.type] = counts.get(one.type, 0) + 1
    certificates = tuple(
        _joined(before.get(one.type), one, counts.get(one.type, 0)) for one in fresh.certificates
    )
    return replace(fresh, resources=resources, certificates=certificates)


def _only_referred_to(resource_type: str, fresh: SourceRead) -> bool:
    """Whether the type is read only where a line refers to it (its certificate counts no page)."""
    return any(
        one.type == resource_type and one.pages == 0 and resource_type != "Patient"
        for one in fresh.certificates
    )


def _joined(kept: Certificate | None, fresh: Certificate, count: int) -> Certificate:
    if fresh.since is None:
        return replace(fresh, count=max(count, fresh.count))
    state = worst([fresh.state, kept.state if kept else State.PARTIAL])
    unresolved = tuple(dict.fromkeys((*(kept.unresolved if kept else ()), *fresh.unresolved)))
    return replace(fresh, state=state, count=count, unresolved=unresolved, total=None)
