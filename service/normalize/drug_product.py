"""From an ingredient or brand to the product that a text describes, as far as it is certain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache

from service.model.concept import AdministrationClass, DrugConcept, Strength, TermType
from service.normalize.drug_rows import folded
from service.normalize.drug_table import DrugTable
from service.normalize.drug_text import Amount, TextReading

PRODUCTS = frozenset({TermType.SCD, TermType.SBD, TermType.GPCK, TermType.BPCK})
_ANYWHERE = AdministrationClass.SYSTEMIC
_SINGLE_DOSE = frozenset({"Prefilled Syringe", "Pen Injector", "Auto-Injector", "Cartridge"})
_TOLERANCE = Decimal("0.01")
_HOURS = {
    "12 HR": re.compile(r"\bsr\b|\b12 ?(?:h|hr|hour)\b"),
    "24 HR": re.compile(r"\bxl\b|\b24 ?(?:h|hr|hour)\b"),
}
"""How RxNorm says how long one dose lasts: Wellbutrin SR is its 12 HR, Wellbutrin XL its 24 HR."""

_HOURS_OF_NAME = re.compile(r"(\d+ HR) ", re.IGNORECASE)
_STATED_UNITS = frozenset({"mg", "meq", "mmol", "[iU]"})
_COUNTED_FORMS = frozenset({"tablet", "capsule", "film", "lozenge", "spray"})
"""Forms of which one holds what the text states; of an injection it may be the mL."""

_LIQUIDS = frozenset({"solution", "suspension"})
_AEROSOLS = frozenset({"inhaler", "spray", "nebulizer"})


def refined(base: DrugConcept, reading: TextReading, table: DrugTable) -> DrugConcept:
    """The most specific concept that the text leaves no doubt about, `base` itself at least.

    A product when strength, form and release leave one dose form; a component (SCDC) when only the
    strength is certain. Form, release, route and class are filled where all that fit agree.
    """
    if base.tty in PRODUCTS:
        return base
    fitting = [
        concept
        for concept in _products(base, table)
        if _consistent(base, concept) and _form_fits(concept, reading)
    ]
    amounts = strength_amounts(reading) or _bare_amounts(base, fitting, reading)
    if not amounts and base.strengths:
        return _with_shared(base, fitting)
    together = table.stated_together(frozenset(i.rxcui for i in base.ingredients))
    strong = [c for c in fitting if _strength_fits(c, amounts) or (together and _sum(c, amounts))]
    released = _of_salt(base, _by_release(strong, reading))
    chosen = _one_form(released, reading)
    if chosen and amounts and (reading.form or base.brand or base.dose_form or len(strong) == 1):
        return chosen
    if amounts and len(base.ingredients) > 1 and chosen:
        return chosen
    shared = released or _by_release(fitting, reading) or fitting
    component = _component(base, amounts, table) if amounts else None
    if component is not None:
        return _with_shared(_in_container(component, reading), shared)
    return _with_strengths(_with_shared(base, shared), amounts, strong, reading)


def states_own_strength(drug: DrugConcept) -> bool:
    """Whether the strengths are a text's own, of no product or component of the table."""
    return drug.at_ingredient_level and bool(drug.strengths)


def _with_strengths(
    base: DrugConcept,
    amounts: tuple[Amount, ...],
    strong: Sequence[DrugConcept],
    reading: TextReading,
) -> DrugConcept:
    """The base with strengths that are certain though its product is not.

    Of a combination those of every product that fits; of one ingredient what the text states for
    its dose form, mL or hour, where the table has no such product.
    """
    if not amounts or not base.at_ingredient_level:
        return base
    if strong and len(base.ingredients) > 1:
        alike = len({tuple(_amounts_of(c.strengths)) for c in strong}) == 1
        return replace(base, strengths=strong[0].strengths) if alike else base
    one = amounts[0]
    if strong or len(base.ingredients) != 1 or len(amounts) != 1 or one.unit not in _STATED_UNITS:
        return base
    if one.per not in {None, "mL", "h", "{actuat}"}:
        return base
    if one.per is None and reading.form not in _COUNTED_FORMS:
        return base
    own = Strength(base.ingredients[0].rxcui, one.value, one.unit, per_unit=one.per)
    return _in_container(replace(base, strengths=(own,)), reading)


def _in_container(concept: DrugConcept, reading: TextReading) -> DrugConcept:
    """With the volume that the text states the amount for ("1064 mg/3.9 mL": 3.9 mL)."""
    volumes = {a.volume for a in reading.amounts if a.volume is not None}
    if concept.container is not None or len(volumes) != 1:
        return concept
    return replace(concept, container=volumes.pop(), container_unit="mL")


def _bare_amounts(
    base: DrugConcept, fitting: Sequence[DrugConcept], reading: TextReading
) -> tuple[Amount, ...]:
    """Numbers without a unit that are the strengths, in mg, of a product of the combination."""
    if len(reading.bare) < 2 or len(reading.bare) != len(base.ingredients):
        return ()
    amounts = tuple(Amount(value, "mg") for value in reading.bare)
    return amounts if any(_strength_fits(c, amounts) for c in fitting) else ()


