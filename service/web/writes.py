"""One planned write as a sentence, for the person who is about to sign it.

The resource itself stands beside the sentence; nothing here decides what is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from service.model.review import PlannedWrite
from service.web.words import counted

Resource = Mapping[str, Any]


def sentence(write: PlannedWrite) -> str:
    """What this write does, in words: "Asks Dr. Fennimore: Please clarify ..."."""
    says = _SAYS.get(write.type)
    words = says(write.resource) if says else f"Writes a {write.type}"
    if write.if_match:
        return f"{words} (a new version of what Concord wrote there before)"
    return words


def _list(resource: Resource) -> str:
    count = len(resource.get("entry", ()))
    drugs = counted(count, "medication") if count else "no medication"
    return f"The signed list, with {drugs}"


def _statement(resource: Resource) -> str:
    return f"On the list: {_text(resource.get('medicationCodeableConcept'))}"


def _task(resource: Resource) -> str:
    if resource.get("status") == "completed":
        return "That the medications were reconciled, by whom and when"
    owner = resource.get("owner", {}).get("display", "")
    until = str(resource.get("restriction", {}).get("period", {}).get("end", ""))[:10]
    asked = f"Asks {owner or 'whoever owns the order'}" + (f" until {until}" if until else "")
    return f"{asked}: {resource.get('description', '')}"


def _plan(resource: Resource) -> str:
    parts = (
        (len(resource.get("supportingInfo", ())), "finding"),
        (len(resource.get("activity", ())), "activity", "activities"),
        (len(resource.get("goal", ())), "goal"),
    )
    told = [counted(*part) for part in parts if part[0]]
    return "The care plan: " + (", ".join(told) or "nothing open")


def _issue(resource: Resource) -> str:
    return f"A finding, as it was decided: {_text(resource.get('code'))}"


def _provenance(_resource: Resource) -> str:
    return "Who signed, when, and on which lines of which sources it rests"


def _text(concept: Any) -> str:
    return str(concept.get("text") or "") if isinstance(concept, Mapping) else ""


_SAYS: Final[Mapping[str, Callable[[Resource], str]]] = {
    "List": _list,
    "MedicationStatement": _statement,
    "Task": _task,
    "CarePlan": _plan,
    "DetectedIssue": _issue,
    "Provenance": _provenance,
}
