"""CarePlan as it stands on its server. Source: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2), CarePlan."""

from __future__ import annotations

from datetime import date

from service.model.clinical import Plan, PlanActivity
from service.model.evidence import Origin
from service.normalize.concept import codings, text_of
from service.normalize.context import Context, Notes
from service.normalize.dates import first_day
from service.normalize.wire import clinical


def created_on(found: clinical.CarePlan) -> date | None:
    return first_day(found.created or (found.period.start if found.period else ""))


def plan(origin: Origin, found: clinical.CarePlan, context: Context, notes: Notes) -> Plan:
    """The plan with its activities, each by what it refers to or by what it says."""
    return Plan(
        origin=origin,
        status=found.status,
        title=found.title or found.description or text_of(next(iter(found.category), None)),
        categories=tuple(
            dict.fromkeys(one.code or one.display for one in codings(*found.category))
        ),
        activities=tuple(_activity(one, context) for one in found.activity),
        created=notes.first_day(found.created, "created"),
    )


def _activity(found: clinical.Activity, context: Context) -> PlanActivity:
    detail, reference = found.detail, found.reference
    text = (text_of(detail.code) or detail.description) if detail else ""
    return PlanActivity(
        reference=context.key_of(reference),
        text=text or (reference.display if reference else ""),
        status=detail.status if detail else "",
    )
