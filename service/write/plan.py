"""From a reviewed report to the exact writes per server: pure, and decided before anything is sent.

What is seen is what is written: the basis is the JSON report that the person had on the screen.
Nothing is left out silently: what a server does not get is listed as skipped with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from service.model.around import ForeignPlan
from service.model.review import PlannedWrite, Review
from service.write import audit_event, care_plan, fallback, issue, provenance, statement
from service.write.desk import Desk
from service.write.identity import full_url
from service.write.known import Known
from service.write.messages import messages, stands_in, substitutes
from service.write.referring import TAKEN_OUT, chosen, key_for, missed_key, referring
from service.write.refusals import blocked, incomplete_sources, refusal
from service.write.target import WRITTEN, Signing, Standing, WriteTarget
from service.write.wanted import Wanted, wanted
from service.write.withhold import recipients, withholding


def plan(
    review: Review,
    report: Mapping[str, Any],
    targets: Sequence[WriteTarget],
    signing: Signing,
    *,
    key: bytes,
    version: str,
    earlier: Mapping[tuple[str, str], Standing] | None = None,
    known: Known | None = None,
) -> tuple[PlannedWrite, ...]:
    """Every write of this signature, per target in the order in which they may refer to each other.

    Args:
        report: the JSON report that was reviewed.
        signing: who signs what; "mine" covers only that person's own decisions and leads to no
            list, no statements and no action plan.
        key: the store's secret for identifiers.
        version: Concord's version, for the Device of the Provenance.
        earlier: what stands already, by (target, identifier value): updated with If-Match.
        known: what the same reads say beside the report: consents first of all.
    """
    known = known or Known()
    covered = {
        item: decision
        for item, decision in review.standing.items()
        if signing.scope == "all" or decision.by.id == signing.by.id
    }
    bases = {target.name: target.base_url for target in targets if target.base_url}
    parties = [(target.name, target.parties) for target in targets]
    found: list[PlannedWrite] = []
    for target in sorted(targets, key=lambda one: one.name):
        told = recipients(parties, target.name)
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
            known=known,
            withholding=withholding(report, told, known.consents, known.labels),
            stems=issue.stems(report),
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
    stopped = blocked(desk)
    refusals = {kind: stopped or refusal(desk, kind) for kind in WRITTEN}
    going = [one for one in planned if not refusals[one.type]]
    told = messages(desk, going)
    going += [] if stopped else substitutes(desk, planned)
    going += [] if refusals[fallback.COMMUNICATION] else told
    going.sort(key=lambda one: one.type == care_plan.TYPE)  # it refers to the messages
    for one in going:
        desk.plan_place(one.key)
    found = [_write(desk, one) for one in going]
    if found:
        found += [_write(desk, one) for one in _accounts(desk, refusals, found)]
    into, kept_out = _into_others(desk, refusals, found)
    found = [replace(one, ordinal=number) for number, one in enumerate([*found, *into])]
    sent = {one.type for one in found}
    types = {one.type for one in (*planned, *told)} | {provenance.TYPE}
    types |= desk.target.allowed & {audit_event.TYPE}
    found += [
        _skipped(desk, kind, "", refusals[kind] + stands_in(kind, sent))
        for kind in WRITTEN
        if kind in types and refusals[kind]
    ]
    found += kept_out
    found += [
        _skipped(desk, statement.TYPE, item, reason)
        for item, reason in sorted(desk.withholding.reasons.items())
        if item in desk.covered
    ]
    return found


def _accounts(
    desk: Desk, refusals: Mapping[str, str], found: Sequence[PlannedWrite], into: str = ""
) -> list[Wanted]:
    """The Provenance of these writes and, where the server takes them, its audit events.

    Args:
        into: the care plan of somebody else's that they go into, "" for our own resources.
    """
    wanted_: list[Wanted] = []
    places = {one.key: desk.ours(one.type, one.key) for one in found}
    if not refusals[provenance.TYPE]:
        key = desk.signing_key(provenance.TYPE, into)
        labels = frozenset(_labels(found))
        build = partial(provenance.build, desk, key, list(places.values()), labels)
        wanted_.append(Wanted(provenance.TYPE, key, "", build))
    if not refusals[audit_event.TYPE]:
        created = [places[one.key] for one in found if not one.reference]
        updated = [places[one.key] for one in found if one.reference]
        read = [] if into else _read(desk)
        for what, data in (
            (audit_event.READ, read),
            (audit_event.CREATE, created),
            (audit_event.UPDATE, updated),
        ):
            if data:
                key = desk.signing_key(audit_event.TYPE, f"{what.interaction} {into}")
                at = desk.known.read_at.get(desk.target.name) if what is audit_event.READ else None
                build = partial(audit_event.of_signature, desk, key, what, data, recorded=at)
                wanted_.append(Wanted(audit_event.TYPE, key, "", build))
    for one in wanted_:
        desk.plan_place(one.key)
    return wanted_


def _read(desk: Desk) -> list[dict[str, Any]]:
    """What the list rests on at this server, in the versions that were read."""
    lines = dict.fromkeys(
        (line["reference"], line["version"])
        for medication in desk.report["medications"]
        for line in medication["lines"]
        if line["source"] == desk.target.name
    )
    return [
        desk.theirs(desk.target.name, reference, version=version, exact=True)
        for reference, version in lines
    ]


def _into_others(
    desk: Desk, refusals: Mapping[str, str], going: Sequence[PlannedWrite]
) -> tuple[list[PlannedWrite], list[PlannedWrite]]:
    """What goes into care plans of others that were chosen, and what does not, with its reason."""
    found: list[PlannedWrite] = []
    kept_out: list[PlannedWrite] = []
    for one in chosen(desk):
        made, why = referring(desk, one, going)
        key = key_for(desk, one)
        if made is None:
            kept_out.append(_kept_out(desk, one, why))
            continue
        kept_out += [_kept_out(desk, one, TAKEN_OUT, gone) for gone in made.taken_out]
        if made.text == one.text:
            continue
        desk.planned[key] = full_url(key)
        write = PlannedWrite(
            key=key,
            target=desk.target.name,
            ordinal=0,
            type=care_plan.TYPE,
            resource=json.loads(made.text),
            if_match=one.version,
            reference=one.reference,
            text=made.text,
        )
        accounts = _accounts(desk, refusals, [write], one.reference)
        found += [write, *(_write(desk, account) for account in accounts)]
    return found, kept_out


def _write(desk: Desk, one: Wanted) -> PlannedWrite:
    resource = one.build()
    standing = desk.earlier.get(one.key)
    if standing is not None:
        resource["id"] = standing.reference.partition("/")[2]
    return PlannedWrite(
        key=one.key,
        target=desk.target.name,
        ordinal=0,
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
        ordinal=len(WRITTEN) + WRITTEN.index(resource_type),
        type=resource_type,
        resource={},
        skipped=reason,
        item=item,
    )


def _kept_out(desk: Desk, found: ForeignPlan, reason: str, missed: str = "") -> PlannedWrite:
    """Why something is not in a care plan of somebody else's; `missed` is what was taken out."""
    skipped = _skipped(desk, care_plan.TYPE, "", f"{found.reference}: {reason}")
    key = desk.signing_key("kept out", found.reference)
    if missed:
        key = missed_key(desk.key, desk.patient, desk.target.name, found.reference, missed)
    return replace(skipped, key=key)


def _subject(report: Mapping[str, Any], target: str) -> str:
    """The one certain record of the patient on a target; two would be a doubt of their own."""
    certain = [
        str(record["reference"])
        for record in report["patient"]["records"]
        if record["source"] == target and record["grade"] == "certain"
    ]
    return certain[0] if len(certain) == 1 else ""


def _labels(writes: Iterable[PlannedWrite]) -> Iterator[str]:
    for write in writes:
        resource: Mapping[str, Any] = write.resource
        yield from (label["code"] for label in resource.get("meta", {}).get("security", ()))
