"""The plan beside the list, as plain values: calendar, questions, activities, goals, education."""

from __future__ import annotations

from datetime import date
from typing import Any

from service.model.care import Booked, CarePlanItems
from service.model.evidence import Origin


def plan(items: CarePlanItems) -> dict[str, Any]:
    """The items of the plan in their order; lists are empty where there is nothing."""
    return {
        "calendar": [
            {
                "what": entry.what,
                "due": entry.due.isoformat(),
                "overdue": entry.overdue,
                "rule": entry.rule,
                "medications": list(entry.medications),
                "owner": entry.owner or None,
                **_visit(entry.visit),
            }
            for entry in items.calendar
        ],
        "questions": [
            {"finding": asked.finding, "text": asked.text, **_visit(asked.visit)}
            for asked in items.questions
        ],
        "activities": [
            {
                "kind": activity.kind,
                "title": activity.title,
                **_origin(activity.origin),
                "status": activity.status,
                "date": _day(activity.on),
            }
            for activity in items.activities
        ],
        "goals": [
            {
                "kind": goal.kind,
                "text": goal.text,
                **_origin(goal.origin),
                "status": goal.status,
                "date": _day(goal.on),
            }
            for goal in items.goals
        ],
        "education": [
            {
                "text": taught.text,
                "source": taught.source,
                "medications": list(taught.medications),
            }
            for taught in items.education
        ],
        "timeline": [
            {
                "date": moment.on.isoformat(),
                "kind": moment.kind,
                "what": moment.what,
                "value": moment.value,
                "source": moment.source,
            }
            for moment in items.timeline
        ],
    }


def _visit(visit: Booked | None) -> dict[str, Any]:
    return {
        "appointment": visit.reference if visit else None,
        "appointment_date": visit.on.isoformat() if visit else None,
    }


def _origin(origin: Origin) -> dict[str, Any]:
    return {"source": origin.source, "reference": origin.reference}


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None
