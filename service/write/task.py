"""Task: that a reconciliation was done, and each question or proposal to whoever owns the order.

Source: HEDIS/DEQM medication reconciliation (SNOMED 430193006, status completed, output the list);
FHIR workflow (another organization is asked by a Task, its order is never edited).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.model.review import Decision, Disposition
from service.write import issue, medication_list, statement
from service.write.codes import INCOMPLETE, RECONCILIATION, SIGNED, concept
from service.write.elements import compact, instant, meta, narrative, person, printable
from service.write.identity import identifier
from service.write.target import Desk

TYPE = "Task"

ASKING = frozenset(
    {
        Disposition.CHANGE,
        Disposition.PROPOSE_STOP,
        Disposition.HOLD,
        Disposition.ADD,
        Disposition.NOT_SURE,
    }
)
"""Decisions on a medication that somebody else has to act on."""

_ASKS = {
    Disposition.CHANGE: "Please consider changing {drug} to {to}.",
    Disposition.PROPOSE_STOP: (
        "Please consider stopping {drug}. Many of these medicines must not end at once: whether "
        "and in which steps is the prescriber's decision."
    ),
    Disposition.HOLD: (
        "Please consider holding {drug}. Whether it may pause at once is the prescriber's decision."
    ),
    Disposition.ADD: "Please consider starting {drug}: {to}.",
    Disposition.NOT_SURE: "Please clarify how {drug} is meant to be taken.",
}


def done(desk: Desk) -> dict[str, Any]:
    """The completed reconciliation with the signed list as its output."""
    at = instant(desk.signing.at)
    signed = desk.ours(medication_list.TYPE, desk.standing_key(medication_list.TYPE))
    return compact(
        {
            "resourceType": TYPE,
            "meta": meta([SIGNED]),
            "text": narrative("Medication reconciliation, completed"),
            "identifier": [identifier(desk.event_key(TYPE))],
            "status": "completed",
            "intent": "order",
            "code": concept(RECONCILIATION),
            "focus": signed,
            "for": desk.patient_reference(),
            "executionPeriod": {"start": instant(desk.review.opened_at), "end": at},
            "authoredOn": instant(desk.review.opened_at),
            "lastModified": at,
            "requester": person(desk.signing.by),
            "owner": person(desk.signing.by),
            "output": [
                {"type": concept(text="Reconciled medication list"), "valueReference": signed}
            ],
        }
    )


def for_medication(desk: Desk, medication: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    """A proposal or question about one medication."""
    to = decision.to.text if decision.to else ""
    asked = _ASKS[decision.disposition].format(drug=medication["display"], to=to)
    focus = desk.ours(
        statement.TYPE,
        desk.standing_key(statement.TYPE, medication["id"]),
        printable(medication["display"]),
    )
    return _open(desk, decision, asked, focus, statement.labels_of(medication))


def for_finding(desk: Desk, finding: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    """What somebody is asked to do about one finding."""
    asked = " ".join(part for part in (finding["message"], finding["advice"]) if part)
    focus = desk.ours(
        issue.TYPE, desk.standing_key(issue.TYPE, finding["id"]), printable(finding["title"])
    )
    labels = {
        label
        for medication in desk.report["medications"]
        if medication["id"] in finding["medications"]
        for label in statement.labels_of(medication)
    }
    return _open(desk, decision, asked, focus, frozenset(labels))


def _open(
    desk: Desk,
    decision: Decision,
    asked: str,
    focus: dict[str, Any],
    labels: frozenset[str],
) -> dict[str, Any]:
    at = instant(desk.signing.at)
    reason = f"Reason: {decision.reason}" if decision.reason else ""
    tags = [SIGNED, INCOMPLETE] if desk.incomplete else [SIGNED]
    basis = (
        f"Not every source was complete: {'; '.join(desk.incomplete)}" if desk.incomplete else ""
    )
    return compact(
        {
            "resourceType": TYPE,
            "meta": meta(tags, labels),
            "text": narrative(asked, [reason, basis]),
            "identifier": [identifier(desk.event_key(TYPE, decision.item))],
            "status": "requested",
            "intent": "proposal",
            "description": printable(" ".join(part for part in (asked, reason, basis) if part)),
            "focus": focus,
            "for": desk.patient_reference(),
            "authoredOn": at,
            "lastModified": at,
            "requester": person(desk.signing.by),
            "owner": {"display": printable(decision.assigned_to)} if decision.assigned_to else None,
            "restriction": {"period": {"end": decision.due.isoformat()}} if decision.due else None,
        }
    )
