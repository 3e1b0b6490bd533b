"""The codings of a line that the drug table knows, how specific each is, and what they name.

RxNorm at any level (a retired code by its successor), NDC, and ATC, which names a substance only.
SNOMED CT codes are shown and never mapped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.model.concept import (
    ATC,
    NDC,
    RXNORM,
    SNOMED,
    Coding,
    DrugConcept,
    Ingredient,
    ResolvedBy,
    TermType,
)
from service.normalize.drug_table import DrugTable

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
class Coded:
    """A coding that the table knows."""

    coding: Coding
    drug: DrugConcept
    by: ResolvedBy


def coded_drugs(codings: Iterable[Coding], table: DrugTable) -> tuple[list[Coded], tuple[str, ...]]:
    """Codings that the table knows, and words about those that it does not."""
    known: list[Coded] = []
    notes: list[str] = []
    for coding in codings:
        drug: DrugConcept | None = None
        by = ResolvedBy.CODING
        if coding.system in _RXNORM_SYSTEMS:
            drug = table.by_rxcui(coding.code)
            if drug is None and (drug := table.successor(coding.code)):
                notes.append(f"{label(coding)} is retired; its successor is {drug.rxcui}")
        elif coding.system == ATC:
            drug, by = table.by_atc(coding.code), ResolvedBy.MAPPED
        elif coding.system in _NDC_SYSTEMS:
            drug, by = table.by_ndc(coding.code), ResolvedBy.NDC
        elif coding.system not in _SYSTEM_NAMES:
            continue
        if drug is not None and drug.ingredients:
            known.append(Coded(coding, drug, by))
        elif coding.code:
            notes.append(f"{label(coding)} is not in the drug table")
    return known, tuple(dict.fromkeys(notes))


def label(coding: Coding) -> str:
    system = "NDC" if coding.system in _NDC_SYSTEMS else _SYSTEM_NAMES.get(coding.system, "RxNorm")
    return f"{system} {coding.code}"


def specificity(coded: Coded) -> tuple[int, int, str]:
    place = _MOST_SPECIFIC.index(coded.drug.tty)
    return (_ORDER.index(coded.by), place, coded.coding.code)


def ingredient_sets(coded: Sequence[Coded]) -> list[tuple[Ingredient, ...]]:
    """The different ingredient sets; codes for one ingredient of a coded combination are part."""
    sets = list(dict.fromkeys(c.drug.ingredients for c in coded))
    whole = {c.drug.ingredients for c in coded if c.drug.tty not in _ONE_OF_SEVERAL}
    return [s for s in sets if s in whole or not any(set(s) < set(other) for other in whole)]
