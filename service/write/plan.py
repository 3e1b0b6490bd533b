"""From a reviewed report to the exact writes per server: pure, and decided before anything is sent.

What is seen is what is written: the basis is the JSON report that the person had on the screen.
Nothing is left out silently: what a server does not get is listed as skipped with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from service.model.review import PlannedWrite, Review
from service.write import care_plan, fallback, medication_list, provenance, statement, task
from service.write.target import INSTEAD, ORDER, Desk, Signing, Standing, WriteTarget
from service.write.wanted import Wanted, unclaimable, wanted

PROTECTED = frozenset(
    {
        "42CFRPart2", "ETH", "ETHUD", "OPIOIDUD", "SUD", "PSY", "PSYTHPN", "MH", "HIV", "STD",
        "SEX", "SDV", "VIO", "ABORTION", "SOGI", "GDIS", "R", "V",
    }
)  # fmt: skip
"""Labels (ActCode, Confidentiality) of data that goes to no other server without a consent."""

_WITHOUT_COMPLETE_SOURCES = frozenset({"DetectedIssue", "Task", "Provenance"})


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
    planned = wanted(desk)
    blocked = _blocked(desk)
    refusals = {kind: blocked or _refusal(desk, kind) for kind in ORDER}
    going = [one for one in planned if not refusals[one.type]]
    for one in going:
        desk.plan_place(one.key)
    going += [] if blocked else _instead(desk, planned)
    found = [_write(desk, one, ordinal) for ordinal, one in enumerate(going)]
    written = [(one.type, one.key) for one in found]
    if written and not refusals[provenance.TYPE]:
        labels = frozenset(_labels(found))
        key = desk.event_key(provenance.TYPE)
        desk.plan_place(key)
        signed = Wanted(
            provenance.TYPE, key, "", lambda: provenance.build(desk, written, labels, desk.withheld)
        )
        found.append(_write(desk, signed, len(found)))
    sent = {one.type for one in found}
    types = {one.type for one in planned} | {provenance.TYPE}
    found += [
        _skipped(desk, kind, "", refusals[kind] + _stands_in(kind, sent))
        for kind in ORDER
        if kind in types and refusals[kind]
    ]
    found += [
        _skipped(desk, statement.TYPE, item, "a label protects it and no consent lets it go there")
        for item in sorted(desk.withheld & desk.covered.keys())
    ]
    return found


def _instead(desk: Desk, planned: Sequence[Wanted]) -> list[Wanted]:
    """Words for what the server itself does not take, where the site lets them go there."""
    lacking = {
        kind
        for kind, other in INSTEAD.items()
        if desk.target.lacks(kind) and not desk.target.refusal(other) and not _held_back(desk, kind)
    }
    messages = [
        Wanted(
            fallback.COMMUNICATION,
            fallback.message_key(desk, one.key),
            one.item,
            partial(_message, desk, one),
        )
        for one in planned
        if one.type == task.TYPE and one.item and task.TYPE in lacking
    ]
    parts = [
        one
        for one in planned
        if one.type in lacking and one.type in {medication_list.TYPE, care_plan.TYPE}
    ]
    if not parts:
        return messages
    key = desk.standing_key(fallback.DOCUMENT)
    return [*messages, Wanted(fallback.DOCUMENT, key, "", partial(_document, desk, parts))]


def _message(desk: Desk, one: Wanted) -> dict[str, Any]:
    return fallback.communication(desk, one.build())


def _document(desk: Desk, parts: Sequence[Wanted]) -> dict[str, Any]:
    built = [one.build() for one in parts]
    labels = frozenset(
        label["code"] for part in built for label in part["meta"].get("security", ())
    )
    return fallback.document(desk, built, labels)


def _stands_in(kind: str, sent: Iterable[str]) -> str:
    other = INSTEAD.get(kind)
    return f"; a {other} goes instead" if other in set(sent) else ""


def _write(desk: Desk, one: Wanted, ordinal: int) -> PlannedWrite:
    resource = one.build()
    standing = desk.earlier.get(one.key)
    if standing is not None:
        resource["id"] = standing.reference.partition("/")[2]
    return PlannedWrite(
        key=one.key,
        target=desk.target.name,
        ordinal=ordinal,
        type=one.type,
        resource=resource,
        if_match=standing.version if standing else None,
        reference=standing.reference if standing else "",
        item=one.item,
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
    return desk.target.refusal(resource_type) or _held_back(desk, resource_type)


def _held_back(desk: Desk, resource_type: str) -> str:
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
