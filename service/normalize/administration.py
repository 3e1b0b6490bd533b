"""MedicationAdministration: what was given, as a line of a source's list.

Sources: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2).
"""

from __future__ import annotations

from datetime import date

from service.model.evidence import Origin
from service.model.medication import Kind, MedicationEntry
from service.normalize.concept import texts
from service.normalize.context import Context, Notes
from service.normalize.dates import first_day
from service.normalize.line import described, first_named, line_of, links_of, named_by
from service.normalize.wire.medication import MedicationAdministration


def administered_on(found: MedicationAdministration, _: Context) -> date | None:
    period = found.effective_period
    return first_day(found.effective_date_time or (period.start if period else ""))


def from_administration(
    origin: Origin, found: MedicationAdministration, context: Context, notes: Notes
) -> MedicationEntry:
    """One administration as a line: what was given, on its day; STU3 `notGiven` is `not-done`."""
    given = administered_on(found, context)
    words = (named_by(found, context, notes), bytes(found.dosage), b"", b"")
    content = context.contents.administrations[words]
    if content.dated:
        content = context.contents.administration(words, context.as_of, given)
    status = described(content, found, notes)
    not_given = found.not_given or found.status == "not-done"
    return line_of(
        origin,
        Kind.ADMINISTRATION,
        found,
        content,
        context,
        notes,
        status="not-done" if found.not_given else status,
        taken="not" if not_given else "",
        start=given,
        end=None,
        supplied_on=given,
        dispenser=first_named(found.performer, context),
        status_reason=", ".join(texts((*found.status_reason, *found.reason_not_given))),
        links=links_of(context, found.request, found.prescription, *found.based_on, *found.part_of),
    )
