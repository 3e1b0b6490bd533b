"""What one text names, as one drug: as specific as its strength and its form leave certain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from service.model.concept import (
    NO_CODE,
    DrugConcept,
    Ingredient,
)
from service.normalize.drug_names import Named, named
from service.normalize.drug_product import refined, with_shared_facts
from service.normalize.drug_spelling import near_names
from service.normalize.drug_strength import states_own_strength
from service.normalize.drug_table import DrugTable
from service.normalize.drug_text import NOT_NAMES, TextReading, read_text


@dataclass(frozen=True, slots=True)
class Said:
    """What a text names, as one ingredient set: `drug` None when it names none or several."""

    drug: DrugConcept | None
    reading: TextReading
    evidence: tuple[str, ...] = ()
    misspelled: bool = False
    candidates: tuple[str, ...] = ()


@lru_cache(maxsize=32768)
def said_by(text: str, table: DrugTable) -> Said:
    reading = read_text(text)
    found = named(reading, table)
    base, doubt = _one_set(found, table)
    if base is None:
        close = doubt or _close_names(reading, table)
        why = ("the text names several drugs",) if doubt and found.ingredients else ()
        return Said(None, reading, why, candidates=close)
    drug = refined(with_shared_facts(base, table), reading, table)
    evidence = [f"text names {base.name}"]
    if found.misspelled:
        evidence.append(found.misspelled)
    if drug.rxcui.startswith(NO_CODE):
        evidence.append("no RxNorm code is known for it")
    if drug.rxcui != base.rxcui:
        evidence.append(f"text leads to RxNorm {drug.rxcui} ({drug.tty.value})")
    elif states_own_strength(drug):
        evidence.append("the strength is as the text states it")
    return Said(drug, reading, tuple(evidence), bool(found.misspelled))


def _one_set(found: Named, table: DrugTable) -> tuple[DrugConcept | None, tuple[str, ...]]:
    """The one ingredient-level concept or brand that is named, or the codes in doubt."""
    if not found:
        return None, ()
    everything = (*found.ingredients, *found.brands)
    in_words = {i for concept in found.ingredients for i in concept.ingredients}
    agreeing = [b for b in found.brands if in_words <= set(b.ingredients)]
    if agreeing:
        exact = [b for b in agreeing if set(b.ingredients) == in_words] or agreeing
        sets = {b.ingredients for b in exact}
        if len(sets) == 1:
            return min(exact, key=lambda b: int(b.rxcui)), ()
        return None, tuple(b.rxcui for b in exact)
    brands = {i for brand in found.brands for i in brand.ingredients}
    together = tuple(sorted(in_words | brands, key=by_name))
    if not found.brands and len({c.ingredients for c in found.ingredients}) == 1:
        return max(found.ingredients, key=lambda c: (len(c.precise), c.rxcui)), ()
    combination = table.combination(together)
    if combination is None:
        return None, tuple(dict.fromkeys(c.rxcui for c in everything))
    return combination, ()


def _close_names(reading: TextReading, table: DrugTable) -> tuple[str, ...]:
    words = [w for w in reading.words[: reading.head] if len(w) >= 5 and w not in NOT_NAMES]
    names = dict.fromkeys(name for word in words[:8] for name in near_names(word, table))
    return tuple(c.rxcui for name in names for c in table.by_ingredient_name(name)[:1])


def by_name(ingredient: Ingredient) -> tuple[str, str]:
    return (ingredient.name.casefold(), ingredient.rxcui)
