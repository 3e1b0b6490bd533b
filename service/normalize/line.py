"""What the four kinds of medication line have in common: drug, status, reasons, identifiers.

Sources: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2); US Core 6.1.0 (medication adherence extension).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from service.model.concept import Coding, Resolution
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
from service.normalize.wire import base, medication

_ADHERENCE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-medication-adherence"
_TAKING = {  # SNOMED CT, US Core 6.1.0 value set medication-adherence
    "1156699004": "taking",
    "702565001": "not",
    "715036001": "differently",
}


@dataclass(frozen=True, slots=True)
class _Drug:
    """What a line says its drug is, and what that leads to."""

    text: str
    codings: tuple[Coding, ...]
    resolution: Resolution
    form: str


def line_of(
    origin: Origin,
    kind: Kind,
    found: medication.MedicationLine,
    context: Context,
    notes: Notes,
) -> MedicationEntry:
    """What the four kinds have in common."""
    drug = _drug(found, context, notes)
    return MedicationEntry(
        origin=origin,
        role=context.role,
        kind=kind,
        text=drug.text,
        codings=drug.codings,
        resolution=drug.resolution,
        status=_status(found, notes),
        category=_categories(found),
        form=drug.form,
        reasons=(
            *texts(found.reason_code),
            *(one.display for one in found.reason_reference if one.display),
        ),
        reason_codings=codings(*found.reason_code),
        identifiers=identifiers(base.several(found.identifier)),
        taken=_adherence(found.extension),
        labels=labels(found),
    )


def _status(found: medication.MedicationLine, notes: Notes) -> str:
    """The status as sent; `unknown` where it is absent or where something unknown changes it."""
    modifiers = [one.url for one in found.modifier_extension]
    if modifiers or found.implicit_rules:
        what = modifiers[0] if modifiers else found.implicit_rules
        notes.say(f"{what} changes the meaning in a way that is not known: status taken as unknown")
        return "unknown"
    if absent(found.status_ext):
        notes.say("the source says that the status is absent: taken as unknown")
        return "unknown"
    if not found.status:
        notes.say("no status: taken as unknown")
        return "unknown"
    return found.status


def _drug(found: medication.MedicationLine, context: Context, notes: Notes) -> _Drug:
    """The drug as named inline, contained, by reference, or by the reference's display alone."""
    concept, form = found.medication_codeable_concept, ""
    reference = found.medication_reference
    display = reference.display if reference else ""
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
    text = text_of(concept) or display
    coded = codings(concept)
    if not text and not coded:
        notes.say("no drug is named")
    drug = resolve(coded, text, context.tables.drugs)
    return _Drug(text, coded, drug, drug.drug.form if drug.drug and drug.drug.form else form)


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


def _adherence(extensions: Sequence[base.Extension]) -> str:
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
