"""The time line as geometry: lanes on one axis, drawn by the server, with the same in tables.

Everything drawn is also told in words, for people who do not see the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from service.prints.changes import KEPT, MISSED
from service.web.language import say
from service.web.over_time.axis import (
    HEADER,
    HEADING,
    LANE,
    LEFT,
    Axis,
    Bar,
    Lane,
    Mark,
    Panel,
    panels,
)
from service.web.over_time.result_lanes import outside, range_words, result_lanes, titles
from service.web.patient.cells import ENDED, Line, line_date
from service.web.words import dose_words, first_upper, unit_words

LETTER: Final = 7.0
"""Width of a letter in a bar, generously."""

MONTHS: Final = (6, 12, 36)
AHEAD_D: Final = 90


@dataclass(frozen=True)
class TimeLine:
    """The picture and what it says in words."""

    axis: Axis
    today: float
    height: float
    lanes: tuple[Lane, ...]
    drugs: tuple[Mapping[str, str], ...]
    contacts: tuple[Mapping[str, str], ...]
    results: tuple[Mapping[str, str], ...]
    effects: tuple[Mapping[str, str], ...]
    months: int

    @property
    def panels(self) -> tuple[Panel, ...]:
        return panels(self.lanes)


def timeline(content: Mapping[str, Any], months: int = MONTHS[1]) -> TimeLine:
    """The last `months` months up to a quarter ahead, from the report document."""
    as_of = date.fromisoformat(content["as_of"])
    axis = Axis(as_of - timedelta(days=months * 365 // 12), as_of + timedelta(days=AHEAD_D))
    context = content.get("context", {})
    results = [r for r in context.get("results", ()) if axis.holds(r["date"])]
    visits = [v for v in context.get("visits", ()) if axis.holds(v["date"])]
    lanes: list[Lane] = []
    for medication in content["medications"]:
        lanes += _drug_lanes(medication, axis, content["as_of"], _bottom(lanes))
    lanes += _contact_lanes(visits, axis, _bottom(lanes))
    recorded = sorted(
        (e for e in _effects(content) if axis.holds(e["date"])), key=lambda e: e["date"]
    )
    lanes += _effect_lanes(recorded, axis, _bottom(lanes))
    for title in titles(results):
        own = [r for r in results if r["titles"][0] == title]
        lanes += result_lanes(title, own, axis, _bottom(lanes))
    return TimeLine(
        axis=axis,
        today=axis.x(content["as_of"]),
        height=_bottom(lanes) + 8,
        lanes=tuple(lanes),
        drugs=tuple(_drug_rows(content["medications"])),
        contacts=tuple(_contact_row(visit) for visit in reversed(visits)),
        results=tuple(
            _result_row(r) for r in sorted(results, key=lambda r: r["date"], reverse=True)
        ),
        effects=tuple(reversed(recorded)),
        months=months,
    )


def visit_kind(status: str) -> str:
    """Whether a contact took place, was missed, or is still to come."""
    if status in KEPT:
        return "kept"
    return "missed" if status in MISSED else "booked"


def _bottom(lanes: Sequence[Lane]) -> float:
    return lanes[-1].y + lanes[-1].height if lanes else HEADER


def _drug_lanes(
    medication: Mapping[str, Any], axis: Axis, as_of: str, top: float
) -> Iterable[Lane]:
    """A lane for each source of a drug: orders as bars as high as the dose, fills as their span."""
    largest = max((_amount(line) for line in medication["lines"]), default=0.0)
    heading = Lane(medication["display"], "", top, HEADING)
    for source in dict.fromkeys(line["source"] for line in medication["lines"]):
        own = [line for line in medication["lines"] if line["source"] == source]
        under = top + HEADING if top == heading.y else top
        bars = [bar for line in own if (bar := _bar(line, axis, as_of, under, largest)) is not None]
        if bars:
            if under != top:
                yield heading
            yield Lane("", source, under, LANE, _told(bars))
            top = under + LANE


def _bar(line: Line, axis: Axis, as_of: str, top: float, largest: float) -> Bar | None:
    begun, ended = _span(line, as_of)
    if not begun or ended < axis.start.isoformat() or begun > axis.end.isoformat():
        return None
    fill = line["kind"] in {"dispense", "administration"}
    share = _amount(line) / largest if largest else 0.5
    height = 5.0 if fill else round(5 + 7 * share, 1)
    x = axis.x(begun)
    words = (
        say("{dose}, {start} to {end}", dose=dose_words(line), start=begun, end=ended)
        if ended != begun
        else dose_words(line)
    )
    return Bar(
        x=x,
        y=round(top + LANE - 4 - height, 1),
        width=max(2.0, round(axis.x(ended) - x, 1)),
        height=height,
        kind="fill" if fill else "order",
        words=f"{line['text']}: {words}",
        said="" if fill else _step(line),
    )


def _told(bars: Sequence[Bar]) -> tuple[Bar, ...]:
    """The bars from left to right with their doses where these change and there is room: in the
    bar, before the only one of a lane, else in the table alone."""
    alone = sum(1 for bar in bars if bar.kind == "order") == 1
    found = []
    before = ""
    for bar in sorted(bars, key=lambda one: one.x):
        width = len(bar.said) * LETTER
        if bar.said and bar.said == before:
            found.append(replace(bar, said=""))
        elif width < bar.width:
            found.append(bar)
        elif alone and width < bar.x - LEFT:
            found.append(replace(bar, said="", beside=bar.said))
        else:
            found.append(replace(bar, said=""))
        before = bar.said if found[-1].said else before
    return tuple(found)


def _step(line: Line) -> str:
    """The dose at the beginning of an order's bar: "100 mg", so that steps can be read."""
    return " + ".join(
        f"{dose['value'] or dose['max']} {dose['unit']}"
        for dose in line["daily_doses"]
        if dose["value"] or dose["max"]
    )


