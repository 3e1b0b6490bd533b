"""AllergyIntolerance, led to ingredients where its code or text names a drug.

Source: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2), AllergyIntolerance.
"""

from __future__ import annotations

from datetime import date

from service.model.clinical import Allergy
from service.model.concept import Ingredient
from service.model.evidence import Origin
from service.normalize.concept import code_of, codings, text_of, texts
from service.normalize.context import Context, Notes
from service.normalize.dates import first_day
from service.normalize.drug import resolve
from service.normalize.wire import base, clinical

_INACTIVE = frozenset({"inactive", "resolved"})
_REFUTED = frozenset({"refuted", "entered-in-error"})


def recorded_on(found: clinical.AllergyIntolerance) -> date | None:
    return first_day(found.recorded_date or found.asserted_date) or first_day(found.onset_date_time)


def allergy(
    origin: Origin, found: clinical.AllergyIntolerance, context: Context, notes: Notes
) -> Allergy:
    """One allergy; the substances of its reactions count where it has no code of its own."""
    concepts = [found.code] if found.code else [one.substance for one in found.reaction]
    ingredients: dict[Ingredient, None] = {}
    for concept in concepts:
        if concept is not None and _may_be_drug(found):
            resolved = resolve(codings(concept), text_of(concept), context.tables.drugs)
            if resolved.drug is not None:
                ingredients.update(dict.fromkeys(resolved.drug.ingredients))
    return Allergy(
        origin=origin,
        codings=codings(*concepts),
        text=text_of(next((one for one in concepts if one is not None), None)),
        ingredients=tuple(sorted(ingredients, key=lambda one: one.name)),
        kind=found.type,
        category=tuple(filter(None, base.several(found.category))),
        criticality=found.criticality,
        active=code_of(found.clinical_status) not in _INACTIVE,
        refuted=code_of(found.verification_status) in _REFUTED,
        reactions=tuple(
            dict.fromkeys(
                said
                for reaction in found.reaction
                for said in (*texts(reaction.manifestation), reaction.description)
                if said
            )
        ),
        recorded=notes.first_day(found.recorded_date or found.asserted_date, "recordedDate"),
    )


def _may_be_drug(found: clinical.AllergyIntolerance) -> bool:
    """Food and environment are no drugs, unless the source names other categories as well."""
    categories = set(base.several(found.category)) - {""}
    return not categories or not categories <= {"food", "environment"}
