"""Drug concepts by their codes: RxCUI, NDC, ATC, retired ones.

The lines of the table's files stay text; a DrugConcept is made when it is first asked for, so that
loading costs tens of milliseconds and a run pays for the drugs that it meets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from service.model.concept import DrugConcept, Ingredient
from service.normalize.drug_concepts import Concepts
from service.normalize.drug_rows import (
    AdministrationRule,
    DoseForm,
    DrugWords,
    OtherCodes,
    TableFiles,
)
from service.normalize.ndc import ndc11, ndc_line

NO_RELEASE = "-"
"""Where a row's release would stand: kept by hand, of no release of RxNorm."""


class DrugCodes:
    """Concepts by code; the same code gives the same object. See DrugTable for the arguments."""

    def __init__(
        self,
        files: TableFiles,
        dose_forms: Mapping[str, DoseForm],
        rules: tuple[AdministrationRule, ...],
        moieties: Mapping[str, str],
        words: DrugWords,
        codes: OtherCodes | None = None,
    ) -> None:
        self._files = files
        self._moieties = moieties
        self._codes = codes or OtherCodes()
        self._read = Concepts(
            dose_forms, rules, moieties, words.stated_together, self.by_rxcui, self.ingredient
        )
        self._lines: dict[str, str] = {}
        for lines in (files.parts, files.products, files.branded, files.ingredients):
            self._lines.update(zip([line[: line.index("\t")] for line in lines], lines))  # noqa: B905
        self._concepts: dict[str, DrugConcept | None] = {}
        self._ingredients: dict[str, Ingredient] = {}

    def __len__(self) -> int:
        return len(self._lines)

    @cached_property
    def release(self) -> str:
        """The RxNorm releases that the rows come from, newest first ("2025-10, 2020-03")."""
        found = {line.rpartition("\t")[2] for line in self._files.ingredients}
        return ", ".join(sorted(found - {NO_RELEASE}, reverse=True))

    def is_current(self, rxcui: str) -> bool:
        """Whether the newest release still has this code."""
        return rxcui in self._lines and not self._old(rxcui)

    def rxcuis(self) -> Iterable[str]:
        """Every code that the table carries."""
        return self._lines.keys()

    def by_rxcui(self, rxcui: str) -> DrugConcept | None:
        """The concept of this code; None when the table does not carry it."""
        if rxcui not in self._concepts:
            line = self._lines.get(rxcui)
            if line is None:
                return None
            self._concepts[rxcui] = self._read.concept(line.split("\t"))
        return self._concepts[rxcui]

    def successor(self, rxcui: str) -> DrugConcept | None:
        """What took the place of a retired code, None when that is not known."""
        return self.by_rxcui(self._codes.successors.get(rxcui, ""))

    def by_atc(self, code: str) -> DrugConcept | None:
        """The ingredient of an ATC code of a substance (fifth level)."""
        return self.by_rxcui(self._codes.atc.get(code.strip().upper(), ""))

    def by_ndc(self, text: str) -> DrugConcept | None:
        """The product of an NDC of 10 or 11 digits, with or without hyphens.

        Ten digits without hyphens do not say where the missing zero belongs: they lead to a product
        only when all readings that the table knows agree. Packages that the table does not list are
        found by labeler and product (the first nine digits), which name the drug (21 CFR 207.33).
        """
        found = {self._ndc(ndc) for ndc in ndc11(text)} - {""}
        return self.by_rxcui(found.pop()) if len(found) == 1 else None

    def _ndc(self, ndc: str) -> str:
        return ndc_line(self._files.ndc, ndc) or ndc_line(self._files.ndc, ndc[:9])

    def ingredient(self, rxcui: str) -> Ingredient | None:
        """The ingredient (IN or PIN) of this code, as RxNorm names it."""
        known = self._ingredients.get(rxcui)
        if known is None:
            line = self._lines.get(rxcui, "").split("\t")
            if len(line) != 5 or line[1] not in {"IN", "PIN"}:
                return None
            known = self._ingredients[rxcui] = Ingredient(rxcui, line[2])
        return known

    def moiety(self, rxcui: str) -> Ingredient | None:
        """The ingredient that reconciliation goes by: the moiety of a salt, else itself."""
        return self.ingredient(self._moieties.get(rxcui, rxcui))

    def _old(self, rxcui: str) -> bool:
        return not self._lines[rxcui].endswith(self.release.partition(",")[0])

    def _name(self, rxcui: str) -> str:
        found = self.ingredient(rxcui)
        return found.name if found else rxcui
