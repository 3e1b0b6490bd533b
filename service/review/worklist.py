"""Who needs a look first: the gravest finding, then the next visit, then how long it waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from service.model.finding import Severity

_NO_VISIT = "9999-12-31"
CHANGED = ("started", "changed", "stopped")
"""Words of `change` that ask for a look; "unchanged" does not."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a patient stands in the worklist and why; `sort` orders as text, smallest first.

    `not_evaluable` counts rules that lacked data, `incomplete_sources` sources that are not
    complete: neither is ever shown as safe.
    """

    severity: Severity
    urgent: bool
    next_visit: date | None
    high: int
    moderate: int
    low: int
    not_evaluable: int
    incomplete_sources: int
    sort: str


def place(report: Mapping[str, Any], patient: str, waiting_since: datetime) -> Place:
    """The place of one patient by the newest report.

    Args:
        report: the dict of `concord/report/1`.
        patient: opaque id, the last key of the order, so that no two places are equal.
        waiting_since: when the report's content was first seen.
    """
    shown = [finding for finding in report["findings"] if finding["bucket"] == "shown"]
    counted = Counter(finding["severity"] for finding in shown)
    severity = min(
        (Severity(finding["severity"]) for finding in shown),
        key=lambda one: one.rank,
        default=Severity.NONE,
    )
    urgent = any(finding["urgent"] for finding in shown)
    visit = _next_visit(report)
    return Place(
        severity=severity,
        urgent=urgent,
        next_visit=visit,
        high=counted[Severity.HIGH.value],
        moderate=counted[Severity.MODERATE.value],
        low=counted[Severity.LOW.value],
        not_evaluable=sum(f["bucket"] == "not-evaluable" for f in report["findings"]),
        incomplete_sources=sum(source["state"] != "complete" for source in report["sources"]),
        sort="|".join(
            (
                "0" if urgent else "1",
                str(severity.rank),
                visit.isoformat() if visit else _NO_VISIT,
                waiting_since.astimezone(UTC).isoformat(timespec="microseconds"),
                patient,
            )
        ),
    )


def face(report: Mapping[str, Any]) -> dict[str, Any]:
    """What a row of the worklist shows of a report, so that no report is opened for it.

    `gravest` is the title of the first shown finding, `incomplete` names the sources that are not
    complete, `changed` counts medications by how they differ from the last signed list.
    """
    grave = [f for f in report["findings"] if f["bucket"] == "shown" and f["severity"] != "none"]
    first = min(grave, key=lambda f: (not f["urgent"], Severity(f["severity"]).rank), default=None)
    changes = Counter(m["change"] for m in report["medications"] if m.get("change"))
    return {
        "as_of": report["as_of"],
        "gravest": first["title"] if first else "",
        "next": report.get("next_appointment"),
        "incomplete": [s["name"] for s in report["sources"] if s["state"] != "complete"],
        "medications": len(report["medications"]),
        "changed": {word: changes[word] for word in CHANGED if changes[word]},
    }


def terms(report: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What the patient is found by: types of shown findings, drugs, and who prescribes or is seen.

    Each is (kind, term), the kind one of finding, rule, drug and clinician.
    """
    booked = report.get("next_appointment") or {}
    found = {("clinician", name) for name in booked.get("with", ())}
    for finding in report["findings"]:
        if finding["bucket"] == "shown" and finding["severity"] != "none":
            found |= {("finding", finding["type"]), ("rule", finding["rule"]["id"])}
    for medication in report["medications"]:
        found |= {("drug", ingredient["name"]) for ingredient in medication["ingredients"]}
        found |= {("clinician", line["requester"]) for line in medication["lines"]}
    return tuple(sorted((kind, term) for kind, term in found if term))


def _next_visit(report: Mapping[str, Any]) -> date | None:
    booked = report.get("next_appointment")
    return date.fromisoformat(booked["date"]) if booked and booked["date"] else None
