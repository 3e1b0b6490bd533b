"""What the four kinds of medication line have in common: drug, status, reasons, identifiers.

Sources: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2); US Core 6.1.0 (medication adherence extension).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TypedDict, Unpack

import msgspec

from service.model.concept import Coding, DrugConcept, Resolution
from service.model.evidence import Origin
from service.model.medication import Kind, MedicationEntry
from service.normalize.concept import (
    absent,
    codings,
    identifiers,
    labels,
    text_of,
    texts,
)
from service.normalize.context import Context, Notes
from service.normalize.drug import resolve
from service.normalize.drug_table import DrugTable
from service.normalize.line_doses import Doses
from service.normalize.wire import base, medication

_ADHERENCE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-medication-adherence"
_TAKING = {  # SNOMED CT, US Core 6.1.0 value set medication-adherence
    "1156699004": "taking",
    "702565001": "not",
    "715036001": "differently",
}


class Head(msgspec.Struct, frozen=True, gc=False):
    """What a line says its drug is, what that leads to, and the line's status."""

    text: str
    codings: tuple[Coding, ...]
    resolution: Resolution
    form: str
    status: str
    drug: DrugConcept | None


class Own(TypedDict, total=False):
    """What one kind of line says and another does not (see MedicationEntry)."""

    intent: str
    reported: bool
    authored: date | None
    stopped_on: date | None
    supplied_on: date | None
    days_supply: Decimal | None
    quantity: Decimal | None
    requester: str
    requester_key: str
    dispenser: str
    status_reason: str
    links: tuple[str, ...]
    valid_until: date | None


def head_of(found: medication.MedicationLine, context: Context, notes: Notes) -> Head:
    """Drug and status of a line, read before its doses, which follow from the drug."""
    concept, display, form = _named_by(found, context, notes)
    text, coded, resolution, form = _drug(concept, display, form, context.tables.drugs)
    if not text and not coded:
        notes.say("no drug is named")
    return Head(text, coded, resolution, form, _status(found, notes), resolution.drug)


def line_of(
    origin: Origin,
    kind: Kind,
    found: medication.MedicationLine,
    head: Head,
    doses: Doses,
    context: Context,
    notes: Notes,
    *,
    status: str = "",
    taken: str = "",
    start: date | None,
    end: date | None,
    **own: Unpack[Own],
) -> MedicationEntry:
    """The line, with what the four kinds have in common; called last, when all notes are made.

    Args:
        status, taken: where the kind says it in its own way.
        start, end: when the therapy runs, as the kind or its doses tell.
        own: what only this kind says.
    """
    drug = head.drug
    return MedicationEntry(
        origin=origin,
        role=context.role,
        kind=kind,
        text=head.text,
        codings=head.codings,
        resolution=head.resolution,
        status=status or head.status,
        category=_categories(found) if found.category else (),
        dosages=doses.dosages,
        daily_doses=doses.daily,
        as_needed=doses.as_needed,
        interval_d=doses.interval_d,
        route=_route(doses.route, drug),
        form=head.form,
        timing=doses.timing,
        start=start,
        end=end,
        reasons=_reasons(found) if found.reason_code or found.reason_reference else (),
        reason_codings=codings(*found.reason_code) if found.reason_code else (),
        identifiers=identifiers(base.several(found.identifier)) if found.identifier else (),
        taken=taken,
        labels=labels(found),
        problems=notes.sentences,
        **own,
    )


def _route(stated: str, drug: DrugConcept | None) -> str:
    """The stated route, else the product's; an inhaler "by mouth" is inhaled through it."""
    own = drug.route if drug else ""
    if stated == "oral" and own == "inhalation":
        return own
    return stated or own


def _reasons(found: medication.MedicationLine) -> tuple[str, ...]:
    return (
        *texts(found.reason_code),
        *(one.display for one in found.reason_reference if one.display),
    )


def _status(found: medication.MedicationLine, notes: Notes) -> str:
    """The status as sent; `unknown` where it is absent or where something unknown changes it."""
    if found.modifier_extension or found.implicit_rules:
        modifiers = [one.url for one in found.modifier_extension]
        what = modifiers[0] if modifiers else found.implicit_rules
        notes.say(f"{what} changes the meaning in a way that is not known: status taken as unknown")
        return "unknown"
    if found.status_ext is not None and absent(found.status_ext):
        notes.say("the source says that the status is absent: taken as unknown")
        return "unknown"
    if not found.status:
        notes.say("no status: taken as unknown")
        return "unknown"
    return found.status


def _named_by(
    found: medication.MedicationLine, context: Context, notes: Notes
) -> tuple[base.CodeableConcept | None, str, str]:
    """Concept, display and form: inline, contained, by reference, or the reference's display."""
    concept, reference = found.medication_codeable_concept, found.medication_reference
    display, form = reference.display if reference else "", ""
    if concept is None and reference is not None:
        resource = _medication(reference, found.contained, context)
        if resource is None and (reference.reference or not display):
            notes.say(
                f"the Medication {reference.reference or 'without reference'} was not found"
                + ("; its display was read" if display else "")
            )
        if resource is not None:
            concept, form = resource.code, text_of(resource.form)
            if concept is None and len(resource.ingredient) == 1:
                concept = resource.ingredient[0].item_codeable_concept
    return concept, display, form


@lru_cache(maxsize=32768)
def _drug(
    concept: base.CodeableConcept | None, display: str, form: str, table: DrugTable
) -> tuple[str, tuple[Coding, ...], Resolution, str]:
    """Text, codings, what they lead to, and the form; remembered, as drugs repeat a lot."""
    text = text_of(concept) or display
    coded = codings(concept)
    found = resolve(coded, text, table)
    return text, coded, found, (found.drug.form if found.drug else "") or form


def _medication(
    reference: base.Reference, contained: Sequence[msgspec.Raw], context: Context
) -> medication.Medication | None:
    if reference.reference.startswith("#"):
        for raw in contained:
            try:
                inner = msgspec.json.decode(raw, type=medication.Medication)
            except msgspec.DecodeError:
                continue
            if inner.id.lstrip("#") == reference.reference[1:]:
                return inner
        return None
    return context.medications.get(context.key_of(reference))


def named(found: medication.MedicationLine) -> str:
    reference = found.medication_reference
    return text_of(found.medication_codeable_concept) or (reference.display if reference else "")


def adherence(extensions: Sequence[base.Extension]) -> str:
    """Whether it is taken, by US Core's medication adherence extension; empty without it."""
    for extension in extensions:
        if extension.url != _ADHERENCE:
            continue
        for inner in extension.extension:
            for coding in codings(inner.value_codeable_concept):
                if coding.code in _TAKING:
                    return _TAKING[coding.code]
    return ""


def _categories(found: medication.MedicationLine) -> tuple[str, ...]:
    concepts = base.several(found.category)
    coded = (coding.code or coding.display for coding in codings(*concepts))
    return tuple(dict.fromkeys([*coded, *(one.text for one in concepts if not one.coding)]))
