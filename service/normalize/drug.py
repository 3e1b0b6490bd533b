"""A line's codings and text -> the drug, with the evidence for it and what contradicts it.

Order: RxNorm at any level (a retired code by its successor), NDC, then ATC, which names a substance
only, then text. SNOMED CT codes are shown and never mapped. The most specific concept that all
evidence supports wins. Codings that name different drugs, or a text that names another drug than
the code, make a conflict; nothing is guessed: without support for one of them the line stays
unresolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from service.model.concept import (
    ATC,
    NDC,
    NO_CODE,
    RXNORM,
    SNOMED,
    Coding,
    DrugConcept,
    Ingredient,
    Resolution,
    ResolvedBy,
    TermType,
)
from service.normalize.drug_names import Named, named
from service.normalize.drug_product import refined, with_shared_facts
from service.normalize.drug_spelling import near_names
from service.normalize.drug_strength import states_own_strength, strength_differs
from service.normalize.drug_table import DrugTable
from service.normalize.drug_text import NOT_NAMES, TextReading, read_text

_NDC_SYSTEMS = frozenset({NDC, "urn:oid:2.16.840.1.113883.6.69"})
_RXNORM_SYSTEMS = frozenset({RXNORM, "urn:oid:2.16.840.1.113883.6.88"})
_SYSTEM_NAMES = {SNOMED: "SNOMED CT", ATC: "ATC", NDC: "NDC", RXNORM: "RxNorm"}
_MOST_SPECIFIC = (
    TermType.BPCK, TermType.SBD, TermType.GPCK, TermType.SCD, TermType.SBDF, TermType.SBDC,
    TermType.SCDF, TermType.SCDC, TermType.SBDG, TermType.SCDG, TermType.BN, TermType.PIN,
    TermType.MIN, TermType.IN, TermType.DF,
)  # fmt: skip
_ORDER = (ResolvedBy.CODING, ResolvedBy.NDC, ResolvedBy.MAPPED)
_ONE_OF_SEVERAL = frozenset({TermType.IN, TermType.PIN, TermType.SCDC})


@dataclass(frozen=True, slots=True)
class _Coded:
    """A coding that the table knows."""

    coding: Coding
    drug: DrugConcept
    by: ResolvedBy


@dataclass(frozen=True, slots=True)
class _Said:
    """What a text names, as one ingredient set: `drug` None when it names none or several."""

    drug: DrugConcept | None
    reading: TextReading
    evidence: tuple[str, ...] = ()
    misspelled: bool = False
    candidates: tuple[str, ...] = ()


@lru_cache(maxsize=32768)
def resolve(codings: tuple[Coding, ...], text: str, table: DrugTable) -> Resolution:
    """What a medication line is.

    Args:
        codings: as sent, in any order; displays count as texts.
        text: the line's own words ("" when it has none).
    Returns: `drug` with its evidence; `conflict` names the ingredients that another coding or the
        text speaks of; without `drug`, `candidates` are codes too close to choose between.
    """
    coded, notes = _coded(codings, table)
    texts = dict.fromkeys(t for t in (text, *(c.display for c in codings)) if t.strip())
    said = {t: _said(t, table) for t in texts}
    if not coded:
        return _by_text(tuple(said.values()), notes)
    sets = _ingredient_sets(coded)
    if len(sets) > 1:
        return _disagreeing(coded, sets, said.get(text) or _said("", table), notes, table)
    best = min((c for c in coded if c.drug.ingredients == sets[0]), key=_specificity)
    words = _supporting(said.values(), best.drug)
    drug = with_shared_facts(best.drug, table)
    for one in words:
        if not strength_differs(best.drug, one.reading):
            drug = refined(drug, one.reading, table)
    evidence = [f"{_label(c.coding)} ({c.drug.tty.value})" for c in sorted(coded, key=_specificity)]
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
    return Resolution(drug, best.by, (*evidence, *notes), conflict=other)


def _coded(codings: Iterable[Coding], table: DrugTable) -> tuple[list[_Coded], tuple[str, ...]]:
    """Codings that the table knows, and words about those that it does not."""
    known: list[_Coded] = []
    notes: list[str] = []
    for coding in codings:
        drug: DrugConcept | None = None
        by = ResolvedBy.CODING
        if coding.system in _RXNORM_SYSTEMS:
            drug = table.by_rxcui(coding.code)
            if drug is None and (drug := table.successor(coding.code)):
                notes.append(f"{_label(coding)} is retired; its successor is {drug.rxcui}")
        elif coding.system == ATC:
            drug, by = table.by_atc(coding.code), ResolvedBy.MAPPED
        elif coding.system in _NDC_SYSTEMS:
            drug, by = table.by_ndc(coding.code), ResolvedBy.NDC
        elif coding.system not in _SYSTEM_NAMES:
            continue
        if drug is not None and drug.ingredients:
            known.append(_Coded(coding, drug, by))
        elif coding.code:
            notes.append(f"{_label(coding)} is not in the drug table")
    return known, tuple(dict.fromkeys(notes))


def _label(coding: Coding) -> str:
    system = "NDC" if coding.system in _NDC_SYSTEMS else _SYSTEM_NAMES.get(coding.system, "RxNorm")
    return f"{system} {coding.code}"


def _specificity(coded: _Coded) -> tuple[int, int, str]:
    place = _MOST_SPECIFIC.index(coded.drug.tty)
    return (_ORDER.index(coded.by), place, coded.coding.code)


def _ingredient_sets(coded: Sequence[_Coded]) -> list[tuple[Ingredient, ...]]:
    """The different ingredient sets; codes for one ingredient of a coded combination are part."""
    sets = list(dict.fromkeys(c.drug.ingredients for c in coded))
    whole = {c.drug.ingredients for c in coded if c.drug.tty not in _ONE_OF_SEVERAL}
    return [s for s in sets if s in whole or not any(set(s) < set(other) for other in whole)]


def _disagreeing(
    coded: Sequence[_Coded],
    sets: list[tuple[Ingredient, ...]],
    said: _Said,
    notes: tuple[str, ...],
    table: DrugTable,
) -> Resolution:
    labels = tuple(
        f"{_label(c.coding)} names {' / '.join(i.name for i in c.drug.ingredients)}" for c in coded
    )
    supported = [c for c in coded if said.drug and c.drug.ingredients == said.drug.ingredients]
    if not supported:
        named_by_any = {i for one in sets for i in one}
        return Resolution(
            None,
            ResolvedBy.NOTHING,
            ("the codings name different drugs", *labels, *notes),
            conflict=tuple(sorted(named_by_any, key=_by_name)),
            candidates=tuple(dict.fromkeys(c.drug.rxcui for c in sorted(coded, key=_specificity))),
        )
    best = min(supported, key=_specificity)
    drug = refined(with_shared_facts(best.drug, table), said.reading, table)
    other = {i for one in sets for i in one} - set(drug.ingredients)
    words = ("the codings name different drugs, the text supports one", *labels, *notes)
    return Resolution(drug, best.by, words, conflict=tuple(sorted(other, key=_by_name)))


def _supporting(said: Iterable[_Said], drug: DrugConcept) -> list[_Said]:
    """Texts that name the same drug, or none at all ("100 mg tablet")."""
    return [
        one
        for one in said
        if (one.drug and one.drug.ingredients == drug.ingredients)
        or (one.drug is None and not one.candidates and not one.reading.words[:1])
    ]


def _contradictions(
    coded: Sequence[_Coded], said: dict[str, _Said], text: str, drug: DrugConcept
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
    return tuple(sorted(other, key=_by_name))


def _by_text(said: Sequence[_Said], notes: tuple[str, ...]) -> Resolution:
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
    return Resolution(
        drug, by, (*best.evidence, *notes), conflict=tuple(sorted(other, key=_by_name))
    )


@lru_cache(maxsize=32768)
def _said(text: str, table: DrugTable) -> _Said:
    reading = read_text(text)
    found = named(reading, table)
    base, doubt = _one_set(found, table)
    if base is None:
        close = doubt or _close_names(reading, table)
        why = ("the text names several drugs",) if doubt and found.ingredients else ()
        return _Said(None, reading, why, candidates=close)
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
    return _Said(drug, reading, tuple(evidence), bool(found.misspelled))


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
    together = tuple(sorted(in_words | brands, key=_by_name))
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


def _by_name(ingredient: Ingredient) -> tuple[str, str]:
    return (ingredient.name.casefold(), ingredient.rxcui)
