"""Scales, levels and laboratory values over time: a curve for each unit, with the usual range.

The range is the one that the source itself gives with its newest result; a value outside its own
range is filled, and said to be outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from service.web.language import say
from service.web.over_time.axis import LEFT, PLOT, RIGHT, Axis, Bar, Lane, Mark
from service.web.words import first_upper, unit_words

FIRST: Final = ("PHQ-9", "GAD-7")
EDGE: Final = 12.0

Result = Mapping[str, Any]


def titles(results: Sequence[Result]) -> list[str]:
    """Scales first, then drug levels, then the rest by name."""
    found = {r["titles"][0] for r in results if r["value"] is not None}
    return sorted(found, key=lambda t: (t not in FIRST, "level" not in t, t.casefold()))


def result_lanes(title: str, results: Sequence[Result], axis: Axis, top: float) -> Iterable[Lane]:
    """One lane for each unit: values in different units never share a curve."""
    for unit in sorted({r["unit"] for r in results if r["value"] is not None}):
        own = sorted(
            (r for r in results if r["unit"] == unit and r["value"] is not None),
            key=lambda r: (r["date"], r["source"]),
        )
        yield _lane(title, unit, own, axis, top)
        top += PLOT


def outside(result: Result) -> str:
    """ "above its range", "below its range", "" where it is within or no range is given."""
    low, high = _ends(result)
    value = float(result["value"])
    if high is not None and value > high:
        return say("above its range")
    return say("below its range") if low is not None and value < low else ""


def range_words(result: Result) -> str:
    """ "0.6 to 1.0", "below 5", "above 90"; "" where the source gives none."""
    low, high = _ends(result)
    if low is not None and high is not None:
        return say("{low} to {high}", low=f"{low:g}", high=f"{high:g}")
    if high is not None:
        return say("up to {high}", high=f"{high:g}")
    return say("from {low}", low=f"{low:g}") if low is not None else ""


def _ends(result: Result) -> tuple[float | None, float | None]:
    given = result.get("range") or {}
    low, high = given.get("low"), given.get("high")
    return (None if low is None else float(low)), (None if high is None else float(high))


def _lane(title: str, unit: str, own: Sequence[Result], axis: Axis, top: float) -> Lane:
    values = [float(r["value"]) for r in own]
    ends = [end for end in _ends(own[-1]) if end is not None]
    low, high = min(values + ends), max(values + ends)

    def height(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return round(top + PLOT - EDGE - (PLOT - 2 * EDGE) * share, 1)

    marks = tuple(
        Mark(
            axis.x(r["date"]),
            height(float(r["value"])),
            "outside" if outside(r) else "result",
            _words(r),
        )
        for r in own
    )
    usual_low, usual_high = _ends(own[-1])
    upper = height(usual_high) if usual_high is not None else top + EDGE / 2
    lower = height(usual_low) if usual_low is not None else top + PLOT - EDGE / 2
    usual = f"{range_words(own[-1])} {unit_words(unit)}".strip()
    said = say("usual range {range}", range=usual)
    band = Bar(LEFT, upper, RIGHT - LEFT, round(lower - upper, 1), "range", said)
    return Lane(
        label=first_upper(title),
        detail=unit_words(unit),
        y=top,
        height=PLOT,
        bars=(band,) if ends else (),
        marks=marks,
        track=" ".join(f"{mark.x},{mark.y}" for mark in marks),
        scale=(f"{high:g}", f"{low:g}" if high != low else ""),
    )


def _words(result: Result) -> str:
    value = f"{result['comparator']}{result['value']} {unit_words(result['unit'])}".strip()
    told = ", ".join(part for part in (value, outside(result), result["source"]) if part)
    return f"{result['date']} {told}"