def _span(line: Line, as_of: str) -> tuple[str, str]:
    """First and last day of a line: a running order runs until now, a fill as long as it lasts."""
    if line["kind"] in {"dispense", "administration"}:
        day = line["last_supplied"] or line_date(line)
        lasts = line["days_supply"] or line["interval_d"] or 0
        return day, _later(day, round(lasts)) if day else ""
    begun = line["start"] or line_date(line)
    ended = line["end"] or (begun if line["state"] in ENDED else as_of)
    return begun, max(begun, ended)


def _later(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=min(days, 3650))).isoformat()


def _amount(line: Line) -> float:
    return sum(float(dose["value"] or dose["max"] or 0) for dose in line["daily_doses"])


def _effects(content: Mapping[str, Any]) -> Iterable[Mapping[str, str]]:
    """What sources record as a side effect, and what its scales measured."""
    yield from content.get("context", {}).get("effects", ())
    for one in content.get("plan", {}).get("timeline", ()):
        if one["kind"] == "side-effect":
            value = str(one["value"]).removesuffix(" 1")
            what = f"{first_upper(one['what'])} {unit_words(value)}"
            yield {"date": one["date"], "what": what, "source": one["source"], "reference": ""}


def _effect_lanes(effects: Sequence[Mapping[str, Any]], axis: Axis, top: float) -> Iterable[Lane]:
    """Side effects on the days on which their sources date them."""
    if effects:
        marks = tuple(
            Mark(
                axis.x(one["date"]),
                top + LANE / 2,
                "effect",
                f"{one['date']} {one['what']} ({one['source']})",
            )
            for one in effects
        )
        yield Lane(say("Side effects"), "", top, LANE, marks=marks)


def _contact_lanes(visits: Sequence[Mapping[str, Any]], axis: Axis, top: float) -> Iterable[Lane]:
    if visits:
        yield Lane(say("Contacts"), "", top, HEADING)
        top += HEADING
    for source in sorted({visit["source"] for visit in visits}):
        marks = tuple(
            Mark(
                axis.x(visit["date"]),
                top + LANE / 2,
                visit_kind(visit["status"]),
                f"{visit['date']} {say(visit['kind'])} {say(visit['status'])}",
            )
            for visit in visits
            if visit["source"] == source
        )
        yield Lane("", source, top, LANE, marks=marks)
        top += LANE


def _drug_rows(medications: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, str]]:
    for medication in medications:
        for line in sorted(medication["lines"], key=line_date, reverse=True):
            yield {
                "drug": medication["display"],
                "source": line["source"],
                "what": line["kind"],
                "dose": dose_words(line),
                "from": line["start"] or line_date(line),
                "until": line["end"] or "",
                "status": say(line["status"] or ""),
            }


def _contact_row(visit: Mapping[str, Any]) -> dict[str, str]:
    return {
        "date": visit["date"],
        "what": f"{say(visit['kind'])}, {say(visit['status'] or 'no status')}",
        "kind": visit_kind(visit["status"]),
        "with": ", ".join(visit["with"]),
        "source": visit["source"],
        "reference": visit["reference"],
    }


def _result_row(result: Mapping[str, Any]) -> dict[str, str]:
    value = result["text"] if result["value"] is None else f"{result['value']} {result['unit']}"
    return {
        "date": result["date"],
        "what": first_upper(result["titles"][0]),
        "value": unit_words(f"{result['comparator']}{value}"),
        "flag": ", ".join(result["interpretation"]),
        "range": range_words(result),
        "outside": "" if result["value"] is None else outside(result),
        "source": result["source"],
        "reference": result["reference"],
    }
