"""From a reviewed report to the exact writes per server: pure, and decided before anything is sent.

What is seen is what is written: the basis is the JSON report that the person had on the screen.
Nothing is left out silently: what a server does not get is listed as skipped with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from service.model.review import Disposition, PlannedWrite, Review
from service.write import (
    care_plan,
    issue,
    medication_list,
    proposal,
    provenance,
    statement,
    task,
)
from service.write.target import ORDER, Desk, Signing, Standing, WriteTarget

PROTECTED = frozenset(
    {
        "42CFRPart2", "ETH", "ETHUD", "OPIOIDUD", "SUD", "PSY", "PSYTHPN", "MH", "HIV", "STD",
        "SEX", "SDV", "VIO", "ABORTION", "SOGI", "GDIS", "R", "V",
    }
)  # fmt: skip
"""Labels (ActCode, Confidentiality) of data that goes to no other server without a consent."""

LISTED = frozenset({"current", "planned", "held", "conflict", "unknown"})
_WITHOUT_COMPLETE_SOURCES = frozenset({"DetectedIssue", "Task", "Provenance"})
AGREEING = frozenset({"confirmed-match", "equivalent-product"})


def plan(
    review: Review,
    report: Mapping[str, Any],
    targets: Sequence[WriteTarget],
    signing: Signing,
    *,
    key: bytes,
    version: str,
    earlier: Mapping[tuple[str, str], Standing] | None = None,
    consented: Callable[[str, str, str], bool] = lambda _source, _target, _label: False,
) -> tuple[PlannedWrite, ...]:
    """Every write of this signature, per target in the order in which they may refer to each other.

    Args:
        report: the JSON report that was reviewed.
        signing: who signs what; "mine" covers only that person's own decisions and leads to no
            list, no statements and no action plan.
        key: the store's secret for identifiers.
        version: Concord's version, for the Device of the Provenance.
        earlier: what stands already, by (target, identifier value): updated with If-Match.
        consented: whether a consent lets data of `source` with this label go to `target`.
    """
    covered = {
        item: decision
        for item, decision in review.standing.items()
        if signing.scope == "all" or decision.by.id == signing.by.id
    }
    bases = {target.name: target.base_url for target in targets if target.base_url}
    found: list[PlannedWrite] = []
    for target in sorted(targets, key=lambda one: one.name):
        desk = Desk(
            key=key,
            version=version,
            patient=review.patient,
            subject=_subject(report, target.name),
            review=review,
            report=report,
            signing=signing,
            target=target,
            bases=bases,
            covered=covered,
            withheld=_withheld(report, target.name, consented),
            incomplete=incomplete_sources(report),
            earlier={
                value: standing
                for (name, value), standing in (earlier or {}).items()
                if name == target.name
            },
        )
        found += _for_target(desk)
    return tuple(found)


def _for_target(desk: Desk) -> list[PlannedWrite]:
    wanted = _wanted(desk)
    blocked = _blocked(desk)
    refusals = {kind: blocked or _refusal(desk, kind) for kind in ORDER}
    for one in wanted:
        if not refusals[one.type]:
            desk.plan_place(one.key)
    found = [
        _write(desk, one, ordinal)
        for ordinal, one in enumerate(one for one in wanted if not refusals[one.type])
    ]
    written = [(one.type, one.key) for one in found]
    if written and not refusals[provenance.TYPE]:
        labels = frozenset(_labels(found))
        key = desk.event_key(provenance.TYPE)
        desk.plan_place(key)
        signed = _Wanted(
            provenance.TYPE, key, "", lambda: provenance.build(desk, written, labels, desk.withheld)
        )
        found.append(_write(desk, signed, len(found)))
    types = {one.type for one in wanted} | {provenance.TYPE}
    found += [
        _skipped(desk, kind, "", refusals[kind])
        for kind in ORDER
        if kind in types and refusals[kind]
    ]
    found += [
        _skipped(desk, statement.TYPE, item, "a label protects it and no consent lets it go there")
        for item in sorted(desk.withheld & desk.covered.keys())
    ]
    return found


class _Wanted(NamedTuple):
    """One resource that the signature leads to, built only when its target takes it."""

    type: str
    key: str
    item: str
    build: Callable[[], dict[str, Any]]


def _wanted(desk: Desk) -> list[_Wanted]:
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
    wanted = [
        _Wanted(
            statement.TYPE,
            desk.standing_key(statement.TYPE, m["id"]),
            m["id"],
            partial(statement.build, desk, m, desk.covered[m["id"]]),
        )
        for m in listed
    ]
    wanted += [
        _Wanted(
            issue.TYPE,
            desk.standing_key(issue.TYPE, item),
            item,
            partial(issue.build, desk, finding, desk.covered[item]),
        )
        for item, finding in findings.items()
    ]
    wanted += [
        _Wanted(
            proposal.TYPE,
            desk.event_key(proposal.TYPE, item),
            item,
            partial(proposal.build, desk, medication, desk.covered[item]),
        )
        for item, medication in medications.items()
        if desk.covered[item].disposition in {Disposition.CHANGE, Disposition.ADD}
    ]
    wanted.append(
        _Wanted(
            medication_list.TYPE,
            desk.standing_key(medication_list.TYPE),
            "",
            partial(medication_list.build, desk, listed, desk.covered),
        )
    )
    tasks = _tasks(desk, medications, findings)
    if not _unclaimable(desk):
        wanted.append(_Wanted(task.TYPE, desk.event_key(task.TYPE), "", partial(task.done, desk)))
    wanted += tasks
    issues = [
        (desk.standing_key(issue.TYPE, item), finding["title"])
        for item, finding in findings.items()
        if desk.covered[item].disposition is not Disposition.OVERRIDE
    ]
    if issues:
        named = medications | findings
        titles = [(one.key, _title(named[one.item])) for one in tasks]
        labels = frozenset(x for m in medications.values() for x in statement.labels_of(m))
        wanted.append(
            _Wanted(
                care_plan.TYPE,
                desk.standing_key(care_plan.TYPE),
                "",
                partial(care_plan.build, desk, issues, titles, labels),
            )
        )
    return wanted


def _tasks(
    desk: Desk, medications: Mapping[str, Any], findings: Mapping[str, Any]
) -> list[_Wanted]:
    """One Task per proposal or question on a medication, and per finding given to somebody."""
    found = []
    for item, medication in medications.items():
        decision = desk.covered[item]
        live = medication["state"] in LISTED or decision.disposition is Disposition.ADD
        if decision.disposition in task.ASKING and live:
            build = partial(task.for_medication, desk, medication, decision)
            found.append(_Wanted(task.TYPE, desk.event_key(task.TYPE, item), item, build))
    for item, finding in findings.items():
        decision = desk.covered[item]
        if decision.assigned_to or decision.due:
            build = partial(task.for_finding, desk, finding, decision)
            found.append(_Wanted(task.TYPE, desk.event_key(task.TYPE, item), item, build))
    return found


def _write(desk: Desk, wanted: _Wanted, ordinal: int) -> PlannedWrite:
    resource = wanted.build()
    standing = desk.earlier.get(wanted.key)
    if standing is not None:
        resource["id"] = standing.reference.partition("/")[2]
    return PlannedWrite(
        key=wanted.key,
        target=desk.target.name,
        ordinal=ordinal,
        type=wanted.type,
        resource=resource,
        if_match=standing.version if standing else None,
        reference=standing.reference if standing else "",
        item=wanted.item,
    )


def _skipped(desk: Desk, resource_type: str, item: str, reason: str) -> PlannedWrite:
    return PlannedWrite(
        key=desk.event_key(f"skipped {resource_type}", item),
        target=desk.target.name,
        ordinal=len(ORDER) + ORDER.index(resource_type),
        type=resource_type,
        resource={},
        skipped=reason,
        item=item,
    )


def _blocked(desk: Desk) -> str:
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


def _refusal(desk: Desk, resource_type: str) -> str:
    """Why resources of this type are not written to this target; "" when they are."""
    refusal = desk.target.refusal(resource_type)
    if refusal:
        return refusal
    standing = desk.earlier.get(desk.standing_key(resource_type))
    if standing is not None and standing.version is None:
        return "the version of our earlier resource is not known there"
    if resource_type == medication_list.TYPE:
        return _unclaimable(desk)
    if desk.signing.scope != "all" and resource_type in {statement.TYPE, care_plan.TYPE}:
        return "the signature covers single decisions, not the whole list"
    if desk.incomplete and resource_type not in _WITHOUT_COMPLETE_SOURCES:
        return f"not every source was complete: {'; '.join(desk.incomplete)}"
    return ""


def _unclaimable(desk: Desk) -> str:
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


def _subject(report: Mapping[str, Any], target: str) -> str:
    """The one certain record of the patient on a target; two would be a doubt of their own."""
    certain = [
        str(record["reference"])
        for record in report["patient"]["records"]
        if record["source"] == target and record["grade"] == "certain"
    ]
    return certain[0] if len(certain) == 1 else ""


def incomplete_sources(report: Mapping[str, Any]) -> tuple[str, ...]:
    """The sources that were not complete, each in words."""
    return tuple(
        f"{source['name']} is {source['state']}"
        for source in report["sources"]
        if source["state"] != "complete"
    )


def _withheld(
    report: Mapping[str, Any], target: str, consented: Callable[[str, str, str], bool]
) -> frozenset[str]:
    """Ids of medications and of the findings about them that must not reach this target."""
    medications = {
        medication["id"]
        for medication in report["medications"]
        for line in medication["lines"]
        for label in line.get("labels", ())
        if line["source"] != target
        and label in PROTECTED
        and not consented(line["source"], target, label)
    }
    hidden = {
        (line["source"], line["reference"])
        for medication in report["medications"]
        if medication["id"] in medications
        for line in medication["lines"]
    }
    findings = {
        finding["id"]
        for finding in report["findings"]
        if medications & set(finding["medications"])
        or hidden & {(fact["source"], fact["reference"]) for fact in finding["evidence"]}
    }
    return frozenset(medications | findings)


def _labels(writes: Iterable[PlannedWrite]) -> Iterator[str]:
    for write in writes:
        resource: Mapping[str, Any] = write.resource
        yield from (label["code"] for label in resource["meta"].get("security", ()))


def _title(item: Mapping[str, Any]) -> str:
    return str(item.get("title") or item.get("display"))
