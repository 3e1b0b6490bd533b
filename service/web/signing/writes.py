"""One planned write as a sentence, for the person who is about to sign it.

The resource itself stands beside the sentence; nothing here decides what is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from service.model.review import PlannedWrite
from service.web.language import counted, say

Resource = Mapping[str, Any]

PARTS: Final = (
    ("supportingInfo", "{count} finding", "{count} findings"),
    ("activity", "{count} activity", "{count} activities"),
    ("goal", "{count} goal", "{count} goals"),
    (
        "note",
        "{count} question or wish of the patient",
        "{count} questions or wishes of the patient",
    ),
)
"""What a care plan holds, by element: for one and for many."""
LISTED: Final = (
    "The signed list, with {count} medication",
    "The signed list, with {count} medications",
)


def sentence(write: PlannedWrite) -> str:
    """What this write does, in words: "Asks Dr. Fennimore: Please clarify ..."."""
    says = _SAYS.get(write.type)
    words = says(write.resource) if says else say("Writes a {type}", type=write.type)
    if write.if_match:
        return say("{what} (a new version of what Concord wrote there before)", what=words)
    return words


def _list(resource: Resource) -> str:
    count = len(resource.get("entry", ()))
    if not count:
        return say("The signed list, with no medication")
    return counted(*LISTED, count)


def _statement(resource: Resource) -> str:
    return say("On the list: {drug}", drug=_text(resource.get("medicationCodeableConcept")))


def _task(resource: Resource) -> str:
    if resource.get("status") == "completed":
        return say("That the medications were reconciled, by whom and when")
    owner = resource.get("owner", {}).get("display", "")
    until = str(resource.get("restriction", {}).get("period", {}).get("end", ""))[:10]
    whom, what = owner or say("whoever owns the order"), resource.get("description", "")
    if until:
        return say("Asks {whom} until {day}: {what}", whom=whom, day=until, what=what)
    return say("Asks {whom}: {what}", whom=whom, what=what)


def _visit(resource: Resource) -> str:
    until = str(resource.get("requestedPeriod", [{}])[0].get("end", ""))[:10]
    what = resource.get("description", "")
    return say("{what} (until {day})", what=what, day=until) if until else str(what)


def _plan(resource: Resource) -> str:
    counts = ((len(resource.get(key, ())), one, many) for key, one, many in PARTS)
    told = [counted(one, many, count) for count, one, many in counts if count]
    return say("The care plan: {what}", what=", ".join(told) or say("nothing open"))


def _issue(resource: Resource) -> str:
    return say("A finding, as it was decided: {what}", what=_text(resource.get("code")))


def _provenance(_resource: Resource) -> str:
    return say("Who signed, when, and on which lines of which sources it rests")


def _text(concept: Any) -> str:
    return str(concept.get("text") or "") if isinstance(concept, Mapping) else ""


_SAYS: Final[Mapping[str, Callable[[Resource], str]]] = {
    "List": _list,
    "MedicationStatement": _statement,
    "Task": _task,
    "Appointment": _visit,
    "CarePlan": _plan,
    "DetectedIssue": _issue,
    "Provenance": _provenance,
}
