"""Why something is not written to a server, in words that a person can act on; "" where it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.write import care_plan, medication_list, statement
from service.write.desk import Desk
from service.write.wanted import unclaimable

_WITHOUT_COMPLETE_SOURCES = frozenset(
    {"DetectedIssue", "Task", "Communication", "Provenance", "AuditEvent"}
)


def blocked(desk: Desk) -> str:
    """Why nothing at all is written to this target."""
    doubtful = [
        f"{record['source']}:{record['reference']}"
        for record in desk.report["patient"]["records"]
        if record["grade"] in {"probable", "possible"}
    ]
    if doubtful:
        return f"it is not decided whether these records are this person: {', '.join(doubtful)}"
    if not desk.subject:
        return "it holds no certain record of this person"
    return ""


def refusal(desk: Desk, resource_type: str) -> str:
    """Why resources of this type are not written to this target."""
    return desk.target.refusal(resource_type) or held_back(desk, resource_type)


def held_back(desk: Desk, resource_type: str) -> str:
    """Why this signature leads to nothing of this type there, whatever the server takes."""
    standing = desk.earlier.get(desk.standing_key(resource_type))
    if standing is not None and standing.version is None:
        return "the version of our earlier resource is not known there"
    if resource_type == medication_list.TYPE:
        return unclaimable(desk)
    if desk.signing.scope != "all" and resource_type in {statement.TYPE, care_plan.TYPE}:
        return "the signature covers single decisions, not the whole list"
    if desk.incomplete and resource_type not in _WITHOUT_COMPLETE_SOURCES:
        return f"not every source was complete: {'; '.join(desk.incomplete)}"
    return ""


def incomplete_sources(report: Mapping[str, Any]) -> tuple[str, ...]:
    """The sources that were not complete, each in words."""
    return tuple(
        f"{source['name']} is {source['state']}"
        for source in report["sources"]
        if source["state"] != "complete"
    )
