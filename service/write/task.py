"""Task: that a reconciliation was done, and each question or proposal to whoever owns the order.

Source: HEDIS/DEQM medication reconciliation (SNOMED 430193006, status completed, output the list);
FHIR workflow (another organization is asked by a Task, its order is never edited).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from service.model.around import Stay
from service.model.review import Decision, Disposition, UserRole
from service.write import issue, medication_list, statement
from service.write.codes import (
    INCOMPLETE,
    MEDICATION_RECORDED,
    RECONCILIATION,
    SIGNED,
    concept,
)
from service.write.desk import Desk
from service.write.elements import compact, instant, meta, narrative, person, printable
from service.write.identity import identifier
from service.write.target import Signing

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

ATTESTED_WITHIN = timedelta(days=30)
_RECONCILING = frozenset({UserRole.PHARMACIST, UserRole.PSYCHIATRIST, UserRole.PRIMARY_CARE})

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
    """The completed reconciliation with the signed list as its output.

    After a stay in hospital it also attests the reconciliation that quality measures ask for.
    """
    at = instant(desk.signing.at)
    stay = attested(desk.known.stays, desk.signing)
    codes = [RECONCILIATION]
    if stay and desk.target.cpt_licensed:
        codes.append(MEDICATION_RECORDED)
    said = _after(stay, desk.signing) if stay else ""
    signed = desk.ours(medication_list.TYPE, desk.standing_key(medication_list.TYPE))
    return compact(
        {
            "resourceType": TYPE,
            "meta": meta([SIGNED]),
            "text": narrative("Medication reconciliation, completed", [said]),
            "identifier": [identifier(desk.event_key(TYPE))],
            "status": "completed",
            "intent": "order",
            "code": concept(*codes),
            "description": said,
            "focus": signed,
            "for": desk.patient_reference(),
            "executionPeriod": {"start": instant(desk.review.opened_at), "end": at},
            "authoredOn": instant(desk.review.opened_at),
            "lastModified": at,
            "requester": person(desk.signing.by),
            "owner": person(desk.signing.by),
            "reasonReference": desk.theirs(stay.source, stay.reference) if stay else None,
            "output": [
                {"type": concept(text="Reconciled medication list"), "valueReference": signed}
            ],
        }
    )


def attested(stays: Iterable[Stay], signing: Signing) -> Stay | None:
    """The newest stay after which this signature counts as reconciliation; None where none does.

    Source: NCQA HEDIS, Medication Reconciliation Post-Discharge (2016; a part of Transitions
    of Care as well): from the day of discharge to 30 days after it, 31 days in all, by a
    prescribing practitioner, clinical pharmacist or registered nurse.
    """
    if signing.by.role not in _RECONCILING:
        return None
    day = signing.at.date()
    near = [one for one in stays if timedelta() <= day - one.ended <= ATTESTED_WITHIN]
    return max(near, key=lambda one: (one.ended, one.source, one.reference), default=None)


def _after(stay: Stay, signing: Signing) -> str:
    days = (signing.at.date() - stay.ended).days
    passed = "on the day of discharge" if not days else f"{days} days after discharge"
    passed = passed.replace("1 days", "1 day") if days == 1 else passed
    return f"Medications reconciled {passed} ({stay.ended.isoformat()})."


def for_medication(desk: Desk, medication: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    """A proposal or question about one medication."""
    to = decision.to.text if decision.to else ""
    asked = _ASKS[decision.disposition].format(drug=medication["display"], to=to)
    focus = desk.ours(
        statement.TYPE,
        desk.standing_key(statement.TYPE, medication["id"]),
        printable(medication["display"]),
    )
    notice = desk.notice([medication["id"]])
    return _open(desk, decision, asked, focus, statement.labels_of(medication), notice)


def for_finding(desk: Desk, finding: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    """What somebody is asked to do about one finding."""
    asked = " ".join(part for part in (finding["message"], finding["advice"]) if part)
    focus = desk.ours(issue.TYPE, desk.issue_key(finding["id"]), printable(finding["title"]))
    notice = desk.notice(finding["medications"])
    return _open(desk, decision, asked, focus, issue.labels_of(desk, finding), notice)


def _open(
    desk: Desk,
    decision: Decision,
    asked: str,
    focus: dict[str, Any],
    labels: frozenset[str],
    notice: str,
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
            "text": narrative(asked, [reason, basis, notice]),
            "identifier": [identifier(desk.event_key(TYPE, decision.item))],
            "status": "requested",
            "intent": "proposal",
            "description": printable(
                " ".join(part for part in (asked, reason, basis, notice) if part)
            ),
            "focus": focus,
            "for": desk.patient_reference(),
            "authoredOn": at,
            "lastModified": at,
            "requester": person(desk.signing.by),
            "owner": desk.member(decision.assigned_to) if decision.assigned_to else None,
            "restriction": {"period": {"end": decision.due.isoformat()}} if decision.due else None,
        }
    )
