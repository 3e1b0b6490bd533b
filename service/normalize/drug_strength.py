"""Strengths: which amounts of a text are strengths, and whether a product has them.

What a text alone states is taken over where the table has no such product, and said so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from msgspec.structs import replace

from service.model.concept import DrugConcept, Strength
from service.normalize.amount import number
from service.normalize.drug_text import Amount, TextReading

_SINGLE_DOSE = frozenset({"Prefilled Syringe", "Pen Injector", "Auto-Injector", "Cartridge"})
_TOLERANCE = Decimal("0.01")
_STATED_UNITS = frozenset({"mg", "meq", "mmol", "[iU]"})
_COUNTED_FORMS = frozenset({"tablet", "capsule", "film", "lozenge", "spray"})
"""Forms of which one holds what the text states; of an injection it may be the mL."""


def strength_amounts(reading: TextReading) -> tuple[Amount, ...]:
    """The amounts of a text that can be strengths: no volumes, hours and counts of puffs."""
    return tuple(
        a for a in reading.amounts if a.per is not None or a.unit not in {"mL", "h", "{actuat}"}
    )


def strength_differs(concept: DrugConcept, reading: TextReading) -> bool:
    """Whether the text states a strength that the product does not have."""
    amounts = strength_amounts(reading)
    return bool(amounts and concept.strengths and not strength_fits(concept, amounts))


def states_own_strength(drug: DrugConcept) -> bool:
    """Whether the strengths are a text's own, of no product or component of the table."""
    return drug.at_ingredient_level and bool(drug.strengths)


def strengths_apart(drugs: Iterable[DrugConcept]) -> tuple[str, ...]:
    """The strengths of concepts of the first one's ingredients, in words, where two of them differ.

    Only what is stated for the same ingredients in the same units compares: 4,000 units and 0.1 mg,
    or 50 mg a vial and 5 mg/mL, contradict nothing. Empty where all agree.
    """
    first, *others = drugs
    stated: dict[tuple[object, ...], dict[str, DrugConcept]] = {}
    for drug in (first, *others):
        if drug.strengths and drug.ingredients == first.ingredients:
            basis = tuple((rxcui, unit, per) for rxcui, _, unit, per in amounts_of(drug.strengths))
            stated.setdefault(basis, {}).setdefault(in_words(drug.strengths), drug)
    for same in stated.values():
        one, *rest = same.values()
        if any(not _equal(one.strengths, other.strengths) for other in rest):
            return tuple(same)
    return ()


def in_words(strengths: Iterable[Strength]) -> str:
    """Strengths for a person: "50 mg", "20 mg / 12.5 mg", "10 mg/mL"."""
    return " / ".join(
        f"{number(s.value)} {s.unit}" + (f"/{s.per_unit}" if s.per_unit else "") for s in strengths
    )


def _equal(one: Iterable[Strength], other: Iterable[Strength]) -> bool:
    pairs = zip(amounts_of(one), amounts_of(other), strict=True)
    return all(_close(left[1], right[1]) for left, right in pairs)


def with_strengths(
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
        alike = len({tuple(amounts_of(c.strengths)) for c in strong}) == 1
        return replace(base, strengths=strong[0].strengths) if alike else base
    one = amounts[0]
    if strong or len(base.ingredients) != 1 or len(amounts) != 1 or one.unit not in _STATED_UNITS:
        return base
    if one.per not in {None, "mL", "h", "{actuat}"}:
        return base
    if one.per is None and reading.form not in _COUNTED_FORMS:
        return base
    own = Strength(base.ingredients[0].rxcui, one.value, one.unit, per_unit=one.per)
    return in_container(replace(base, strengths=(own,)), reading)


def in_container(concept: DrugConcept, reading: TextReading) -> DrugConcept:
    """With the volume that the text states the amount for ("1064 mg/3.9 mL": 3.9 mL)."""
    volumes = {a.volume for a in reading.amounts if a.volume is not None}
    if concept.container is not None or len(volumes) != 1:
        return concept
    return replace(concept, container=volumes.pop(), container_unit="mL")


def bare_amounts(
    base: DrugConcept, fitting: Sequence[DrugConcept], reading: TextReading
) -> tuple[Amount, ...]:
    """Numbers without a unit that are the strengths, in mg, of a product of the combination."""
    if len(reading.bare) < 2 or len(reading.bare) != len(base.ingredients):
        return ()
    amounts = tuple(Amount(value, "mg") for value in reading.bare)
    return amounts if any(strength_fits(c, amounts) for c in fitting) else ()


def amounts_of(strengths: Iterable[Strength]) -> list[tuple[str, Decimal, str, str | None]]:
    return sorted((s.rxcui, s.value, s.unit, s.per_unit) for s in strengths)


def strength_fits(concept: DrugConcept, amounts: tuple[Amount, ...]) -> bool:
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


def is_sum(concept: DrugConcept, amounts: tuple[Amount, ...]) -> bool:
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
