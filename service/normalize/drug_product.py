"""From an ingredient or brand to the product that a text describes, as far as it is certain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from msgspec.structs import replace

from service.model.concept import AdministrationClass, DrugConcept, TermType
from service.normalize.drug_rows import folded
from service.normalize.drug_strength import (
    amounts_of,
    bare_amounts,
    in_container,
    is_sum,
    strength_amounts,
    strength_fits,
    with_strengths,
)
from service.normalize.drug_table import DrugTable
from service.normalize.drug_text import Amount, TextReading

PRODUCTS = frozenset({TermType.SCD, TermType.SBD, TermType.GPCK, TermType.BPCK})
_ANYWHERE = AdministrationClass.SYSTEMIC
_HOURS = {
    "12 HR": re.compile(r"\bsr\b|\b12 ?(?:h|hr|hour)\b"),
    "24 HR": re.compile(r"\bxl\b|\b24 ?(?:h|hr|hour)\b"),
}
"""How RxNorm says how long one dose lasts: Wellbutrin SR is its 12 HR, Wellbutrin XL its 24 HR."""

_HOURS_OF_NAME = re.compile(r"(\d+ HR) ", re.IGNORECASE)

_folded = lru_cache(maxsize=4096)(folded)
"""Of the names of brands and dose forms, which repeat from product to product."""

_LIQUIDS = frozenset({"solution", "suspension"})
_AEROSOLS = frozenset({"inhaler", "spray", "nebulizer"})


def refined(base: DrugConcept, reading: TextReading, table: DrugTable) -> DrugConcept:
    """The most specific concept that the text leaves no doubt about, `base` itself at least.

    A product when strength, form and release leave one dose form; a component (SCDC) when only the
    strength is certain. Form, release, route and class are filled where all that fit agree.
    """
    if base.tty in PRODUCTS:
        return base
    fitting = [one for one in _agreeing(base, table) if _form_fits(one, reading)]
    amounts = strength_amounts(reading) or bare_amounts(base, fitting, reading)
    if not amounts and base.strengths:
        return _with_shared(base, fitting)
    together = table.stated_together(frozenset(i.rxcui for i in base.ingredients))
    strong = [c for c in fitting if strength_fits(c, amounts) or (together and is_sum(c, amounts))]
    released = _of_salt(base, _by_release(strong, reading))
    chosen = _one_form(released, reading)
    if chosen and amounts and (reading.form or base.brand or base.dose_form or len(strong) == 1):
        return chosen
    if amounts and len(base.ingredients) > 1 and chosen:
        return chosen
    shared = released or _by_release(fitting, reading) or fitting
    component = _component(base, amounts, table) if amounts else None
    if component is not None:
        return _with_shared(in_container(component, reading), shared)
    return with_strengths(_with_shared(base, shared), amounts, strong, reading)


def without_strength(drug: DrugConcept, table: DrugTable) -> DrugConcept:
    """A product's ingredients with its form, release, route and class: all but its strength."""
    bare = table.by_rxcui(drug.ingredients[0].rxcui)
    if len(drug.ingredients) > 1:
        bare = table.combination(drug.ingredients)
    return replace(
        bare or replace(drug, strengths=(), clinical_drug="", tty=TermType.MIN),
        precise=drug.precise,
        form=drug.form,
        release=drug.release,
        route=drug.route,
        administration=drug.administration,
        brand=drug.brand,
    )


@lru_cache(maxsize=4096)
def with_shared_facts(base: DrugConcept, table: DrugTable) -> DrugConcept:
    """A bare ingredient or brand with what all its products have in common (class, form, route)."""
    if base.tty in PRODUCTS or base.dose_form:
        return base
    return _with_shared(base, _agreeing(base, table))


@lru_cache(maxsize=4096)
def _agreeing(base: DrugConcept, table: DrugTable) -> tuple[DrugConcept, ...]:
    """Products of the base's ingredients that agree with it; of a brand its branded ones."""
    generic = [
        concept
        for concept in table.of_ingredients(tuple(i.rxcui for i in base.ingredients))
        if concept.tty in PRODUCTS
    ]
    if not base.brand:
        return tuple(concept for concept in generic if _consistent(base, concept))
    brand = _folded(base.brand)
    own = table.branded_whole(tuple(i.rxcui for i in base.ingredients))
    branded = (b for concept in generic for b in table.branded(concept.rxcui, brand))
    return tuple(
        concept
        for concept in (*(one for one in own if _folded(one.brand) == brand), *branded)
        if concept.tty in PRODUCTS and _consistent(base, concept)
    )


def _consistent(base: DrugConcept, concept: DrugConcept) -> bool:
    """Whether a product agrees with what the base already says."""
    salts = {i.rxcui for i in base.precise}
    return (
        (not base.dose_form or base.dose_form == concept.dose_form)
        and (not base.form or concept.form in {"", base.form})
        and (not base.release or not concept.form or base.release == concept.release)
        and (not concept.form or base.administration in {_ANYWHERE, concept.administration})
        and (
            base.tty is not TermType.PIN
            or not concept.precise
            or salts <= {i.rxcui for i in concept.precise}
        )
        and (not base.strengths or amounts_of(base.strengths) == amounts_of(concept.strengths))
    )


