"""The shapes of the time line: an axis of days, lanes under each other, and what stands on them.

Units are those of the picture's viewBox: the axis runs from LEFT to RIGHT.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

LEFT, RIGHT, WIDTH = 250.0, 985.0, 1000
LANE: Final = 26.0
HEADING: Final = 24.0
PLOT: Final = 64.0
HEADER: Final = 26.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A span of time on a lane; `kind` is "order", "fill" or "range".

    `said` stands in it, `beside` before it where there is no room in it.
    """

    x: float
    y: float
    width: float
    height: float
    kind: str
    words: str
    said: str = ""
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment on a lane; `kind` is "kept", "missed", "booked", "result", "outside" or "effect"."""

    x: float
    y: float
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the picture: a heading with a label alone, or what stands under it.

    `track` are the points of a curve, as an SVG polyline takes them; `scale` its highest and lowest
    value.
    """

    label: str
    detail: str
    y: float
    height: float
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    track: str = ""
    scale: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Panel:
    """Lanes that paper never tears apart: a drug with its sources, the contacts, one result."""

    lanes: tuple[Lane, ...]

    @property
    def top(self) -> float:
        return self.lanes[0].y

    @property
    def bottom(self) -> float:
        return self.lanes[-1].y + self.lanes[-1].height


def panels(lanes: Iterable[Lane]) -> tuple[Panel, ...]:
    """The lanes in their order, a new panel with each that has a name."""
    found: list[list[Lane]] = []
    for lane in lanes:
        if lane.label or not found:
            found.append([])
        found[-1].append(lane)
    return tuple(Panel(tuple(own)) for own in found)


@dataclass(frozen=True)
class Axis:
    """The days between `start` and `end` as places between LEFT and RIGHT."""

    start: date
    end: date

    def x(self, day: str) -> float:
        """Where a day stands; days beyond the axis stand at its ends."""
        share = (date.fromisoformat(day) - self.start).days / (self.end - self.start).days
        return round(LEFT + (RIGHT - LEFT) * min(1.0, max(0.0, share)), 1)

    def holds(self, day: str) -> bool:
        return bool(day) and self.start.isoformat() <= day <= self.end.isoformat()

    @property
    def months(self) -> list[tuple[float, str]]:
        """Where months begin, each with its name where there is room for one."""
        days = (self.end - self.start).days
        every = 1 if days < 300 else 2 if days < 500 else 6
        found = []
        day = (self.start.replace(day=1) + timedelta(days=32)).replace(day=1)
        while day <= self.end:
            named = (day.month - 1) % every == 0
            found.append((self.x(day.isoformat()), day.isoformat()[:7] if named else ""))
            day = (day + timedelta(days=32)).replace(day=1)
        return found
