"""Who cares for the patient: participants of active CareTeams, and the general practitioners.

Source: HL7 FHIR R4 (4.0.1), CareTeam and Patient.generalPractitioner.
"""

from __future__ import annotations

from datetime import date

from service.model.clinical import CareTeamMember
from service.model.evidence import Origin
from service.normalize.concept import text_of
from service.normalize.context import Context, Notes
from service.normalize.dates import first_day, last_day
from service.normalize.wire import base, clinical

ENDED = frozenset({"inactive", "entered-in-error", "suspended", "proposed"})
GENERAL_PRACTITIONER = "general practitioner"


def members(
    origin: Origin, found: clinical.CareTeam, context: Context, notes: Notes
) -> tuple[CareTeamMember, ...]:
    """The members of the team on `as_of`, without the patient; nobody when the team has ended."""
    if found.status in ENDED or not holds(found.period, context.as_of):
        return ()
    if not found.participant:
        notes.say("the care team names nobody")
    return tuple(
        CareTeamMember(
            origin=origin,
            role=", ".join(filter(None, map(text_of, base.several(one.role)))),
            name=context.name_of(one.member),
            member=context.key_of(one.member),
            source_role=context.role.value,
        )
        for one in found.participant
        if one.member is not None
        and not context.key_of(one.member).startswith("Patient/")
        and holds(one.period, context.as_of)
    )


def general_practitioners(
    origin: Origin, found: clinical.Patient, context: Context
) -> tuple[CareTeamMember, ...]:
    return tuple(
        CareTeamMember(
            origin=origin,
            role=GENERAL_PRACTITIONER,
            name=context.name_of(one),
            member=context.key_of(one),
            source_role=context.role.value,
        )
        for one in found.general_practitioner
    )


def holds(period: base.Period | None, as_of: date) -> bool:
    """Whether a day lies within a period; without one it does."""
    if period is None:
        return True
    start, end = first_day(period.start), last_day(period.end)
    return (start is None or start <= as_of) and (end is None or end >= as_of)