def _of_salt(base: DrugConcept, concepts: list[DrugConcept]) -> list[DrugConcept]:
    """Of a salt (PIN) the products that name it; where none does, those that name no salt.

    RxNorm names the ingredient alone where the strength is that of the moiety: "sertraline
    hydrochloride 50 mg" on a label is the product "sertraline 50 MG Oral Tablet".
    """
    if base.tty is not TermType.PIN:
        return concepts
    return [c for c in concepts if c.precise] or concepts


def _form_fits(concept: DrugConcept, reading: TextReading) -> bool:
    form = reading.form
    if reading.route and concept.route and not _route_fits(concept.route, reading.route):
        return False
    if not form or not concept.form:
        return True
    return (
        form == concept.form
        or {form, concept.form} <= _LIQUIDS
        or {form, concept.form} <= _AEROSOLS
        or (form == "solution" and concept.form in {"injection", "nebulizer"} and not reading.route)
        or (form == "suspension" and concept.form in {"injection", "nebulizer"})
    )


def _route_fits(route: str, stated: str) -> bool:
    return route == stated or {route, stated} <= {"inhalation", "nasal"} or (
        stated == "oral" and route in {"sublingual", "buccal", "oromucosal"}
    )  # fmt: skip


def _by_release(concepts: list[DrugConcept], reading: TextReading) -> list[DrugConcept]:
    """Those of the stated release; where none is stated plain ones, where there are any."""
    if reading.release:
        released = [c for c in concepts if _released(c) == reading.release]
        hours = [h for h, words in _HOURS.items() if words.search(reading.exact)]
        return [c for c in released if c.name.startswith(tuple(hours))] or released
    return [c for c in concepts if not c.release] or concepts


def _released(concept: DrugConcept) -> str:
    """Its release; an injection that lasts for weeks is what people call extended release."""
    if concept.administration is AdministrationClass.DEPOT:
        return concept.release or "ER"
    return concept.release


def _one_form(concepts: list[DrugConcept], reading: TextReading) -> DrugConcept | None:
    """The first concept when all have one dose form, or the one whose form the text spells out."""
    said = [c for c in concepts if c.dose_form and _folded(c.dose_form) in reading.exact]
    longest = max((len(c.dose_form) for c in said), default=0)
    chosen = [c for c in said if len(c.dose_form) == longest] or concepts
    if len({c.dose_form for c in chosen}) > 1:
        plain = [c for c in chosen if c.dose_form in {"Oral Tablet", "Oral Capsule"}]
        chosen = plain if reading.form and len({c.dose_form for c in plain}) == 1 else []
    if len({tuple(amounts_of(c.strengths)) for c in chosen}) != 1:
        return None
    if len({_hours(c) for c in chosen} - {""}) > 1:  # 12 or 24 hours: the text does not say
        return None
    return _one_container(chosen, reading)


def _hours(concept: DrugConcept) -> str:
    found = _HOURS_OF_NAME.match(concept.name)
    return found[1].upper() if found else ""


def _one_container(concepts: list[DrugConcept], reading: TextReading) -> DrugConcept | None:
    """The one in the stated volume; where none is stated one without volume, or the only volume."""
    volumes = {a.volume for a in reading.amounts if a.volume is not None}
    volumes |= {a.value for a in reading.amounts if a.unit == "mL" and a.per is None}
    stated = [c for c in concepts if c.container_unit == "mL" and c.container in volumes]
    open_ = [c for c in concepts if c.container_unit != "mL"]
    several = len({c.container for c in concepts}) > 1
    chosen = stated or open_ or ([] if several else concepts)
    return chosen[0] if chosen else None


def _component(
    base: DrugConcept, amounts: tuple[Amount, ...], table: DrugTable
) -> DrugConcept | None:
    """The ingredient with its strength (SCDC), of a brand the branded one where there is one."""
    if len(base.ingredients) != 1:
        return None
    found = [
        concept
        for concept in table.of_ingredients((base.ingredients[0].rxcui,))
        if concept.tty is TermType.SCDC
        and _consistent(base, concept)
        and strength_fits(concept, amounts)
    ]
    plain = _of_salt(base, found)
    if base.tty is not TermType.PIN:
        plain = [c for c in found if not c.precise] or found
    if len({tuple(amounts_of(c.strengths)) for c in plain}) != 1:
        return None
    if base.brand:
        named = _folded(base.brand)
        branded = (b for c in found for b in table.branded(c.rxcui, named))
        same = (b for b in branded if b.brand == base.brand)
        return next(same, None) or replace(plain[0], brand=base.brand)
    if len({c.precise for c in plain}) > 1:  # furoate or propionate: the text does not say
        return replace(plain[0], precise=())
    return plain[0]


def _with_shared(base: DrugConcept, products: Sequence[DrugConcept]) -> DrugConcept:
    if not products or base.dose_form:
        return base
    named = _of_salt(base, list(products))
    classes = {c.administration for c in named}
    if classes != {c.administration for c in products}:  # the salt is what makes it a depot
        products = named
    return replace(
        base,
        form=base.form or _only(c.form for c in products),
        release=base.release or _only(c.release for c in products),
        route=base.route or _only(c.route for c in products),
        administration=classes.pop() if len(classes) == 1 else base.administration,
    )


def _only(values: Iterable[str]) -> str:
    found = set(values)
    return found.pop() if len(found) == 1 else ""
