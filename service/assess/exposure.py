"""Episodes of taking a drug, merged over sources: what every check starts from.

Requests, statements, dispenses with their days' supply and administrations with their interval
each cover some days. Days closer together than the drug's washout are one episode, so a renewal,
a second prescriber or a refill is not a new start.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property

import msgspec

from service.model.concept import AdministrationClass, Ingredient
from service.model.evidence import Fact
from service.model.medication import (
    Kind,
    MedicationEntry,
    PlacedLine,
    ReconciledEntry,
    TherapyState,
)

USUAL_WASHOUT_D = 30
"""Days without cover after which the next evidence is a new start, where no drug says otherwise."""

NEVER_TAKEN = frozenset({"entered-in-error", "cancelled", "draft", "not-taken", "declined"})
_LAST = date.max.toordinal()
_DISPENSE = Kind.DISPENSE
_RUNNING = (TherapyState.CURRENT, TherapyState.CONFLICT)
_PLANNED, _STOPPED = TherapyState.PLANNED, TherapyState.STOPPED
ORDERS = (Kind.REQUEST, Kind.STATEMENT)


class Taking(StrEnum):
    """Whether the drug is taken on the day asked."""

    NOW = "now"
    PLANNED = "planned"
    UNCERTAIN = "uncertain"
    PAST = "past"


_NOW, _PAST = Taking.NOW, Taking.PAST


class Episode(msgspec.Struct, frozen=True, gc=False):
    """Continuous exposure. `start` None: no source says since when; `end` None: open or unknown."""

    start: date | None
    end: date | None


@dataclass(frozen=True)
class Exposure:
    """One ingredient as the patient takes it, through every medication that holds it.

    `local` products (skin, eye, inhaled) are an exposure of their own. `episodes` are in order; the
    last one is open (`end` None) while the drug is taken. `stopped_on` is the last documented day
    of a past exposure, None where no source tells.
    """

    ingredient: Ingredient
    local: bool
    taking: Taking
    medications: tuple[ReconciledEntry, ...]
    lines: tuple[PlacedLine, ...]
    episodes: tuple[Episode, ...]

    @property
    def start(self) -> date | None:
        """First day of the last episode: a renewal does not move it."""
        return self.episodes[-1].start if self.episodes else None

    @property
    def stopped_on(self) -> date | None:
        return self.episodes[-1].end if self.episodes and self.taking is Taking.PAST else None

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        """The lines in force as evidence; where none is (a past drug), all of them."""
        telling = self.lines
        if self.taking is not _PAST:
            telling = tuple([x for x in telling if x.state is not _STOPPED]) or telling
        return tuple([line_fact(line.entry) for line in telling])

    @cached_property
    def ids(self) -> frozenset[str]:
        return frozenset(medication.id for medication in self.medications)

    @cached_property
    def depot(self) -> tuple[PlacedLine, ...]:
        return tuple(
            line for line in self.lines if line.entry.administration is AdministrationClass.DEPOT
        )

    @cached_property
    def injected(self) -> bool:
        """Whether it is given as a depot that nobody has ended, whatever tablets are taken."""
        return any(
            medication.administration is AdministrationClass.DEPOT
            and medication.state is not TherapyState.STOPPED
            and not _ended_by_all(medication)
            for medication in self.medications
        )

    @cached_property
    def routes(self) -> frozenset[str]:
        return frozenset(line.entry.route for line in self.lines if line.entry.route)

    @cached_property
    def sources(self) -> tuple[str, ...]:
        return tuple(sorted({line.entry.origin.source for line in self.lines}))


def exposures(
    medications: Iterable[ReconciledEntry], as_of: date, washout: Mapping[str, int]
) -> tuple[Exposure, ...]:
    """Every ingredient of the list with its episodes, by name; unresolved lines have none.

    Args:
        washout: days by RxCUI after which new evidence is a new start (default 30).
    """
    gathered: dict[tuple[Ingredient, bool], list[ReconciledEntry]] = defaultdict(list)
    for medication in medications:
        local = medication.administration is AdministrationClass.LOCAL
        for ingredient in medication.ingredients:
            gathered[ingredient, local].append(medication)
    return tuple(
        _exposure(ingredient, local, gathered[ingredient, local], as_of, washout)
        for ingredient, local in sorted(gathered, key=lambda key: (key[0].name, key[1]))
    )


def _exposure(
    ingredient: Ingredient,
    local: bool,
    medications: list[ReconciledEntry],
    as_of: date,
    washout: Mapping[str, int],
) -> Exposure:
    lines = tuple(
        line
        for medication in medications
        for line in medication.lines
        if line.entry.status not in NEVER_TAKEN and line.entry.taken != "not"
    )
    taking = _taking(medications)
    spans = sorted(
        (span for line in lines if (span := covered(line, as_of)) is not None),
        key=lambda span: span.start or date.min,
    )
    gap = timedelta(days=washout.get(ingredient.rxcui, USUAL_WASHOUT_D))
    merged = _merged(spans, gap)
    if taking is _NOW:
        last = merged[-1].start if merged else None
        merged = [*merged[:-1], Episode(last, None)]
    elif taking is _PAST and merged:
        ends = [line.entry.stopped_on or line.entry.end for line in lines if is_order(line)]
        known = [day for day in ends if day is not None and day <= as_of]
        merged[-1] = Episode(merged[-1].start, max(known) if known else merged[-1].end)
    return Exposure(ingredient, local, taking, tuple(medications), lines, tuple(merged))


def is_order(line: PlacedLine) -> bool:
    return line.entry.kind in ORDERS


def _taking(medications: Iterable[ReconciledEntry]) -> Taking:
    """A conflict (stopped here, active there) may still be taken: it counts as taken."""
    states = {
        TherapyState.STOPPED if _ended_by_all(medication) else medication.state
        for medication in medications
    }
    if states & {TherapyState.CURRENT, TherapyState.CONFLICT}:
        return Taking.NOW
    if TherapyState.PLANNED in states:
        return Taking.PLANNED
    return Taking.UNCERTAIN if TherapyState.UNKNOWN in states else Taking.PAST


def _ended_by_all(medication: ReconciledEntry) -> bool:
    """Unclear only because the last supply may still be at hand: every order of it has ended, and
    nothing was handed over after that."""
    if medication.state is not TherapyState.UNKNOWN:
        return False
    orders = [line for line in medication.lines if is_order(line)]
    ends = [line.entry.stopped_on or line.entry.end for line in orders]
    known = [day for day in ends if day is not None]
    if len(known) < len(orders) or not known:
        return False
    if any(line.state is not TherapyState.STOPPED for line in orders):
        return False
    supplied = [line.entry.supplied_on for line in medication.lines if line.entry.supplied_on]
    return not supplied or max(supplied) <= max(known)


def begins(entry: MedicationEntry) -> date | None:
    """The first day that a line speaks of."""
    if entry.kind in ORDERS:
        return entry.start or entry.authored
    return entry.supplied_on or entry.start or entry.authored


def line_fact(entry: MedicationEntry) -> Fact:
    """The line as evidence: what it says, since when."""
    origin = entry.origin
    return Fact(
        origin.source, origin.reference, origin.version, "medication", entry.text, begins(entry)
    )


def runs_out(entry: MedicationEntry) -> date | None:
    """The last day that a supply or an injection covers; None where nothing tells how long."""
    day = begins(entry)
    length = entry.days_supply if entry.kind is _DISPENSE else entry.interval_d
    if day is None or length is None or length < 1:
        return None
    return date.fromordinal(min(day.toordinal() + int(length) - 1, _LAST))


def covered(line: PlacedLine, as_of: date) -> Episode | None:
    """The days of one line up to `as_of`; None for what is only planned or has no date at all."""
    entry = line.entry
    start = begins(entry)
    if line.state is _PLANNED or (start is not None and start > as_of):
        return None
    if entry.kind not in ORDERS:
        return None if start is None else Episode(start, runs_out(entry) or start)
    if line.state in _RUNNING:
        return Episode(start, None)
    end = entry.stopped_on or entry.end
    if start is None and end is None:
        return None
    return Episode(start, end or start)


def _merged(spans: Iterable[Episode], gap: timedelta) -> list[Episode]:
    merged: list[Episode] = []
    for span in spans:
        last = merged[-1] if merged else None
        if last is None or (
            last.end is not None and span.start is not None and span.start > last.end + gap
        ):
            merged.append(span)
        elif last.end is not None:
            end = None if span.end is None else max(last.end, span.end)
            merged[-1] = Episode(last.start, end)
    return merged
