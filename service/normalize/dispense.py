"""MedicationDispense: one supply as a line of a source's list.

Sources: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2).
"""

from __future__ import annotations

from datetime import date

from service.model.evidence import Origin
from service.model.medication import Kind, MedicationEntry
from service.normalize.concept import text_of
from service.normalize.context import Context, Notes
from service.normalize.dates import first_day
from service.normalize.line import described, first_named, line_of, links_of, named_by
from service.normalize.wire.medication import MedicationDispense


def dispensed_on(found: MedicationDispense, _: Context) -> date | None:
    return first_day(found.when_handed_over) or first_day(found.when_prepared)


def from_dispense(
    origin: Origin, found: MedicationDispense, context: Context, notes: Notes
) -> MedicationEntry:
    """One supply as a line; without a dosage, quantity and days' supply tell the daily dose."""
    prepared = notes.first_day(found.when_prepared, "whenPrepared")
    supplied = notes.first_day(found.when_handed_over, "whenHandedOver") or prepared
    words = (
        named_by(found, context, notes),
        bytes(found.dosage_instruction),
        bytes(found.quantity),
        bytes(found.days_supply),
    )
    content = context.contents.dispenses[words]
    if content.dated:
        content = context.contents.dispense(words, context.as_of, supplied)
    reason = found.status_reason_codeable_concept or found.not_done_reason_codeable_concept
    return line_of(
        origin,
        Kind.DISPENSE,
        found,
        content,
        context,
        notes,
        status=described(content, found, notes),
        start=supplied,
        end=None,
        authored=prepared,
        supplied_on=supplied,
        dispenser=first_named(found.performer, context),
        status_reason=text_of(reason),
        links=links_of(context, *found.authorizing_prescription, *found.part_of),
    )
