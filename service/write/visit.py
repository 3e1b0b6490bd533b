"""Appointment: a visit that is missing, proposed to whoever books it; never booked by us.

Source: FHIR R4 Appointment (status proposed has no time; app-1, app-3). What it is for stands in
supportingInformation: R4 takes no DetectedIssue as reasonReference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.model.review import Decision, Disposition
from service.write import issue
from service.write.codes import SIGNED
from service.write.desk import Desk
from service.write.elements import compact, instant, meta, narrative, printable
from service.write.identity import identifier

TYPE = "Appointment"

MISSING = frozenset({"follow-up-missing", "lai-no-show", "lai-not-booked", "no-show-high-risk"})
"""Types of findings that a visit answers."""
_RECORD_REVIEW = frozenset({"follow-up/discharge-reconciliation"})
"""Rules of such a type that a look at the record answers as well."""


def proposed(finding: Mapping[str, Any], decision: Decision) -> bool:
    """Whether this decision asks somebody for a visit: given to a person, or by a day."""
    return (
        finding["type"] in MISSING
        and finding["rule"]["id"] not in _RECORD_REVIEW
        and decision.disposition is not Disposition.OVERRIDE
        and bool(decision.assigned_to or decision.due)
    )


def title(finding: Mapping[str, Any]) -> str:
    return f"Proposed visit: {finding['title']}"


def build(desk: Desk, finding: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    """The visit that answers one finding, with the patient and whoever was asked for it."""
    notice = desk.notice(finding["medications"])
    why = desk.ours(issue.TYPE, desk.issue_key(finding["id"]), printable(finding["title"]))
    asked = [desk.patient_reference()]
    if decision.assigned_to:
        asked.append(desk.member(decision.assigned_to))
    until, periods = "", []
    if decision.due:
        first, last = desk.signing.at.date().isoformat(), decision.due.isoformat()
        until, periods = f"Proposed until {last}.", [{"start": first, "end": last}]
    return compact(
        {
            "resourceType": TYPE,
            "meta": meta([SIGNED], issue.labels_of(desk, finding)),
            "text": narrative(title(finding), [until, notice]),
            "identifier": [identifier(desk.event_key(TYPE, finding["id"]))],
            "status": "proposed",
            "description": printable(title(finding)),
            "supportingInformation": [why],
            "created": instant(desk.signing.at),
            "comment": printable(" ".join(part for part in (finding["advice"], notice) if part)),
            "participant": [{"actor": one, "status": "needs-action"} for one in asked],
            "requestedPeriod": periods,
        }
    )
