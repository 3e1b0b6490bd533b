"""What the four kinds of medication line have in common: drug, status, reasons, identifiers.

Sources: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2); US Core 6.1.0 (medication adherence extension).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from service.model.concept import Coding
from service.model.evidence import Origin
from service.model.identity import OUR_IDENTIFIERS
from service.model.medication import Kind, MedicationEntry
from service.normalize.concept import (
    absent,
    codings,
    identifiers,
    keys,
    labels,
    relative,
    text_of,
)
from service.normalize.content import Content, Named, Reasons
from service.normalize.context import Context, Notes
from service.normalize.decode import UNREADABLE
from service.normalize.wire import base, medication
from service.normalize.wire.medication import ABSENT

_ADHERENCE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-medication-adherence"
_TAKING = {  # SNOMED CT, US Core 6.1.0 value set medication-adherence
    "1156699004": "taking",
    "702565001": "not",
    "715036001": "differently",
}
_ENTERED_IN_ERROR = "entered-in-error"
_NO_REASON = Reasons()
_contained = msgspec.json.Decoder(medication.Medication).decode
_concept = msgspec.json.Decoder(base.CodeableConcept).decode


def excluded(found: medication.MedicationLine) -> str:
    """Why a resource is no line of a list; empty for every other one."""
    if found.status == _ENTERED_IN_ERROR:
        return "entered in error: not placed"
    if isinstance(found, medication.MedicationRequest) and found.do_not_perform:
        return f"doNotPerform: an order not to give {_name(found) or 'the drug'}, not placed"
    if found.identifier and any(
        one.system == OUR_IDENTIFIERS for one in base.several(found.identifier)
    ):
        return "written by Concord: no word of the source's own, not placed"
    return ""


def line_of(
    origin: Origin,
    kind: Kind,
    found: medication.MedicationLine,
    content: Content,
    context: Context,
    notes: Notes,
    *,
    status: str,
    taken: str = "",
    start: date | None,
    end: date | None,
    intent: str = "",
    reported: bool = False,
    authored: date | None = None,
    stopped_on: date | None = None,
    supplied_on: date | None = None,
    requester: str = "",
    requester_key: str = "",
    dispenser: str = "",
    status_reason: str = "",
    links: tuple[str, ...] = (),
    valid_until: date | None = None,
) -> MedicationEntry:
    """The line, with what the four kinds have in common; called last, when all notes are made.

    Args:
        status: see `described`.
        start, end: when the therapy runs, as the kind or its doses tell.
        taken and the rest: what only this kind says (see MedicationEntry).
    """
    drug, doses = content.drug, content.doses
    reasons, reason_codings = _reasons(found, context)
    # In the order of the fields, as names would make it several times slower.
    return MedicationEntry(
        origin,
        context.role,
        kind,
        drug.text,
        drug.codings,
        drug.resolution,
        status,
        intent,
        context.contents.categories[bytes(found.category)] if found.category is not ABSENT else (),
        reported,
        doses.dosages,
        doses.daily,
        doses.as_needed,
        doses.interval_d,
        content.route,
        drug.form,
        doses.timing,
        authored,
        start,
        end,
        stopped_on,
        supplied_on,
        content.days_supply,
        content.quantity,
        requester,
        requester_key,
        dispenser,
        reasons,
        reason_codings,
        status_reason,
        identifiers(base.several(found.identifier)) if found.identifier else (),
        links,
        taken or (adherence(found.extension) if found.extension else ""),
        labels(found) if found.meta is not None else (),
        notes.sentences,
        valid_until,
    )


def described(content: Content, found: medication.MedicationLine, notes: Notes) -> str:
    """The line's status, with notes of what is wrong with its drug, its status and its doses.

    The status is as sent; `unknown` where it is absent or where something unknown changes it.
    """
    if not content.drug.text and not content.drug.codings:
        notes.say("no drug is named")
    status = _status(found, notes)
    for problem in content.problems:
        notes.say(problem)
    return status


def _status(found: medication.MedicationLine, notes: Notes) -> str:
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


def named_by(found: medication.MedicationLine, context: Context, notes: Notes) -> Named:
    """What names the drug: inline, contained, by reference, or the reference's display."""
    reference = found.medication_reference
    if found.medication_codeable_concept is not ABSENT:
        display = reference.display if reference else ""
        return bytes(found.medication_codeable_concept), display, ""
    if reference is None:
        return None, "", ""
    concept, form = None, ""
    resource = _medication(reference, found.contained, context)
    if resource is None and (reference.reference or not reference.display):
        notes.say(
            f"the Medication {reference.reference or 'without reference'} was not found"
            + ("; its display was read" if reference.display else "")
        )
    if resource is not None:
        concept, form = resource.code, text_of(resource.form)
        if concept is None and len(resource.ingredient) == 1:
            concept = resource.ingredient[0].item_codeable_concept
    return concept, reference.display, form


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


def links_of(context: Context, *references: base.Reference | None) -> tuple[str, ...]:
    """References of the same source, relative; where a reference has an identifier, that too."""
    given = [one for one in references if one is not None]
    if not given:
        return ()
    found = [relative(key) for one in given if (key := context.key_of(one))]
    named = keys(base.Reference(identifier=one.identifier) for one in given if one.identifier)
    return tuple(dict.fromkeys((*found, *named)))


def first_named(performers: Sequence[medication.Performer], context: Context) -> str:
    """Who handed it over or gave it: the first who has a name."""
    for one in performers:
        if name := context.name_of(one.actor):
            return name
    return ""


def _reasons(
    found: medication.MedicationLine, context: Context
) -> tuple[tuple[str, ...], tuple[Coding, ...]]:
    stated = _NO_REASON
    if found.reason_code is not ABSENT:
        stated = context.contents.reasons[bytes(found.reason_code)]
    if not found.reason_reference:
        return stated.texts, stated.codings
    shown = (one.display for one in found.reason_reference if one.display)
    return (*stated.texts, *shown), stated.codings


def _medication(
    reference: base.Reference, contained: Sequence[msgspec.Raw], context: Context
) -> medication.Medication | None:
    if reference.reference.startswith("#"):
        for raw in contained:
            try:
                inner = _contained(raw)
            except UNREADABLE:
                continue
            if inner.id.lstrip("#") == reference.reference[1:]:
                return inner
        return None
    return context.medications.get(context.key_of(reference))


def _name(found: medication.MedicationLine) -> str:
    reference = found.medication_reference
    written = found.medication_codeable_concept
    concept = None if written is ABSENT else _concept(written)
    return text_of(concept) or (reference.display if reference else "")
