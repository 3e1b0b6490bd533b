"""What the drug table is made of: lines, dose forms and words, and how names are folded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from service.model.concept import AdministrationClass, Strength


@dataclass(frozen=True, slots=True)
class DoseForm:
    """What an RxNorm dose form says: form group, release, route and where it acts."""

    form: str
    release: str
    route: str
    administration: AdministrationClass


@dataclass(frozen=True, slots=True)
class AdministrationRule:
    """Products that act elsewhere than their dose form says; empty fields ask nothing."""

    administration: AdministrationClass
    ingredients: frozenset[str]
    forms: frozenset[str] = frozenset()
    routes: frozenset[str] = frozenset()
    substances: tuple[str, ...] = ()
    strengths: frozenset[str] = frozenset()
    not_strengths: frozenset[str] = frozenset()

    def fits(self, row: ProductRow, form: DoseForm) -> bool:
        return (
            bool(self.ingredients & set(row.ingredients))
            and (not self.forms or form.form in self.forms)
            and (not self.routes or form.route in self.routes)
            and (not self.substances or any(s in row.name.casefold() for s in self.substances))
            and (not self.strengths or bool(self.strengths & set(row.strengths)))
            and not self.not_strengths & set(row.strengths)
        )


@dataclass(frozen=True, slots=True)
class ProductRow:
    """One line of products.tsv or parts.tsv, split; `strengths` are UCUM, one per ingredient."""

    rxcui: str
    tty: str
    name: str
    ingredients: tuple[str, ...]
    precise: tuple[str, ...]
    strengths: tuple[str, ...]
    dose_form: str
    brand: str
    release: str


@dataclass(frozen=True, slots=True)
class BrandLine:
    """A named line of a brand that RxNorm keeps under the brand ("Invega Sustenna": Invega)."""

    brand: str
    form: str
    release: str
    administration: AdministrationClass


@dataclass(frozen=True, slots=True)
class DrugWords:
    """What people call drugs beside RxNorm's names, by folded name.

    `synonyms`: RxCUI of an ingredient (INN and BAN names, abbreviations); `brand_lines`: lines of a
    brand; `lookalikes`: pairs of names that must never be taken for each other; `stated_together`:
    ingredient sets whose strength is stated as one sum; `others`: words of names that the table
    does not carry, so that no spelling is corrected in a text that holds one.
    """

    synonyms: Mapping[str, str] = field(default_factory=dict)
    brand_lines: Mapping[str, BrandLine] = field(default_factory=dict)
    lookalikes: frozenset[tuple[str, str]] = frozenset()
    stated_together: frozenset[frozenset[str]] = frozenset()
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OtherCodes:
    """Codes that are not, or no longer, RxNorm's: ATC and retired ones, each to an RxCUI."""

    atc: Mapping[str, str] = field(default_factory=dict)
    successors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The table's lines without their headers, in the order of the files.

    `ingredients`: rxcui, tty, name, ingredients, release. `products` and `parts`: rxcui, tty, name,
    ingredients, precise, strengths, dose_form, brand, release, sorted by the text of ingredients.
    `branded`: rxcui, tty, generic, brand, release, sorted by the text of generic. `ndc`: nine or
    eleven digits and rxcui, sorted, one text.
    """

    ingredients: list[str]
    products: list[str]
    parts: list[str]
    branded: list[str]
    ndc: str


def read_strength(rxcui: str, text: str, substance: str = "") -> Strength:
    """`0.025 mg/h` as a Strength of ingredient `rxcui`."""
    amount, _, unit = text.partition(" ")
    unit, _, per = unit.partition("/")
    return Strength(rxcui, Decimal(amount), unit, Decimal(1), per or None, substance)


def strength_text(strength: Strength) -> str:
    """A Strength as the table writes it: "100 mg", "2 mg/mL"."""
    per = f"/{strength.per_unit}" if strength.per_unit else ""
    return f"{format(strength.value.normalize(), 'f')} {strength.unit}{per}"


_NOT_WORD = re.compile(r"[^a-z0-9.%']+")


def folded(name: str) -> str:
    """Lower-case words of a name, one space between: how names are compared."""
    return " ".join(_NOT_WORD.sub(" ", name.casefold()).split())
