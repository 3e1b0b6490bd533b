"""What one source says of one drug, as one cell: orders first, fills folded behind the newest.

A source's own repeats are not differences, so they are folded: of several fills the newest is
shown with the supply that is left of it, and orders that ended stand behind the one that runs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.web.language import counted, say
from service.web.words import days_between, dose_words, status_words, timing_words

Line = Mapping[str, Any]
Mark = tuple[str, str, str]
"""Source, reference and attribute of a line that differs."""

ENDED: Final = frozenset({"stopped"})
EARLIER: Final = {
    "order": ("{count} earlier order", "{count} earlier orders"),
    "dispense": ("{count} earlier fill", "{count} earlier fills"),
    "administration": ("{count} earlier dose given", "{count} earlier doses given"),
}
"""What stands behind the line that counts, for one and for many."""
LONGEST: Final = 160
"""Characters of directions that a cell shows; the whole of longer ones stands as written."""
_EVENTS: Final = ("dispense", "administration")


@dataclass(frozen=True, slots=True)
class Supply:
    """What is left of the newest fill on the day of the list.

    `percent` of the days supplied is still there; 0 when it ran out. `words` say the same.
    """

    percent: int
    words: str


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One line as a cell shows it; `marked` are the attributes that differ from other sources.

    `directions` are the whole directions where `timing` had to be shortened, else empty.
    """

    dose: str
    timing: str
    status: str
    date: str
    until: str
    requester: str
    form: str
    text: str
    sig: str
    directions: str
    reference: str
    href: str
    marked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Folded:
    """Lines of one kind in one cell: the one that counts, and those behind it."""

    first: ShownLine
    earlier: tuple[ShownLine, ...]
    behind: str
    supply: Supply | None = None
    repeats: bool = False
    """Whether dose and timing only repeat what the order above says."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One source's word on one drug. `unread` says why nothing can be concluded from silence."""

    folds: tuple[Folded, ...]
    unread: str = ""

    @property
    def written(self) -> tuple[ShownLine, ...]:
        """Every line behind the cell, as its source wrote it."""
        return tuple(line for fold in self.folds for line in (fold.first, *fold.earlier))

    @property
    def behind(self) -> str:
        """ "2 earlier orders, 1 earlier fill": what stands behind the lines that are shown."""
        return ", ".join(fold.behind for fold in self.folds if fold.behind)

    @property
    def differs_behind(self) -> bool:
        """Whether a difference lies in a line that is folded away, which then is opened."""
        return any(line.marked for fold in self.folds for line in fold.earlier)


def cell(
    lines: Sequence[Line],
    state: str,
    as_of: str,
    marks: Collection[Mark],
    href: Callable[[Line], str],
) -> Cell:
    """The cell of these lines of one source, whose read has this state."""
    if not lines:
        return Cell((), "" if state == "complete" else say("source is {state}", state=say(state)))

    def shown(line: Line) -> ShownLine:
        return _shown(line, marks, href(line))

    orders = _orders([line for line in lines if line["kind"] not in _EVENTS], shown)
    doses = {(fold.first.dose, fold.first.timing) for fold in orders}
    events = [
        _events(kind, chosen, as_of, shown, doses)
        for kind in _EVENTS
        if (chosen := [line for line in lines if line["kind"] == kind])
    ]
    return Cell((*orders, *events))


def leading(lines: Sequence[Line]) -> list[Line]:
    """The lines that speak for a source: its running orders, else its newest fill."""
    running = [line for line in lines if line["kind"] not in _EVENTS and line["state"] not in ENDED]
    if running:
        return running
    events = [line for line in lines if line["kind"] in _EVENTS and line["state"] not in ENDED]
    return [max(events, key=_newest)] if events else []


def line_date(line: Line) -> str:
    """The day that a line is dated by; empty when the source gives none."""
    return line["authored"] or line["last_supplied"] or line["start"] or ""


def supply(line: Line, as_of: str) -> Supply | None:
    """What is left of one fill; None where the source does not say how long it lasts."""
    day, days = line["last_supplied"] or line["authored"], line["days_supply"]
    if not day or not days or line["kind"] != "dispense":
        return None
    left = round(days) - days_between(day, as_of)
    if left > 0:
        words = say("{left} of {days} days left", left=left, days=round(days))
        return Supply(min(100, round(100 * left / days)), words)
    if left == 0:
        return Supply(0, say("runs out today"))
    return Supply(0, counted("ran out {count} day ago", "ran out {count} days ago", -left))


def newest_supply(lines: Sequence[Line], as_of: str) -> Supply | None:
    """What is left of the newest of these fills."""
    fills = [line for line in lines if line["kind"] == "dispense"]
    return supply(max(fills, key=_newest), as_of) if fills else None


def _orders(lines: Sequence[Line], shown: Callable[[Line], ShownLine]) -> list[Folded]:
    """Running orders one by one; what ended stands behind them, or leads when nothing runs."""
    newest_first = sorted(lines, key=_newest, reverse=True)
    running = [line for line in newest_first if line["state"] not in ENDED]
    ended = [line for line in newest_first if line["state"] in ENDED]
    folds = [Folded(shown(line), (), "") for line in running[:-1]]
    chain = running[-1:] + ended
    if chain:
        earlier = tuple(shown(line) for line in chain[1:])
        folds.append(Folded(shown(chain[0]), earlier, _behind(len(earlier), "order")))
    return folds


def _events(
    kind: str,
    lines: Sequence[Line],
    as_of: str,
    shown: Callable[[Line], ShownLine],
    said: Collection[tuple[str, str]],
) -> Folded:
    newest_first = sorted(lines, key=_newest, reverse=True)
    first, *rest = (shown(line) for line in newest_first)
    return Folded(
        first=first,
        earlier=tuple(rest),
        behind=_behind(len(rest), kind),
        supply=supply(newest_first[0], as_of),
        repeats=(first.dose, first.timing) in said,
    )


def _behind(count: int, kind: str) -> str:
    return counted(*EARLIER[kind], count) if count else ""


def _newest(line: Line) -> tuple[str, str]:
    return line_date(line), line["reference"]


def _shown(line: Line, marks: Collection[Mark], href: str) -> ShownLine:
    directions = timing_words(line["timing"])
    long = len(directions) > LONGEST
    return ShownLine(
        dose=dose_words(line),
        timing=directions[:LONGEST].rstrip() + " …" if long else directions,
        status=status_words(line),
        date=line_date(line),
        until=(line["end"] or "") if line["state"] in ENDED else "",
        requester=line["requester"] or "",
        form=", ".join(word for word in (line["form"], line["route"]) if word),
        text=line["text"],
        sig=line.get("sig", ""),
        directions=directions if long and directions != line.get("sig", "") else "",
        reference=line["reference"],
        href=href,
        marked=frozenset(
            attribute
            for source, reference, attribute in marks
            if (source, reference) == (line["source"], line["reference"])
        ),
    )
