"""Appointment and Encounter as Visit.

Source: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2), Appointment and Encounter; v3-ActCode for classes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from service.model.clinical import Visit
from service.model.concept import Coding
from service.model.evidence import Origin
from service.normalize.concept import text_of, texts, with_text
from service.normalize.context import Context, Notes
from service.normalize.dates import first_day, moment
from service.normalize.wire import base, clinical

INPATIENT = frozenset({"IMP", "ACUTE", "NONAC"})
_PLANNED = frozenset({"planned", "booked", "proposed", "pending", "waitlist"})


def booked_on(found: clinical.Appointment) -> date | None:
    """When it was booked; None lets it count, as appointments of later days are plans."""
    return first_day(found.created)


def met_on(found: clinical.Encounter) -> date | None:
    """When it began; a planned one counts as what is planned."""
    if found.status in _PLANNED or found.period is None:
        return None
    return first_day(found.period.start)


def from_appointment(
    origin: Origin, found: clinical.Appointment, context: Context, notes: Notes
) -> Visit:
    references = [one.actor for one in found.participant if one.actor is not None]
    return Visit(
        origin=origin,
        kind="appointment",
        status=found.status,
        start=notes.first_day(found.start, "start"),
        start_at=moment(found.start),
        end=notes.last_day(found.end, "end"),
        services=with_text(
            *base.several(found.service_type),
            *base.several(found.specialty),
            found.appointment_type,
            *base.several(found.service_category),
        ),
        reasons=tuple(
            dict.fromkeys(
                filter(None, (*texts((*found.reason_code, *found.reason)), found.description))
            )
        ),
        with_whom=_names(references, context),
        participants=_keys(references, context),
        source_role=context.role.value,
        created=notes.first_day(found.created, "created"),
    )


def from_encounter(
    origin: Origin, found: clinical.Encounter, context: Context, notes: Notes
) -> Visit:
    """A contact; `discharge` says that a stay in hospital ended with it."""
    period = found.period or base.Period()
    references = [one.individual or one.actor for one in found.participant]
    known = [one for one in (*references, found.service_provider) if one is not None]
    of_class = found.class_
    start = notes.first_day(period.start, "period.start")
    end = notes.last_day(period.end, "period.end")
    disposition = found.hospitalization.discharge_disposition if found.hospitalization else None
    stayed = of_class is not None and of_class.code in INPATIENT and end is not None
    return Visit(
        origin=origin,
        kind="encounter",
        status=found.status,
        start=start,
        start_at=moment(period.start),
        end=end,
        services=(
            *with_text(*found.type, found.service_type),
            *((Coding(of_class.system, of_class.code, of_class.display),) if of_class else ()),
        ),
        reasons=texts((*found.reason_code, *found.reason)),
        with_whom=_names(known, context),
        participants=_keys(known, context),
        source_role=context.role.value,
        discharge=bool(text_of(disposition)) or stayed,
    )


def _names(references: Iterable[base.Reference], context: Context) -> tuple[str, ...]:
    """Names of those who are met, without the patient."""
    others = (one for one in references if not context.key_of(one).startswith("Patient/"))
    return tuple(dict.fromkeys(filter(None, map(context.name_of, others))))


def _keys(references: Iterable[base.Reference], context: Context) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(context.key_of, references))))
