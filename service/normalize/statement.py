"""MedicationStatement: what is said to be taken, as a line of a source's list.

Sources: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2); US Core 6.1.0 (medication adherence extension).
"""

from __future__ import annotations

from datetime import date

from service.model.evidence import Origin
from service.model.medication import Kind, MedicationEntry
from service.normalize.concept import texts
from service.normalize.context import Context, Notes
from service.normalize.dates import first_day
from service.normalize.line import adherence, described, line_of, links_of, named_by
from service.normalize.wire.medication import MedicationStatement

_STU3_TAKEN = {"y": "taking", "n": "not"}
_ENDED = frozenset({"stopped", "completed", "not-taken"})


def stated_on(found: MedicationStatement, _: Context) -> date | None:
    return first_day(found.date_asserted) or first_day(_effective(found))


def from_statement(
    origin: Origin, found: MedicationStatement, context: Context, notes: Notes
) -> MedicationEntry:
    """One statement as a line; `taken` joins STU3's element with R4's status and US Core's word."""
    period = found.effective_period
    begins = notes.first_day(_effective(found), "effective")
    ends = notes.last_day(period.end, "effectivePeriod.end") if period else None
    words = (named_by(found, context, notes), bytes(found.dosage), b"", b"")
    content = context.contents.statements[words]
    if content.dated:
        content = context.contents.statement(words, context.as_of, begins)
    status = described(content, found, notes)
    taken = adherence(found.extension) or _STU3_TAKEN.get(found.taken, "")
    if status == "not-taken" or found.taken == "n":
        taken = "not"
    ends = ends or content.doses.ends
    informant, informant_key = context.who(found.information_source)
    return line_of(
        origin,
        Kind.STATEMENT,
        found,
        content,
        context,
        notes,
        status=status,
        taken=taken,
        start=begins or content.doses.starts,
        end=ends,
        reported=True,
        authored=notes.first_day(found.date_asserted, "dateAsserted"),
        stopped_on=ends if status in _ENDED else None,
        requester=informant,
        requester_key=informant_key,
        status_reason=", ".join(texts((*found.status_reason, *found.reason_not_taken))),
        links=links_of(context, *found.based_on, *found.derived_from, *found.part_of),
    )


def _effective(found: MedicationStatement) -> str:
    period = found.effective_period
    return found.effective_date_time or (period.start if period else "")
