"""From a line of the drug table to its DrugConcept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from msgspec.structs import replace

from service.model.concept import AdministrationClass, DrugConcept, Ingredient, TermType
from service.normalize.drug_rows import AdministrationRule, DoseForm, ProductRow, read_strength

_TERM_TYPES = {tty.value: tty for tty in TermType}
_INERT = "748794"  # "inert ingredients": the placebo tablets of a pack
_CONTAINER_UNITS = {"ML": "mL", "ACTUAT": "{actuat}"}
_CONTAINER = re.compile(r"(\d+(?:\.\d+)?) (ML|ACTUAT) ", re.IGNORECASE)


class Concepts:
    """Makes the concepts of a table.

    Args:
        dose_forms, rules, moieties: as DrugTable takes them.
        together: ingredient sets whose strength is stated as one sum.
        by_rxcui, ingredient: where the table finds other lines.
    """

    def __init__(
        self,
        dose_forms: Mapping[str, DoseForm],
        rules: tuple[AdministrationRule, ...],
        moieties: Mapping[str, str],
        together: frozenset[frozenset[str]],
        by_rxcui: Callable[[str], DrugConcept | None],
        ingredient: Callable[[str], Ingredient | None],
    ) -> None:
        self._dose_forms, self._rules, self._moieties = dose_forms, rules, moieties
        self._rules_of = {
            rxcui: tuple(rule for rule in rules if rxcui in rule.ingredients)
            for rxcui in frozenset[str]().union(*(rule.ingredients for rule in rules))
        }
        self._together, self._by_rxcui, self._ingredient = together, by_rxcui, ingredient

    def concept(self, line: list[str]) -> DrugConcept | None:
        """The concept of a split line; None for a branded one whose generic is not there."""
        if len(line) == 5 and line[1].startswith(("SB", "BPCK")):
            generic = self._by_rxcui(line[2])
            return generic and replace(
                generic,
                rxcui=line[0],
                tty=_TERM_TYPES[line[1]],
                name=f"{generic.name} [{line[3]}]",
                brand=line[3],
                clinical_drug=generic.rxcui if line[1] in {"SBD", "BPCK"} else "",
            )
        if len(line) == 5:
            return self._ingredient_concept(line)
        rxcui, tty, name, *lists, dose_form, brand, release = line
        ingredients, precise, strengths = (tuple(cell.split("|")) if cell else () for cell in lists)
        return self._product_concept(
            ProductRow(rxcui, tty, name, ingredients, precise, strengths, dose_form, brand, release)
        )

    def _ingredient_concept(self, line: list[str]) -> DrugConcept:
        rxcui, tty, name, ingredients, _ = line
        moieties = self._moieties_of(ingredients.split("|"))
        precise = () if tty in {"MIN", "BN"} or rxcui in {m.rxcui for m in moieties} else (rxcui,)
        return DrugConcept(
            rxcui,
            _TERM_TYPES[tty],
            name,
            moieties,
            precise=tuple(Ingredient(one, name) for one in precise),
            brand=name if tty == "BN" else "",
            stated_as_sum=frozenset(m.rxcui for m in moieties) in self._together,
        )

    def _product_concept(self, row: ProductRow) -> DrugConcept:
        form = self._dose_forms.get(row.dose_form)
        held = _CONTAINER.match(row.name)
        administration = AdministrationClass.SYSTEMIC
        if form:
            rules = self._ruled(row.ingredients)
            ruled = (rule.administration for rule in rules if rule.fits(row, form))
            administration = next(ruled, form.administration)
        salts = row.precise or ("",) * len(row.ingredients)
        moieties = [self._moieties.get(rxcui, rxcui) for rxcui in row.ingredients]
        strengths = []
        precise = []
        for rxcui, salt, strength in zip(
            row.ingredients, salts, row.strengths or ("",) * len(salts), strict=True
        ):
            substances = [i for i in map(self._ingredient, salt.split("+")) if i is not None]
            own = self._ingredient(rxcui)
            if not substances and rxcui in self._moieties and own:
                substances = [own]
            precise.extend(substances)
            if strength:
                words = " / ".join(one.name for one in substances)
                strengths.append(read_strength(self._moieties.get(rxcui, rxcui), strength, words))
        return DrugConcept(
            row.rxcui,
            _TERM_TYPES[row.tty],
            row.name,
            self._moieties_of(row.ingredients),
            precise=tuple(sorted(precise, key=lambda i: (i.name.casefold(), i.rxcui))),
            strengths=tuple(strengths),
            dose_form=row.dose_form,
            form=form.form if form else "pack" if row.tty.endswith("PCK") else "",
            release=form.release if form else "",
            route=form.route if form else "",
            administration=administration,
            brand=row.brand,
            clinical_drug=row.rxcui if row.tty in {"SCD", "GPCK"} else "",
            container=Decimal(held[1]) if held else None,
            container_unit=_CONTAINER_UNITS[held[2].upper()] if held else "",
            stated_as_sum=frozenset(moieties) in self._together,
        )

    def _ruled(self, ingredients: tuple[str, ...]) -> tuple[AdministrationRule, ...]:
        """The rules that name one of the ingredients, in their order."""
        if len(ingredients) == 1:
            return self._rules_of.get(ingredients[0], ())
        return tuple(rule for rule in self._rules if rule.ingredients.intersection(ingredients))

    def _moieties_of(self, rxcuis: Iterable[str]) -> tuple[Ingredient, ...]:
        found = {m for m in map(self._moiety, rxcuis) if m is not None}
        found = {m for m in found if m.rxcui != _INERT} or found
        return tuple(sorted(found, key=lambda i: (i.name.casefold(), i.rxcui)))

    def _moiety(self, rxcui: str) -> Ingredient | None:
        return self._ingredient(self._moieties.get(rxcui, rxcui))
