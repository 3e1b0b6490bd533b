"""Condition as a diagnosis or problem. Source: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2), Condition."""

from __future__ import annotations

from datetime import date

from service.model.clinical import Condition
from service.model.evidence import Origin
from service.normalize.concept import code_of, codings, text_of
from service.normalize.context import Context, Notes
from service.normalize.dates import first_day
from service.normalize.wire import clinical

_INACTIVE = frozenset({"inactive", "remission", "resolved"})
_REFUTED = frozenset({"refuted", "entered-in-error"})


def recorded_on(found: clinical.Condition) -> date | None:
    return first_day(found.recorded_date or found.asserted_date) or first_day(_onset(found))


def condition(
    origin: Origin, found: clinical.Condition, context: Context, notes: Notes
) -> Condition:
    """One condition; without a clinical status it is active unless it has abated by `as_of`."""
    period = found.abatement_period
    abated = notes.first_day(
        found.abatement_date_time or ((period.end or period.start) if period else ""), "abatement"
    )
    status = code_of(found.clinical_status)
    over = bool(found.abatement_boolean) or (abated is not None and abated <= context.as_of)
    return Condition(
        origin=origin,
        codings=codings(found.code),
        text=text_of(found.code),
        active=status not in _INACTIVE if status else not over,
        refuted=code_of(found.verification_status) in _REFUTED,
        onset=notes.first_day(_onset(found), "onset"),
        abated=abated,
        recorded=notes.first_day(found.recorded_date or found.asserted_date, "recordedDate"),
        note=" ".join(note.text for note in found.note if note.text),
    )


def _onset(found: clinical.Condition) -> str:
    return found.onset_date_time or (found.onset_period.start if found.onset_period else "")
