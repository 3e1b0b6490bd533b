"""D1, B7 and B8: one drug ordered twice, by two people, or supplied by two pharmacies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import combinations

from service.model.evidence import Fact
from service.model.finding import Finding, Severity
from service.model.medication import Kind, MedicationEntry, PlacedLine
from service.model.source import Role
from service.reconcile.holding import Holding, is_order
from service.reconcile.statement import fact, finding, instruction_facts
from service.reconcile.therapy import Setting, Therapy, route_of
from service.reconcile.therapy_state import supply_end
from service.reconcile.words import cleaned, joined

_MOST_REQUESTERS = 64
_DISPENSE = Kind.DISPENSE
_TITLES = frozenset({"dr", "md", "do", "np", "pa", "rn", "phd", "prof", "mr", "mrs", "ms", "dnp"})


def duplicate_same_drug(therapy: Therapy, setting: Setting) -> Finding | None:
    """D1: two current orders of one drug and route in one list that are no split regimen.

    The same therapy seen in two lists is no duplicate; a renewal or a changed dose by the same
    requester is an older order still open (superseded-not-closed).
    """
    twice = [(h, lines) for h in therapy.current if h.duplicates and len(lines := _beside(h)) > 1]
    if not twice:
        return None
    lines = [line for _, some in twice for line in some]
    supplied = all(line.last_supplied for line in lines)
    said = joined(
        f"{h.source} has {len(some)} current orders ({'; '.join(_words(some))})"
        for h, some in twice
    )
    return finding(
        setting,
        "duplicate-same-drug",
        [therapy],
        title=f"{therapy.name}: ordered twice",
        message=f"{said}.",
        advice="Ask whether both are taken; close the one that is not meant.",
        sources=[h.source for h, _ in twice],
        evidence=[*instruction_facts(lines), *_requesters(lines)],
        severity=Severity.HIGH if supplied else None,
    )


def _beside(holding: Holding) -> list[PlacedLine]:
    """Base and duplicate orders of the route of the base; one where nothing doubles."""
    base = [line for line in holding.base if is_order(line.entry)]
    routes = {route_of(line.entry) for line in base}
    doubles = [
        line
        for line in holding.duplicates
        if is_order(line.entry) and (route_of(line.entry) in routes or "" in routes)
    ]
    return [*base, *doubles] if doubles else base[:1]


def _words(lines: Iterable[PlacedLine]) -> list[str]:
    return [
        ", ".join(filter(None, (e.text, e.requester, str(e.authored or ""))))
        for line in lines
        for e in [line.entry]
    ]


def _requesters(lines: Iterable[PlacedLine]) -> list[Fact]:
    return [
        fact(line.entry, "requester", line.entry.requester)
        for line in lines
        if line.entry.requester
    ]


def prescriber_mismatch(therapy: Therapy, setting: Setting) -> Finding | None:
    """B7: current orders of one drug by different people, compared by key, else by name."""
    lines = [
        line
        for h in therapy.current
        for line in (*h.base, *h.superseded, *h.duplicates)
        if line.entry.requester and is_order(line.entry)
    ]
    if len(lines) < 2 or not any(
        _different_people(one.entry, other.entry) for one, other in _pairs(lines)
    ):
        return None
    said = joined(
        f"{source} has {joined(names)}" for source, names in sorted(_names_by_source(lines).items())
    )
    return finding(
        setting,
        "prescriber-mismatch",
        [therapy],
        title=f"{therapy.name}: more than one prescriber",
        message=f"Current orders are of different people: {said}.",
        advice="Agree who prescribes and monitors it.",
        sources=[line.entry.origin.source for line in lines],
        evidence=_requesters(lines),
    )


def _pairs(lines: Sequence[PlacedLine]) -> Iterator[tuple[PlacedLine, PlacedLine]]:
    """Pairs of one line per source and requester, of the first requesters where there are many."""
    seen = {
        (e.origin.source, e.requester_key, e.requester): line
        for line in lines
        for e in [line.entry]
    }
    return combinations([seen[who] for who in sorted(seen)[:_MOST_REQUESTERS]], 2)


def _names_by_source(lines: Iterable[PlacedLine]) -> dict[str, list[str]]:
    names: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        names[line.entry.origin.source].add(line.entry.requester)
    return {source: sorted(some) for source, some in names.items()}


def _different_people(one: MedicationEntry, other: MedicationEntry) -> bool:
    """Whether two requesters are surely two people.

    Keys count inside one source, and anywhere when they are no local reference ("Practitioner/7");
    names count without titles, and one that lacks a part of the other is the same person.
    """
    keys = (one.requester_key, other.requester_key)
    shared = one.origin.source == other.origin.source or not any("/" in key for key in keys)
    if all(keys) and shared:
        return keys[0] != keys[1]
    left, right = _name_parts(one.requester), _name_parts(other.requester)
    return bool(left and right) and not (left <= right or right <= left)


@lru_cache(maxsize=4096)
def _name_parts(name: str) -> frozenset[str]:
    words = "".join(c if c.isalpha() else " " for c in name.casefold()).split()
    return frozenset(word for word in words if word not in _TITLES and len(word) > 1)


def poly_pharmacy_supply(therapy: Therapy, setting: Setting) -> Finding | None:
    """B8: two pharmacies whose supply of the drug overlaps by more than the carry-over."""
    dispensed = [
        (who, line)
        for h in therapy.holdings
        for line in h.supply
        if line.entry.kind is _DISPENSE and (who := _dispenser(line.entry))
    ]
    if len({who for who, _ in dispensed}) < 2:
        return None
    windows = setting.policy.windows
    newest: dict[str, tuple[date, date, PlacedLine]] = {}
    for who, line in dispensed:
        ends = supply_end(line.entry, windows)
        if ends is not None and line.entry.supplied_on is not None:
            run = (line.entry.supplied_on, ends, line)
            newest[who] = max(newest.get(who, run), run, key=_run_order)
    runs = [newest[who] for who in sorted(newest)]
    overlapping = any(
        (min(one[1], other[1]) - max(one[0], other[0])).days > windows.supply_tolerance
        for one, other in combinations(runs, 2)
    )
    if not overlapping:
        return None
    lines = [line for _, _, line in runs]
    said = joined(
        f"{line.entry.dispenser or line.entry.origin.source} on {line.entry.supplied_on}"
        for line in lines
    )
    return finding(
        setting,
        "poly-pharmacy-supply",
        [therapy],
        title=f"{therapy.name}: supplied by more than one pharmacy",
        message=f"Supplies that overlap were handed over by {said}.",
        advice="Ask whether both supplies are taken.",
        sources=[line.entry.origin.source for line in lines],
        evidence=[
            fact(line.entry, "whenHandedOver", str(line.entry.supplied_on)) for line in lines
        ],
    )


def _run_order(run: tuple[date, date, PlacedLine]) -> tuple[date, date, str, str]:
    origin = run[2].entry.origin
    return run[0], run[1], origin.source, origin.reference


def _dispenser(entry: MedicationEntry) -> str:
    """Who handed it over; a pharmacy that does not name itself goes by its source."""
    if entry.dispenser:
        return cleaned(entry.dispenser)
    return entry.origin.source if entry.role is Role.PHARMACY else ""
