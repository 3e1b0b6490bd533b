"""What a signature leads to for one server, before it is asked whether the server takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from service.model.review import Disposition
from service.write import (
    care_plan,
    flag,
    issue,
    medication_list,
    proposal,
    statement,
    task,
    visit,
)
from service.write.desk import Desk

LISTED = frozenset({"current", "planned", "held", "conflict", "unknown"})
AGREEING = frozenset({"confirmed-match", "equivalent-product"})


class Wanted(NamedTuple):
    """One resource that the signature leads to, built only when its target takes it."""

    type: str
    key: str
    item: str
    build: Callable[[], dict[str, Any]]


def wanted(desk: Desk) -> list[Wanted]:
    """What this signature leads to for one target, before asking whether it is taken there."""
    medications = {
        m["id"]: m
        for m in desk.report["medications"]
        if m["id"] in desk.covered and m["id"] not in desk.withheld
    }
    findings = {
        f["id"]: f
        for f in desk.report["findings"]
        if f["id"] in desk.covered and f["id"] not in desk.withheld and f["type"] not in AGREEING
    }
    listed = [m for m in medications.values() if m["state"] in LISTED]
    found = [
        Wanted(
            statement.TYPE,
            desk.standing_key(statement.TYPE, m["id"]),
            m["id"],
            partial(statement.build, desk, m, desk.covered[m["id"]]),
        )
        for m in listed
    ]
    found += [
        Wanted(
            issue.TYPE,
            desk.issue_key(item),
            item,
            partial(issue.build, desk, finding, desk.covered[item]),
        )
        for item, finding in findings.items()
    ]
    found += [
        _event(desk, proposal.TYPE, proposal.build, medication)
        for item, medication in medications.items()
        if desk.covered[item].disposition in {Disposition.CHANGE, Disposition.ADD}
    ]
    found.append(
        Wanted(
            medication_list.TYPE,
            desk.standing_key(medication_list.TYPE),
            "",
            partial(medication_list.build, desk, listed, desk.covered),
        )
    )
    tasks = _tasks(desk, medications, findings)
    visits = [
        _event(desk, visit.TYPE, visit.build, finding)
        for item, finding in findings.items()
        if visit.proposed(finding, desk.covered[item])
    ]
    found += [
        Wanted(
            flag.TYPE,
            desk.standing_key(flag.TYPE, m["id"]),
            m["id"],
            partial(flag.build, desk, m),
        )
        for m in listed
        if flag.risk(desk, m)
    ]
    if not unclaimable(desk):
        found.append(Wanted(task.TYPE, desk.event_key(task.TYPE), "", partial(task.done, desk)))
    found += [*tasks, *visits]
    issues = [
        (desk.issue_key(item), finding["title"])
        for item, finding in findings.items()
        if desk.covered[item].disposition is not Disposition.OVERRIDE
    ]
    if issues or care_plan.words(desk):
        named = medications | findings
        asked = [(one.type, one.key, _title(named[one.item])) for one in tasks]
        asked += [(one.type, one.key, visit.title(named[one.item])) for one in visits]
        labels = frozenset(x for m in medications.values() for x in statement.labels_of(m))
        found.append(
            Wanted(
                care_plan.TYPE,
                desk.standing_key(care_plan.TYPE),
                "",
                partial(care_plan.build, desk, issues, asked, labels),
            )
        )
    return found


def _tasks(desk: Desk, medications: Mapping[str, Any], findings: Mapping[str, Any]) -> list[Wanted]:
    """One Task per proposal or question on a medication, and per finding given to somebody."""
    found = []
    for item, medication in medications.items():
        decision = desk.covered[item]
        live = medication["state"] in LISTED or decision.disposition is Disposition.ADD
        if decision.disposition in task.ASKING and live:
            found.append(_event(desk, task.TYPE, task.for_medication, medication))
    for item, finding in findings.items():
        decision = desk.covered[item]
        if decision.assigned_to or decision.due:
            found.append(_event(desk, task.TYPE, task.for_finding, finding))
    return found


def _event(
    desk: Desk, kind: str, build: Callable[..., dict[str, Any]], about: Mapping[str, Any]
) -> Wanted:
    """What one decision of this review leads to, about a medication or a finding."""
    item = about["id"]
    made = partial(build, desk, about, desk.covered[item])
    return Wanted(kind, desk.event_key(kind, item), item, made)


def unclaimable(desk: Desk) -> str:
    """Why the list cannot be claimed as reconciled; "" when it can."""
    if desk.signing.scope != "all":
        return "the signature covers single decisions, not the whole list"
    if desk.incomplete:
        return f"not every source was complete: {'; '.join(desk.incomplete)}"
    undecided = [
        medication["id"]
        for medication in desk.report["medications"]
        if medication["state"] in LISTED and medication["id"] not in desk.covered
    ]
    if undecided:
        return f"{len(undecided)} medications are undecided"
    return ""


def _title(item: Mapping[str, Any]) -> str:
    return str(item.get("title") or item.get("display"))
