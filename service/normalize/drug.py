"""A line's codings and text -> the drug, with the evidence for it and what contradicts it.

Order: RxNorm at any level (a retired code by its successor), NDC, then ATC, which names a substance
only, then text. SNOMED CT codes are shown and never mapped. The most specific concept that all
evidence supports wins. Codings that name different drugs, or a text that names another drug than
the code, make a conflict; nothing is guessed: without support for one of them the line stays
unresolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from service.model.concept import (
    Coding,
    DrugConcept,
    Ingredient,
    Resolution,
    ResolvedBy,
)
from service.normalize.drug_coded import Coded, coded_drugs, ingredient_sets, label, specificity
from service.normalize.drug_product import refined, with_shared_facts, without_strength
from service.normalize.drug_said import Said, by_name, said_by
from service.normalize.drug_strength import strength_differs, strengths_apart
from service.normalize.drug_table import DrugTable


@lru_cache(maxsize=32768)
def resolve(codings: tuple[Coding, ...], text: str, table: DrugTable) -> Resolution:
    """What a medication line is.

    Args:
        codings: as sent, in any order; displays count as texts.
        text: the line's own words ("" when it has none).
    Returns: `drug` with its evidence; `conflict` names the ingredients that another coding or the
        text speaks of, `strengths` those that codings and texts state where they differ; without
        `drug`, `candidates` are codes too close to choose between.
    """
    coded, notes = coded_drugs(codings, table)
    texts = dict.fromkeys(t for t in (text, *(c.display for c in codings)) if t.strip())
    said = {t: said_by(t, table) for t in texts}
    if not coded:
        return _by_text(tuple(said.values()), notes, table)
    sets = ingredient_sets(coded)
    if len(sets) > 1:
        return _disagreeing(coded, sets, said.get(text) or said_by("", table), notes, table)
    best = min((c for c in coded if c.drug.ingredients == sets[0]), key=specificity)
    words = _supporting(said.values(), best.drug)
    drug = with_shared_facts(best.drug, table)
    for one in words:
        if not strength_differs(best.drug, one.reading):
            drug = refined(drug, one.reading, table)
    evidence = [f"{label(c.coding)} ({c.drug.tty.value})" for c in sorted(coded, key=specificity)]
    if drug.rxcui != best.drug.rxcui:
        evidence.append(f"text leads to RxNorm {drug.rxcui} ({drug.tty.value})")
    evidence += [
        "the text states another strength than the code"
        for one in words
        if strength_differs(best.drug, one.reading)
    ][:1]
    other = _contradictions(coded, said, text, best.drug)
    if other:
        evidence.append("code and text do not agree on " + ", ".join(i.name for i in other))
    named = (best.drug, *(c.drug for c in coded), *(one.drug for one in said.values()))
    apart = strengths_apart(drug for drug in named if drug is not None)
    if apart:
        drug = without_strength(drug, table)
    return Resolution(drug, best.by, (*evidence, *notes), conflict=other, strengths=apart)


def _disagreeing(
    coded: Sequence[Coded],
    sets: list[tuple[Ingredient, ...]],
    said: Said,
    notes: tuple[str, ...],
    table: DrugTable,
) -> Resolution:
    labels = tuple(
        f"{label(c.coding)} names {' / '.join(i.name for i in c.drug.ingredients)}" for c in coded
    )
    supported = [c for c in coded if said.drug and c.drug.ingredients == said.drug.ingredients]
    if not supported:
        named_by_any = {i for one in sets for i in one}
        return Resolution(
            None,
            ResolvedBy.NOTHING,
            ("the codings name different drugs", *labels, *notes),
            conflict=tuple(sorted(named_by_any, key=by_name)),
            candidates=tuple(dict.fromkeys(c.drug.rxcui for c in sorted(coded, key=specificity))),
        )
    best = min(supported, key=specificity)
    drug = refined(with_shared_facts(best.drug, table), said.reading, table)
    other = {i for one in sets for i in one} - set(drug.ingredients)
    words = ("the codings name different drugs, the text supports one", *labels, *notes)
    return Resolution(drug, best.by, words, conflict=tuple(sorted(other, key=by_name)))


def _supporting(said: Iterable[Said], drug: DrugConcept) -> list[Said]:
    """Texts that name the same drug, or none at all ("100 mg tablet")."""
    return [
        one
        for one in said
        if (one.drug and one.drug.ingredients == drug.ingredients)
        or (one.drug is None and not one.candidates and not one.reading.words[:1])
    ]


def _contradictions(
    coded: Sequence[Coded], said: dict[str, Said], text: str, drug: DrugConcept
) -> tuple[Ingredient, ...]:
    """Ingredients that the text, or a coding's own display, names instead of the coded ones."""
    other: set[Ingredient] = set()
    own = {c.coding.display: c.drug for c in coded}
    for words, one in said.items():
        if one.drug is None or one.misspelled:
            continue
        meant = drug if words == text else own.get(words, drug)
        if set(one.drug.ingredients) != set(meant.ingredients):
            other |= set(one.drug.ingredients) ^ set(meant.ingredients)
    return tuple(sorted(other, key=by_name))


def _by_text(said: Sequence[Said], notes: tuple[str, ...], table: DrugTable) -> Resolution:
    """The first text that names a drug, where no text names another one."""
    clear = [one for one in said if one.drug is not None]
    if not clear:
        candidates = tuple(dict.fromkeys(c for one in said for c in one.candidates))
        words = ("the text names no drug of the table",) if not candidates else ()
        evidence = tuple(e for one in said for e in one.evidence)
        return Resolution(None, ResolvedBy.NOTHING, (*words, *evidence, *notes), (), candidates)
    best = clear[0]
    drug = best.drug
    by = ResolvedBy.SPELLING if best.misspelled else ResolvedBy.TEXT
    other = {
        i
        for one in clear
        if one.drug and drug and not one.misspelled
        for i in set(one.drug.ingredients) - set(drug.ingredients)
    }
    apart = strengths_apart(one.drug for one in clear if one.drug)
    if drug is not None and apart:
        drug = without_strength(drug, table)
    return Resolution(
        drug,
        by,
        (*best.evidence, *notes),
        conflict=tuple(sorted(other, key=by_name)),
        strengths=apart,
    )
