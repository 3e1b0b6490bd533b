"""The drug table: RxNorm concepts by name and by content, and by the codes of DrugCodes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache

from msgspec.structs import replace

from service.model.concept import DrugConcept, Ingredient, TermType
from service.normalize.drug_codes import DrugCodes
from service.normalize.drug_rows import (
    AdministrationRule,
    DoseForm,
    DrugWords,
    OtherCodes,
    TableFiles,
    folded,
    strength_text,
)


class DrugTable(DrugCodes):
    """Concepts by RxCUI, NDC, name and content; the same question gives the same object.

    Args:
        files: the lines (see TableFiles).
        dose_forms: DoseForm by RxNorm dose form.
        rules: what overrides a dose form's administration class, the first that fits counts.
        moieties: RxCUI of an ingredient that is a salt of its own -> the moiety's RxCUI.
        words: synonyms, lines of brands, look-alikes.
        codes: ATC codes and retired ones.
    """

    def __init__(
        self,
        files: TableFiles,
        dose_forms: Mapping[str, DoseForm],
        rules: tuple[AdministrationRule, ...],
        moieties: Mapping[str, str],
        words: DrugWords,
        codes: OtherCodes | None = None,
    ) -> None:
        super().__init__(files, dose_forms, rules, moieties, words, codes)
        self._words = words
        self.lookalikes = words.lookalikes
        self.other_words = words.others
        self._by_moieties: dict[tuple[str, ...], tuple[DrugConcept, ...]] = {}

    def stated_together(self, ingredients: frozenset[str]) -> bool:
        """Whether people state the strength of this combination as one sum."""
        return ingredients in self._words.stated_together

    def by_name(self, folded: str) -> tuple[DrugConcept, ...]:
        """Concepts of this name in `folded` form; ingredients before precise ones before brands.

        Ingredient-level names and brands are looked up first, the names of products only when there
        are none.
        """
        rxcuis = self.names.get(folded) or self._product_names.get(folded, ())
        return tuple(c for c in map(self.by_rxcui, rxcuis) if c is not None)

    def by_ingredient_name(self, folded_name: str) -> tuple[DrugConcept, ...]:
        """Ingredients, precise ingredients, combinations and brands of this folded name."""
        line = self._words.brand_lines.get(folded_name)
        if line is not None:
            brands = self.by_ingredient_name(folded(line.brand))
            return tuple(
                replace(
                    brand,
                    form=line.form,
                    release=line.release,
                    administration=line.administration,
                )
                for brand in brands
            )
        found = map(self.by_rxcui, self.names.get(folded_name, ()))
        return tuple(concept for concept in found if concept is not None)

    def of_ingredients(self, ingredients: Iterable[str]) -> tuple[DrugConcept, ...]:
        """Unbranded products and components with exactly these moieties, current ones first."""
        return self._of_ingredients(tuple(sorted(ingredients)))

    def combination(self, ingredients: Iterable[Ingredient]) -> DrugConcept | None:
        """The combination of exactly these ingredients, None when no product combines them.

        RxNorm's MIN where the table carries it, else a concept without a code of its own.
        """
        asked = tuple(ingredients)
        coded = self._combinations.get(frozenset(i.rxcui for i in asked))
        if coded:
            return self.by_rxcui(coded)
        if not self._of_ingredients(tuple(sorted(i.rxcui for i in asked))):
            return None
        together = self.stated_together(frozenset(i.rxcui for i in asked))
        name = " / ".join(i.name for i in asked)
        return DrugConcept("", TermType.MIN, name, asked, stated_as_sum=together)

    def branded_whole(self, ingredients: Iterable[str]) -> tuple[DrugConcept, ...]:
        """Branded products of these moieties whose generic the table does not carry."""
        rows = self._rows_of(tuple(sorted(ingredients)))
        return tuple(concept for concept in rows if concept.brand)

    def branded(self, generic: str, brand: str) -> tuple[DrugConcept, ...]:
        """Concepts of this unbranded one under a brand, whose name is given in `folded` form."""
        lines = (
            line
            for line in self._branded.get(generic, ())
            if _brand(line.split("\t", 4)[3]) == brand
        )
        found = (self.by_rxcui(line[: line.index("\t")]) for line in lines)
        return tuple(concept for concept in found if concept is not None)

    def product(
        self, ingredients: Iterable[str], strengths: Iterable[str], form: str, release: str = ""
    ) -> DrugConcept | None:
        """The one unbranded product of this content, None when there is none or a choice.

        Args:
            ingredients: RxCUIs of moieties, in the order of `strengths` ("100 mg", "2 mg/mL").
            form: form group ("tablet").
            release: "", "ER", "DR" or "ODT".
        """
        asked = sorted(zip(ingredients, strengths, strict=True))
        found = [
            concept
            for concept in self.of_ingredients(rxcui for rxcui, _ in asked)
            if concept.tty is TermType.SCD
            and (concept.form, concept.release) == (form, release)
            and sorted((s.rxcui, strength_text(s)) for s in concept.strengths) == asked
        ]
        return found[0] if len({concept.dose_form for concept in found}) == 1 else None

    @cached_property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """RxCUIs of ingredients, precise ingredients, combinations, brands by name or synonym."""
        names: dict[str, tuple[str, ...]] = {}
        for line in self._files.ingredients:
            rxcui, _, name, _ = line.split("\t", 3)
            key = folded(name)
            names[key] = (*names.get(key, ()), rxcui)
        for synonym, rxcui in self._words.synonyms.items():
            names.setdefault(synonym, (rxcui,))
        for line in self._words.brand_lines:
            names.setdefault(line, ())
        return names

    @cached_property
    def _product_names(self) -> Mapping[str, tuple[str, ...]]:
        names: dict[str, tuple[str, ...]] = {}
        for lines in (self._files.products, self._files.parts):
            for line in lines:
                rxcui, _, name, _ = line.split("\t", 3)
                key = folded(name)
                names[key] = (*names.get(key, ()), rxcui)
        return names

    @cached_property
    def _branded(self) -> Mapping[str, list[str]]:
        """Lines of branded concepts by their generic, in the order of the file."""
        lines: dict[str, list[str]] = {}
        for line in self._files.branded:
            lines.setdefault(line.split("\t", 3)[2], []).append(line)
        return lines

    @cached_property
    def _salts(self) -> Mapping[str, tuple[str, ...]]:
        salts: dict[str, tuple[str, ...]] = {}
        for salt, moiety in self._moieties.items():
            salts[moiety] = (*salts.get(moiety, (moiety,)), salt)
        return salts

    @cached_property
    def _combinations(self) -> Mapping[frozenset[str], str]:
        found: dict[frozenset[str], str] = {}
        for line in self._files.ingredients:
            rxcui, tty, _, ingredients, _ = line.split("\t")
            if tty == "MIN":
                moieties = (self._moieties.get(i, i) for i in ingredients.split("|"))
                found.setdefault(frozenset(moieties), rxcui)
        return found

    def _of_ingredients(self, moieties: tuple[str, ...]) -> tuple[DrugConcept, ...]:
        return tuple(concept for concept in self._rows_of(moieties) if not concept.brand)

    def _rows_of(self, moieties: tuple[str, ...]) -> tuple[DrugConcept, ...]:
        """Concepts of products.tsv and parts.tsv with these moieties, current and short first."""
        known = self._by_moieties.get(moieties)
        if known is not None:
            return known
        found: list[DrugConcept] = []
        for rxcuis in self._with_salts(moieties):
            named = sorted(rxcuis, key=lambda rxcui: (self._name(rxcui).casefold(), rxcui))
            key = "|".join(named)
            for lines in (self._files.products, self._files.parts):
                first = bisect_left(lines, key, key=_fourth)
                last = bisect_right(lines, key, lo=first, key=_fourth)
                concepts = (self.by_rxcui(line[: line.index("\t")]) for line in lines[first:last])
                found.extend(concept for concept in concepts if concept is not None)
        found.sort(key=lambda c: (self._old(c.rxcui), len(c.name), c.name))
        self._by_moieties[moieties] = tuple(found)
        return self._by_moieties[moieties]

    def _with_salts(self, moieties: tuple[str, ...]) -> list[tuple[str, ...]]:
        sets: list[tuple[str, ...]] = [()]
        for moiety in moieties:
            sets = [(*one, salt) for one in sets for salt in self._salts.get(moiety, (moiety,))]
        return sets


_brand = lru_cache(maxsize=4096)(folded)
"""Brand names repeat from product to product."""


def _fourth(line: str) -> str:
    return line.split("\t", 4)[3]
