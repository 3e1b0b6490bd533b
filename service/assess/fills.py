"""The fills of a drug and the days that they cover."""

from __future__ import annotations

from datetime import date, timedelta

from service.assess.exposure import Exposure
from service.model.medication import Kind, PlacedLine
from service.model.source import Role

SUPPLIERS = frozenset({Role.PHARMACY})


def covered_until(fills: list[tuple[date, PlacedLine]]) -> date | None:
    """The last day that the fills cover, with carry-over; None when the last tells no length.

    What is left over when a fill comes early is used up after it, as proportion-of-days-covered
    counts it (PQA; HEDIS SAA).
    """
    until: date | None = None
    for on, line in fills:
        length = line.entry.days_supply
        if length is None:
            until = None
            continue
        begin = on if until is None or until < on else until + timedelta(days=1)
        until = begin + timedelta(days=int(length) - 1)
    return until


def days_covered(fills: list[tuple[date, PlacedLine]], until: date) -> int:
    """How many days up to `until` the fills cover, with carry-over; lengths must be known."""
    covered = 0
    free = fills[0][0]
    for on, line in fills:
        free = max(free, on)
        length = int(line.entry.days_supply or 0)
        covered += max(0, min(length, (until - free).days + 1))
        free += timedelta(days=length)
    return covered


def supplies(exposure: Exposure) -> list[tuple[date, PlacedLine]]:
    """The dispenses that were handed over, by day."""
    found = [
        (line.entry.supplied_on, line)
        for line in exposure.lines
        if line.entry.kind is Kind.DISPENSE
        and line.entry.supplied_on is not None
        and line.entry.status in ("completed", "in-progress", "")
    ]
    return sorted(
        ((on, line) for on, line in found if on is not None),
        key=lambda fill: (fill[0], fill[1].entry.origin),
    )


def scheduled(exposure: Exposure) -> bool:
    """Taken every day, not as needed."""
    return not all(line.entry.as_needed for line in exposure.lines)
