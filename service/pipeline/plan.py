"""What would be written where, before anything is sent: the exact requests per server, dry.

The same functions make the plan that a person looks at and the one that a signature queues.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import service
from service.model.review import PlannedWrite, Review, ReviewState, User
from service.pipeline.beside import beside
from service.pipeline.opened import opened
from service.store import Connection, Store, conflicts, reviews, standing
from service.store import deliveries as outbox
from service.store.delivery import Delivery
from service.write import bundle, gate
from service.write.identity import identifier_value
from service.write.known import Known
from service.write.plan import plan
from service.write.target import Signing, Standing, WriteTarget


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """What one server would get: the exact transaction Bundle, and what it does not get and why.

    `requests` go by themselves after it: the exact text of care plans of others with ours added.
    """

    target: str
    bundle: Mapping[str, Any]
    requests: tuple[Mapping[str, Any], ...]
    writes: tuple[PlannedWrite, ...]
    skipped: tuple[PlannedWrite, ...]


@dataclass(frozen=True, slots=True)
class CarePlanChoice:
    """A care plan of somebody else's by its `name` ("psychiatry:CarePlan/7/_history/2"); `refused`
    says why it cannot be chosen, "" where it can."""

    name: str
    title: str
    status: str
    version: str | None
    refused: str


@dataclass(frozen=True, slots=True)
class PlanView:
    """The plan of a review: per server, and what the gate says against it (then it cannot go).

    `care_plans` are those of others that may be chosen to refer to ours.
    """

    targets: tuple[TargetPlan, ...]
    problems: tuple[str, ...]
    care_plans: tuple[CarePlanChoice, ...] = ()


async def plan_of(
    store: Store,
    user: User,
    review: str,
    targets: Sequence[WriteTarget],
    *,
    scope: str = "all",
    refer_in: frozenset[str] = frozenset(),
    at: datetime,
) -> PlanView:
    """What would be written where if this user signed now; what was planned, once signed.

    Args:
        refer_in: names of care plans of others that are to refer to ours, in the version seen.
    """
    choices: tuple[CarePlanChoice, ...] = ()
    async with store.read() as look:
        loaded, kept = await opened(look, review)
        if loaded.state is ReviewState.SIGNED:
            writes = _planned(await outbox.of_review(look, review))
        else:
            signing = await signing_of(look, store, loaded, user, scope, refer_in, at)
            report = json.loads(kept.body)
            around = await beside(look, store.key, loaded.patient, kept.id, report)
            writes = await writes_of(look, store, loaded, report, targets, signing, around)
            choices = _choices(around, targets)
    return PlanView(
        targets=tuple(
            _of_target(name, [write for write in writes if write.target == name])
            for name in sorted({write.target for write in writes})
        ),
        problems=gate.problems(writes),
        care_plans=choices,
    )


async def signing_of(
    look: Connection,
    store: Store,
    review: Review,
    user: User,
    scope: str,
    refer_in: frozenset[str],
    at: datetime,
) -> Signing:
    """The signature to be: its id depends on the review and its place there, not on the moment."""
    number = len(await reviews.signatures_of(look, review.id)) + 1
    value = identifier_value(store.key, "signature", review.id, str(number))
    return Signing(id=f"sg-{value[:24]}", by=user, at=at, scope=scope, refer_in=refer_in)


async def writes_of(
    look: Connection,
    store: Store,
    review: Review,
    report: Mapping[str, Any],
    targets: Sequence[WriteTarget],
    signing: Signing,
    around: Known,
) -> tuple[PlannedWrite, ...]:
    return plan(
        review,
        report,
        targets,
        signing,
        key=store.key,
        version=service.__version__,
        earlier=await _standing(look, review),
        known=around,
    )


async def _standing(look: Connection, review: Review) -> dict[tuple[str, str], Standing]:
    """What stands of ours, in the version that was read back, or that a person was shown after
    somebody had changed it: seen before this review was opened. What is gone is written anew."""
    stood = await standing.standing(look, review.patient)
    met = await conflicts.standing(look, review.patient, until=review.opened_at)
    found = {place: Standing(one.location, one.version) for place, one in stood.items()}
    for place, one in met.items():
        if place in stood and stood[place].at > one.seen_at:
            continue
        if one.version is None:
            found.pop(place, None)
        else:
            found[place] = Standing(one.reference, one.version)
    return found


def _of_target(name: str, writes: Sequence[PlannedWrite]) -> TargetPlan:
    going = [write for write in writes if not write.skipped]
    alone = bundle.apart(going)
    return TargetPlan(
        target=name,
        bundle=bundle.transaction(write for write in going if write.key not in alone),
        requests=tuple(bundle.requests(write for write in going if write.key in alone)),
        writes=tuple(going),
        skipped=tuple(write for write in writes if write.skipped),
    )


def _choices(around: Known, targets: Sequence[WriteTarget]) -> tuple[CarePlanChoice, ...]:
    """The care plans of servers for which it is switched on that others' plans are added to."""
    by_name = {target.name: target for target in targets if "CarePlan" in target.coordinate}
    return tuple(
        CarePlanChoice(
            one.name,
            one.title,
            one.status,
            one.version,
            by_name[one.source].keeps_out("CarePlan") or one.unusable,
        )
        for one in around.plans
        if one.source in by_name
    )


def _planned(rows: Sequence[Delivery]) -> tuple[PlannedWrite, ...]:
    return tuple(
        PlannedWrite(
            key=row.key,
            target=row.target,
            ordinal=row.ordinal,
            type=row.type,
            resource=row.resource,
            if_match=row.if_match,
            skipped="" if row.resource else row.reason,
            reference=row.reference,
            item=row.item,
            text=row.text,
        )
        for row in rows
    )
