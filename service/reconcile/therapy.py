"""One medication as the comparisons see it: its holdings side by side, and their setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import msgspec

from service.model.concept import AdministrationClass, DrugConcept, Ingredient
from service.model.medication import MedicationEntry, PlacedLine, TherapyState
from service.model.source import SourceRead
from service.reconcile.dose import plain
from service.reconcile.holding import Holding
from service.reconcile.policy import Policy, Raise
from service.reconcile.said import Said
from service.reconcile.words import distinct

_CURRENT, _UNKNOWN = TherapyState.CURRENT, TherapyState.UNKNOWN


class Therapy(msgspec.Struct, frozen=True, gc=False):
    """One medication: `holdings` by source name, `lines` of all of them in the same order.

    `current` are the holdings that have it as current; `compared` is what can agree or disagree:
    those, and supply that ended not long ago; `words` is what these say, each once. `name` are the
    ingredients in words, or the text of a line whose drug nobody recognised. `last_supplied` is the
    newest supply that any source shows.
    """

    id: str
    ingredients: tuple[Ingredient, ...]
    administration: AdministrationClass
    holdings: tuple[Holding, ...]
    current: tuple[Holding, ...]
    compared: tuple[Holding, ...]
    words: tuple[Said, ...]
    rxcuis: frozenset[str]
    lines: tuple[PlacedLine, ...]
    name: str
    last_supplied: date | None

    def holding(self, source: str) -> Holding | None:
        return next((h for h in self.holdings if h.source == source), None)


def therapy_of(
    id_: str,
    ingredients: tuple[Ingredient, ...],
    administration: AdministrationClass,
    holdings: tuple[Holding, ...],
) -> Therapy:
    """A medication with its holdings sorted into what is current and what is compared."""
    lines = tuple([line for holding in holdings for line in holding.lines])
    supplied = [h.last_supplied for h in holdings if h.last_supplied is not None]
    compared = [
        h for h in holdings if h.state is _CURRENT or (h.state is _UNKNOWN and h.last_supplied)
    ]
    return Therapy(
        id_,
        ingredients,
        administration,
        holdings,
        tuple([h for h in holdings if h.state is _CURRENT]),
        tuple(compared),
        tuple(dict.fromkeys([h.said for h in compared])),
        _rxcuis(ingredients),
        lines,
        _name(ingredients)
        or next((line.entry.text for line in lines if line.entry.text), "unnamed drug"),
        max(supplied, default=None),
    )


@lru_cache(maxsize=16384)
def _rxcuis(ingredients: tuple[Ingredient, ...]) -> frozenset[str]:
    return frozenset(i.rxcui for i in ingredients)


@lru_cache(maxsize=16384)
def _name(ingredients: tuple[Ingredient, ...]) -> str:
    return " / ".join(i.name for i in ingredients)


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


def route_of(entry: MedicationEntry) -> str:
    return entry.route or (entry.resolution.drug.route if entry.resolution.drug else "")


def form_of(entry: MedicationEntry) -> str:
    drug = entry.resolution.drug
    return (drug.form if drug else "") or entry.form


def display(therapy: Therapy) -> str:
    """The medication as a pharmacist would say it; strength only where all sources have one."""
    if not therapy.ingredients:
        return therapy.name
    if therapy.compared:
        return _display(therapy.ingredients, therapy.words)
    entries = [line.entry for line in therapy.lines]
    drugs = [entry.resolution.drug for entry in entries if entry.resolution.drug]
    routes, forms = distinct(map(route_of, entries)), distinct(map(form_of, entries))
    return _product(therapy.ingredients, drugs, routes, forms)


@lru_cache(maxsize=16384)
def _display(ingredients: tuple[Ingredient, ...], held: tuple[Said, ...]) -> str:
    """Remembered by what the lists say."""
    return _product(
        ingredients,
        [drug for one in held for drug in one.drugs],
        distinct(route for one in held for route in one.routes),
        distinct(form for one in held for form in one.forms),
    )


def _product(
    ingredients: Sequence[Ingredient],
    drugs: Sequence[DrugConcept],
    routes: Sequence[str],
    forms: Sequence[str],
) -> str:
    words = [_strengths(ingredients, drugs)]
    releases = {drug.release for drug in drugs if drug.form}
    for values in (releases, routes, forms):
        if len(values) == 1:
            words.extend(value for value in values if value)
    return " ".join(words)


def _strengths(ingredients: Sequence[Ingredient], drugs: Sequence[DrugConcept]) -> str:
    stated = {tuple(sorted(drug.strengths, key=lambda s: s.rxcui)) for drug in drugs}
    strengths = next(iter(stated)) if len(stated) == 1 else ()
    by_rxcui = {strength.rxcui: strength for strength in strengths}
    parts = []
    for ingredient in ingredients:
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
