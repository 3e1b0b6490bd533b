"""MedicationRequest: one order as a line of a source's list.

Sources: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2).
"""

from __future__ import annotations

from datetime import date

from service.model.evidence import Origin
from service.model.medication import Kind, MedicationEntry
from service.normalize.concept import text_of
from service.normalize.context import Context, Notes
from service.normalize.dates import first_day
from service.normalize.line import described, line_of, links_of, named_by
from service.normalize.wire.medication import MedicationRequest

_ENDED = frozenset({"stopped", "completed", "cancelled"})


def requested_on(found: MedicationRequest, context: Context) -> date | None:
    """When an order was made; without authoredOn the start of its first dosage."""
    if authored := first_day(found.authored_on):
        return authored
    return first_day(context.contents.directions[bytes(found.dosage_instruction)].begins)


def from_request(
    origin: Origin, found: MedicationRequest, context: Context, notes: Notes
) -> MedicationEntry:
    """One order as a line; where no direction says a dose, quantity and duration tell it."""
    authored = notes.first_day(found.authored_on, "authoredOn")
    words = (
        named_by(found, context, notes),
        bytes(found.dosage_instruction),
        bytes(found.dispense_request),
        b"",
    )
    content = context.contents.requests[words]
    if content.dated:
        content = context.contents.request(words, context.as_of, authored)
    status = described(content, found, notes)
    agent = found.requester and (found.requester.agent or found.requester)
    requester, requester_key = context.who(agent)
    doses = content.doses
    return line_of(
        origin,
        Kind.REQUEST,
        found,
        content,
        context,
        notes,
        status=status,
        start=doses.starts,
        end=doses.ends,
        intent=found.intent,
        reported=found.reported_boolean or found.reported_reference is not None,
        authored=authored,
        stopped_on=doses.ends if status in _ENDED else None,
        valid_until=notes.last_day(content.valid_until, "validityPeriod.end"),
        requester=requester,
        requester_key=requester_key,
        status_reason=text_of(found.status_reason),
        links=links_of(context, *found.based_on, found.prior_prescription, *found.part_of),
    )