def strength_amounts(reading: TextReading) -> tuple[Amount, ...]:
    """The amounts of a text that can be strengths: no volumes, hours and counts of puffs."""
    return tuple(
        a for a in reading.amounts if a.per is not None or a.unit not in {"mL", "h", "{actuat}"}
    )


def strength_differs(concept: DrugConcept, reading: TextReading) -> bool:
    """Whether the text states a strength that the product does not have."""
    amounts = strength_amounts(reading)
    return bool(amounts and concept.strengths and not _strength_fits(concept, amounts))


@lru_cache(maxsize=4096)
def with_shared_facts(base: DrugConcept, table: DrugTable) -> DrugConcept:
    """A bare ingredient or brand with what all its products have in common (class, form, route)."""
    if base.tty in PRODUCTS or base.dose_form:
        return base
    return _with_shared(base, [c for c in _products(base, table) if _consistent(base, c)])


def _products(base: DrugConcept, table: DrugTable) -> Sequence[DrugConcept]:
    """Products of the base's ingredients; of a brand its branded ones."""
    generic = [
        concept
        for concept in table.of_ingredients(tuple(i.rxcui for i in base.ingredients))
        if concept.tty in PRODUCTS
    ]
    if not base.brand:
        return generic
    brand = folded(base.brand)
    own = table.branded_whole(tuple(i.rxcui for i in base.ingredients))
    branded = [*own, *(b for concept in generic for b in table.branded(concept.rxcui))]
    return [c for c in branded if folded(c.brand) == brand and c.tty in PRODUCTS]


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
        and (not base.strengths or _amounts_of(base.strengths) == _amounts_of(concept.strengths))
    )


def _of_salt(base: DrugConcept, concepts: list[DrugConcept]) -> list[DrugConcept]:
    """Of a salt (PIN) the products that name it; where none does, those that name no salt.

    RxNorm names the ingredient alone where the strength is that of the moiety: "sertraline
    hydrochloride 50 mg" on a label is the product "sertraline 50 MG Oral Tablet".
    """
    if base.tty is not TermType.PIN:
        return concepts
    return [c for c in concepts if c.precise] or concepts


def _amounts_of(strengths: Iterable[Strength]) -> list[tuple[str, Decimal, str, str | None]]:
    return sorted((s.rxcui, s.value, s.unit, s.per_unit) for s in strengths)


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


def _strength_fits(concept: DrugConcept, amounts: tuple[Amount, ...]) -> bool:
    """Whether every ingredient's strength is among the amounts, each amount used once."""
    if not amounts:
        return True
    if not concept.strengths:
        return False
    left = list(amounts)
    for strength in concept.strengths:
        match = next((a for a in left if _same(strength, a, concept)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _sum(concept: DrugConcept, amounts: tuple[Amount, ...]) -> bool:
    """Whether the one amount is the sum of all strengths."""
    whole = sum((s.value for s in concept.strengths), Decimal(0))
    units = {(s.unit, s.per_unit) for s in concept.strengths}
    return (
        len(amounts) == 1
        and units == {(amounts[0].unit, amounts[0].per)}
        and _close(whole, amounts[0].value)
    )


def _same(strength: Strength, amount: Amount, concept: DrugConcept) -> bool:
    for value, unit, per in amount.alternatives():
        if unit != strength.unit:
            continue
        if per == strength.per_unit and _close(value, strength.value):
            return True
        whole = concept.container if concept.dose_form in _SINGLE_DOSE else None
        if per is None and whole and _close(value, strength.value * whole):
            return True
    return False


def _close(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= _TOLERANCE * max(one, other)


def _by_release(concepts: list[DrugConcept], reading: TextReading) -> list[DrugConcept]:
    """Those of the stated release; where none is stated plain ones, where there are any."""
    if reading.release:
        released = [c for c in concepts if c.release == reading.release]
        hours = [h for h, words in _HOURS.items() if words.search(reading.exact)]
        return [c for c in released if c.name.startswith(tuple(hours))] or released
    return [c for c in concepts if not c.release] or concepts


def _one_form(concepts: list[DrugConcept], reading: TextReading) -> DrugConcept | None:
    """The first concept when all have one dose form, or the one whose form the text spells out."""
    said = [c for c in concepts if c.dose_form and folded(c.dose_form) in reading.exact]
    longest = max((len(c.dose_form) for c in said), default=0)
    chosen = [c for c in said if len(c.dose_form) == longest] or concepts
    if len({c.dose_form for c in chosen}) > 1:
        plain = [c for c in chosen if c.dose_form in {"Oral Tablet", "Oral Capsule"}]
        chosen = plain if reading.form and len({c.dose_form for c in plain}) == 1 else []
    if len({tuple(_amounts_of(c.strengths)) for c in chosen}) != 1:
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
        and _strength_fits(concept, amounts)
    ]
    plain = _of_salt(base, found)
    if base.tty is not TermType.PIN:
        plain = [c for c in found if not c.precise] or found
    if len({tuple(_amounts_of(c.strengths)) for c in plain}) != 1:
        return None
    if base.brand:
        branded = [b for c in found for b in table.branded(c.rxcui) if b.brand == base.brand]
        return (branded or [replace(plain[0], brand=base.brand)])[0]
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
