"""One source's view of one medication: its lines folded into what it says is taken.

Orders and statements say what is taken; dispenses and administrations are evidence of supply and
speak for the therapy only where the source holds nothing else. Order of trust inside a source:
current orders, then current statements and reported orders, then what was supplied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache

import msgspec
from msgspec import structs

from service.model.dosage import Dosage, Frequency
from service.model.medication import Kind, MedicationEntry, PlacedLine, TherapyState
from service.model.source import Role
from service.reconcile.dose import Dose, dose_of
from service.reconcile.reasons import Reasons, reasons
from service.reconcile.said import Said, said

_MOST_ALTERNATIVES = 8
_REQUEST, _DISPENSE, _ADMINISTRATION = Kind.REQUEST, Kind.DISPENSE, Kind.ADMINISTRATION
_CURRENT, _HELD, _STOPPED = TherapyState.CURRENT, TherapyState.HELD, TherapyState.STOPPED
_PLANNED, _UNKNOWN = TherapyState.PLANNED, TherapyState.UNKNOWN
_Lines = tuple[PlacedLine, ...]


class Holding(msgspec.Struct, frozen=True, gc=False):
    """What one source says of one medication.

    `base` are the lines that speak for the therapy (a split regimen has several), `superseded`
    older orders of the same requester that still stand open, `duplicates` orders that stand beside
    the base without being a split regimen, `supply` dispenses and administrations that still last.
    `said` is what the base says of drug and dose, `reasons` why. `ordered`: the source itself
    ordered or supplied it, rather than reporting it. `authored` is the newest day of the base.
    """

    source: str
    role: Role
    lines: _Lines
    state: TherapyState
    base: _Lines
    superseded: _Lines
    duplicates: _Lines
    supply: _Lines
    said: Said
    alternatives: tuple[Dose, ...]
    reasons: Reasons
    last_supplied: date | None
    ordered: bool
    authored: date | None

    @property
    def current(self) -> bool:
        return self.state is _CURRENT

    @property
    def dose(self) -> Dose:
        return self.said.dose

    @property
    def as_needed(self) -> bool:
        return self.said.as_needed


def is_order(entry: MedicationEntry) -> bool:
    return entry.kind is _REQUEST and not entry.reported


def is_supply(entry: MedicationEntry) -> bool:
    return entry.kind is _DISPENSE or entry.kind is _ADMINISTRATION


def holding(lines: Sequence[PlacedLine]) -> Holding:
    """The folded view of the lines of one source and one medication (at least one line)."""
    spoken: list[PlacedLine] = []
    handed_over: list[PlacedLine] = []
    last: date | None = None
    for line in lines:
        (handed_over if is_supply(line.entry) else spoken).append(line)
        supplied = line.last_supplied
        if supplied is not None and (last is None or supplied > last):
            last = supplied
    supply = tuple([line for line in handed_over if line.state is _CURRENT]) if handed_over else ()
    state = _state(spoken, lines, supply)
    base, superseded, duplicates = _base(spoken, handed_over, lines, state)
    entries = [line.entry for line in base]
    words = said(entries)
    authored: date | None = None
    for entry in entries:
        if entry.authored is not None and (authored is None or entry.authored > authored):
            authored = entry.authored
    first = lines[0].entry
    return Holding(
        first.origin.source,
        first.role,
        tuple(lines),
        state,
        base,
        superseded,
        duplicates,
        supply,
        words,
        _alternatives(words.dose, duplicates),
        reasons(entries),
        last,
        bool(handed_over) or any(is_order(line.entry) for line in spoken),
        authored,
    )


def _alternatives(dose: Dose, duplicates: Iterable[PlacedLine]) -> tuple[Dose, ...]:
    """The doses that a list may mean; the first alone where it has too many to mean any of them."""
    found = [dose]
    for line in duplicates:
        other = dose_of([line.entry])
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
    if _CURRENT in states:
        return _CURRENT
    if _HELD in states:
        return _HELD
    if supply and not _stopped_after(spoken, supply):
        return _CURRENT
    for state in (_PLANNED, _STOPPED, _UNKNOWN):
        if state in states:
            return state
    among = [line.state for line in lines]
    for state in (_HELD, _PLANNED, _UNKNOWN):
        if state in among:
            return state
    return _STOPPED


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


_Parts = tuple[_Lines, _Lines, _Lines]


def _base(
    spoken: Sequence[PlacedLine],
    handed_over: Sequence[PlacedLine],
    lines: Sequence[PlacedLine],
    state: TherapyState,
) -> _Parts:
    """Base, superseded and duplicate lines of a source."""
    same = [line for line in spoken if line.state is state]
    if len(same) == 1:
        return tuple(same), (), ()
    if same:
        return _split([line for line in same if is_order(line.entry)] or same)
    supplied = [line for line in handed_over if line.entry.supplied_on]
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
    ordered = sorted(lines, key=_newness, reverse=True)
    day, requester = ordered[0].entry.authored, _who(ordered[0].entry)
    base: list[PlacedLine] = []
    superseded: list[PlacedLine] = []
    duplicates: list[PlacedLine] = []
    shapes: set[tuple[object, ...]] = set()
    replaced = {link for line in lines for link in line.entry.links}
    for line in ordered:
        entry = line.entry
        own = _who(entry) == requester
        if own and entry.authored == day:
            shape = _shape(entry)
            (duplicates if shape in shapes else base).append(line)
            shapes.add(shape)
        elif own or entry.origin.reference in replaced:
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
    return product, _times(entry.dosages) or entry.timing


@lru_cache(maxsize=4096)
def _times(dosages: tuple[Dosage, ...]) -> tuple[Frequency | str, ...]:
    """When each instruction has it taken; in its own words where that was not read."""
    return tuple(
        structs.replace(d.frequency, count_max=None) if d.frequency else d.text for d in dosages
    )


def _latest_supply(lines: Sequence[PlacedLine]) -> tuple[PlacedLine, ...]:
    """The newest hand-over of each product that is still being handed out.

    An older product counts as well when it was handed over again after the newer one came in: two
    strengths side by side, and not a change from one to the other.
    """
    if len(lines) == 1:
        return tuple(lines)
    products: dict[str, list[PlacedLine]] = defaultdict(list)
    for line in lines:
        drug = line.entry.resolution.drug
        products[(drug.clinical_drug or drug.rxcui) if drug else ""].append(line)
    if len(products) == 1:
        return (max(lines, key=_handed_over),)
    runs = [
        (
            max(line.entry.supplied_on or date.min for line in run),
            min(line.entry.supplied_on or date.min for line in run),
            max(run, key=_handed_over),
        )
        for run in products.values()
    ]
    runs.sort(key=lambda run: (run[0], run[2].entry.origin.reference), reverse=True)
    newest_start = runs[0][1]
    return tuple(run[2] for run in runs if run is runs[0] or run[0] >= newest_start)


def _handed_over(line: PlacedLine) -> tuple[date, tuple[date, str]]:
    return line.entry.supplied_on or date.min, _newness(line)
