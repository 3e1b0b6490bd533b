"""One source's view of one medication: its lines folded into what it says is taken.

Orders and statements say what is taken; dispenses and administrations are evidence of supply and
speak for the therapy only where the source holds nothing else. Order of trust inside a source:
current orders, then current statements and reported orders, then what was supplied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

import msgspec

from service.model.medication import Kind, MedicationEntry, PlacedLine, TherapyState
from service.model.source import Role
from service.reconcile.dose import Dose, dose_of

_MOST_ALTERNATIVES = 8
_SUPPLY = frozenset({Kind.DISPENSE, Kind.ADMINISTRATION})


class Holding(msgspec.Struct, frozen=True, gc=False):
    """What one source says of one medication.

    `base` are the lines that speak for the therapy (a split regimen has several), `superseded`
    older orders of the same requester that still stand open, `duplicates` orders that stand beside
    the base without being a split regimen, `supply` dispenses and administrations that still last.
    `ordered`: the source itself ordered or supplied it, rather than reporting it. `authored` is the
    newest day of the base.
    """

    source: str
    role: Role
    lines: tuple[PlacedLine, ...]
    state: TherapyState
    base: tuple[PlacedLine, ...]
    superseded: tuple[PlacedLine, ...]
    duplicates: tuple[PlacedLine, ...]
    supply: tuple[PlacedLine, ...]
    dose: Dose
    alternatives: tuple[Dose, ...]
    last_supplied: date | None
    as_needed: bool
    ordered: bool
    authored: date | None

    @property
    def current(self) -> bool:
        return self.state is TherapyState.CURRENT


def is_order(entry: MedicationEntry) -> bool:
    return entry.kind is Kind.REQUEST and not entry.reported


def is_supply(entry: MedicationEntry) -> bool:
    return entry.kind in _SUPPLY


def holding(lines: Sequence[PlacedLine]) -> Holding:
    """The folded view of the lines of one source and one medication (at least one line)."""
    spoken = [line for line in lines if not is_supply(line.entry)]
    handed_over = [line for line in lines if is_supply(line.entry)]
    supply = tuple(line for line in handed_over if line.state is TherapyState.CURRENT)
    state = _state(spoken, lines, supply)
    base, superseded, duplicates = _base(spoken, lines, state)
    entries = [line.entry for line in base]
    dose = dose_of(entries)
    others = _distinct(dose, (dose_of([x.entry]) for x in duplicates)) if duplicates else (dose,)
    first = lines[0].entry
    supplied = [line.last_supplied for line in lines if line.last_supplied]
    return Holding(
        source=first.origin.source,
        role=first.role,
        lines=tuple(lines),
        state=state,
        base=base,
        superseded=superseded,
        duplicates=duplicates,
        supply=supply,
        dose=dose,
        alternatives=others,
        last_supplied=max(supplied, default=None),
        as_needed=any(entry.as_needed for entry in entries),
        ordered=bool(handed_over) or any(is_order(line.entry) for line in spoken),
        authored=max((e.authored for e in entries if e.authored), default=None),
    )


def _distinct(dose: Dose, others: Iterable[Dose]) -> tuple[Dose, ...]:
    """The doses that a list may mean; the first alone where it has too many to mean any of them."""
    found = [dose]
    for other in others:
        if all(other.amounts != one.amounts for one in found):
            found.append(other)
            if len(found) > _MOST_ALTERNATIVES:
                return (dose,)
    return tuple(found)


def _state(
    spoken: Sequence[PlacedLine], lines: Sequence[PlacedLine], supply: Sequence[PlacedLine]
) -> TherapyState:
    """The state that a source as a whole stands for.

    A finished order (`completed`, past its end) with supply that still lasts is current; an order
    that was stopped, cancelled or not taken stays stopped whatever is left at home, unless
    something was handed over after the stop.
    """
    states = [line.state for line in spoken]
    if TherapyState.CURRENT in states:
        return TherapyState.CURRENT
    if TherapyState.HELD in states:
        return TherapyState.HELD
    if supply and not _stopped_after(spoken, supply):
        return TherapyState.CURRENT
    for state in (TherapyState.PLANNED, TherapyState.STOPPED, TherapyState.UNKNOWN):
        if state in states:
            return state
    among = {line.state for line in lines}
    for state in (TherapyState.HELD, TherapyState.PLANNED, TherapyState.UNKNOWN):
        if state in among:
            return state
    return TherapyState.STOPPED


def _stopped_after(spoken: Sequence[PlacedLine], supply: Sequence[PlacedLine]) -> bool:
    newest = max((d for line in supply if (d := line.entry.supplied_on)), default=date.min)
    for line in spoken:
        entry = line.entry
        if entry.status in ("stopped", "cancelled", "not-taken") or entry.taken == "not":
            when = stopped_on(entry)
            if when is None or when >= newest:
                return True
    return False


def stopped_on(entry: MedicationEntry) -> date | None:
    """When the stop is documented: its own date, else the end, else when a statement was made."""
    if entry.stopped_on or entry.end:
        return entry.stopped_on or entry.end
    return entry.authored if entry.kind is Kind.STATEMENT else None


_Parts = tuple[tuple[PlacedLine, ...], tuple[PlacedLine, ...], tuple[PlacedLine, ...]]


def _base(spoken: Sequence[PlacedLine], lines: Sequence[PlacedLine], state: TherapyState) -> _Parts:
    """Base, superseded and duplicate lines of a source."""
    same = [line for line in spoken if line.state is state]
    orders = [line for line in same if is_order(line.entry)]
    if orders:
        return _split(orders)
    if same:
        return _split(same)
    supplied = [line for line in lines if is_supply(line.entry) and line.entry.supplied_on]
    if supplied:
        return _latest_supply(supplied), (), ()
    return tuple(lines[:1]), (), ()


def _split(lines: Sequence[PlacedLine]) -> _Parts:
    """The newest regimen; what is older of the same requester; what stands beside it.

    A regimen is one requester's lines of one day with different times or strengths: 50 mg in the
    morning and 300 mg at night add up. Two lines of one requester and day that say the same are
    duplicates, as are lines of another requester.
    """
    if len(lines) == 1:
        return tuple(lines), (), ()
    newest = max(lines, key=_newness)
    day, requester = newest.entry.authored, _who(newest.entry)
    base: list[PlacedLine] = []
    superseded: list[PlacedLine] = []
    duplicates: list[PlacedLine] = []
    shapes: set[tuple[object, ...]] = set()
    replaced = {link for line in lines for link in line.entry.links}
    for line in sorted(lines, key=_newness, reverse=True):
        entry = line.entry
        if _who(entry) == requester and entry.authored == day:
            shape = _shape(entry)
            (duplicates if shape in shapes else base).append(line)
            shapes.add(shape)
        elif _who(entry) == requester or entry.origin.reference in replaced:
            superseded.append(line)
        else:
            duplicates.append(line)
    return tuple(base), tuple(superseded), tuple(duplicates)


def _newness(line: PlacedLine) -> tuple[date, str]:
    return line.entry.authored or line.entry.start or date.min, line.entry.origin.reference


def _who(entry: MedicationEntry) -> str:
    return entry.requester_key or entry.requester.casefold()


def _shape(entry: MedicationEntry) -> tuple[object, ...]:
    """What tells two parts of a split regimen apart: product and time."""
    drug = entry.resolution.drug
    product = (drug.clinical_drug or drug.rxcui) if drug else entry.text
    times = tuple(
        (d.frequency.count, d.frequency.period_d, d.frequency.when, d.frequency.days)
        if d.frequency
        else (d.text,)
        for d in entry.dosages
    )
    return product, times or entry.timing


def _latest_supply(lines: Sequence[PlacedLine]) -> tuple[PlacedLine, ...]:
    """The newest hand-over of each product that is still being handed out.

    An older product counts as well when it was handed over again after the newer one came in: two
    strengths side by side, and not a change from one to the other.
    """
    products: dict[str, list[PlacedLine]] = defaultdict(list)
    for line in lines:
        drug = line.entry.resolution.drug
        products[(drug.clinical_drug or drug.rxcui) if drug else ""].append(line)
    runs = [
        (
            max(line.entry.supplied_on or date.min for line in run),
            min(line.entry.supplied_on or date.min for line in run),
            max(run, key=lambda line: (line.entry.supplied_on or date.min, _newness(line))),
        )
        for run in products.values()
    ]
    runs.sort(key=lambda run: (run[0], run[2].entry.origin.reference), reverse=True)
    newest_start = runs[0][1]
    return tuple(run[2] for run in runs if run is runs[0] or run[0] >= newest_start)
