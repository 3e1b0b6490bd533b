"""One medication as the comparisons see it: its holdings side by side, and their setting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from service.model.concept import AdministrationClass, DrugConcept, Ingredient
from service.model.medication import MedicationEntry, PlacedLine, TherapyState
from service.model.source import SourceRead
from service.reconcile.dose import plain
from service.reconcile.holding import Holding
from service.reconcile.policy import Policy, Raise


class Therapy(msgspec.Struct, frozen=True, gc=False):
    """One medication: `holdings` by source name, `lines` of all of them in the same order.

    `current` are the holdings that have it as current; `compared` is what can agree or disagree:
    those, and supply that ended not long ago. `name` are the ingredients in words, or the text of a
    line whose drug nobody recognised.
    """

    id: str
    ingredients: tuple[Ingredient, ...]
    administration: AdministrationClass
    holdings: tuple[Holding, ...]
    current: tuple[Holding, ...]
    compared: tuple[Holding, ...]
    rxcuis: frozenset[str]
    lines: tuple[PlacedLine, ...]
    name: str

    @property
    def last_supplied(self) -> date | None:
        return max((h.last_supplied for h in self.holdings if h.last_supplied), default=None)

    def holding(self, source: str) -> Holding | None:
        return next((h for h in self.holdings if h.source == source), None)


def therapy_of(
    id_: str,
    ingredients: tuple[Ingredient, ...],
    administration: AdministrationClass,
    holdings: tuple[Holding, ...],
) -> Therapy:
    """A medication with its holdings sorted into what is current and what is compared."""
    lines = tuple(line for holding in holdings for line in holding.lines)
    named = " / ".join(i.name for i in ingredients) or next(
        (line.entry.text for line in lines if line.entry.text), "unnamed drug"
    )
    return Therapy(
        id=id_,
        ingredients=ingredients,
        administration=administration,
        holdings=holdings,
        current=tuple(h for h in holdings if h.current),
        compared=tuple(
            h
            for h in holdings
            if h.current or (h.state is TherapyState.UNKNOWN and h.last_supplied)
        ),
        rxcuis=frozenset(i.rxcui for i in ingredients),
        lines=lines,
        name=named,
    )


@dataclass(frozen=True, slots=True)
class Setting:
    """What every comparison is told besides the medication: policy, day, sources, patient.

    `reads` by source name. `risks` are those of the patient (age, kidney). `suppliers` are sources
    that show supply for this patient and whose medication types are complete. `network`
    names, for each supplier, the sources with an order that it dispensed. `lithium`: one of the
    current medications is lithium. `by_ingredient` finds the medications that contain one,
    `unread` counts the lines of each source that run and whose drug nobody recognised.
    """

    policy: Policy
    as_of: date
    reads: tuple[SourceRead, ...]
    risks: frozenset[Raise]
    suppliers: frozenset[str]
    network: Mapping[str, frozenset[str]]
    lithium: bool
    by_ingredient: Mapping[str, tuple[Therapy, ...]]
    unread: Mapping[str, int]


def distinct(values: Iterable[str]) -> tuple[str, ...]:
    """Non-empty values, each once, sorted."""
    found = set(values)
    found.discard("")
    return tuple(found) if len(found) < 2 else tuple(sorted(found))


def route_of(entry: MedicationEntry) -> str:
    return entry.route or (entry.resolution.drug.route if entry.resolution.drug else "")


def form_of(entry: MedicationEntry) -> str:
    drug = entry.resolution.drug
    return (drug.form if drug else "") or entry.form


def product_of(entry: MedicationEntry) -> str:
    """RxCUI of the generic clinical drug; empty at ingredient level."""
    drug = entry.resolution.drug
    if drug is None or not drug.strengths:
        return ""
    return drug.clinical_drug or drug.rxcui


def display(therapy: Therapy) -> str:
    """The medication as a pharmacist would say it; strength only where all sources have one."""
    if not therapy.ingredients:
        return therapy.name
    lines = [line for h in therapy.compared for line in h.base] or list(therapy.lines)
    drugs = [line.entry.resolution.drug for line in lines if line.entry.resolution.drug]
    words = [_strengths(therapy, drugs)]
    forms = distinct(form_of(line.entry) for line in lines)
    routes = distinct(route_of(line.entry) for line in lines)
    releases = {drug.release for drug in drugs if drug.form}
    for values in (releases, routes, forms):
        if len(values) == 1:
            words.extend(value for value in values if value)
    return " ".join(words)


def _strengths(therapy: Therapy, drugs: Sequence[DrugConcept]) -> str:
    stated = {tuple(sorted(drug.strengths, key=lambda s: s.rxcui)) for drug in drugs}
    strengths = next(iter(stated)) if len(stated) == 1 else ()
    by_rxcui = {strength.rxcui: strength for strength in strengths}
    parts = []
    for ingredient in therapy.ingredients:
        strength = by_rxcui.get(ingredient.rxcui)
        if strength is None:
            parts.append(ingredient.name)
            continue
        amount = f"{plain(strength.value)} {strength.unit}"
        if strength.per_unit:
            per = "" if strength.per_value == 1 else f"{plain(strength.per_value)} "
            amount += f"/{per}{strength.per_unit}"
        parts.append(f"{ingredient.name} {amount}")
    return " / ".join(parts)
