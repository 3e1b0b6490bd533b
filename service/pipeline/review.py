"""A person's work on one report: open it, decide, see what is missing.

A review stands on exactly one report, by the digest of its bytes. What would be written is in
`plan`, signing in `sign`, what it queued in `outbox`; all of it can be had from here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.errors import DecisionNotAllowed, NotKept, ReviewStale
from service.model.review import Decision, Disposition, Review, ReviewState, User
from service.pipeline.opened import opened
from service.pipeline.outbox import cancel, deliveries, replay
from service.pipeline.plan import CarePlanChoice, PlanView, TargetPlan, plan_of
from service.pipeline.sign import sign
from service.review import decide as rules
from service.review.asked import Asked
from service.review.items import rule_of
from service.store import Connection, Store, audit, reports, reviews
from service.store.reports import KeptReport
from service.store.reviews import Signature
from service.write.identity import identifier_value

__all__ = [
    "CarePlanChoice",
    "PlanView",
    "ReviewView",
    "TargetPlan",
    "accept_alike",
    "cancel",
    "decide",
    "deliveries",
    "etag",
    "open_review",
    "plan_of",
    "replay",
    "review_state",
    "sign",
]


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review as the page shows it: the report, the decisions that count, and what is missing.

    `report` is the JSON report as a dict, `kept` its exact bytes. `etags` has the ETag of every
    item's decision ('"0"' before the first), for If-Match. `alike` are medications that may be
    accepted together; the last three tuples are ids that keep the review from being signed or the
    list from being complete.
    """

    review: Review
    kept: KeptReport
    report: Mapping[str, Any]
    standing: Mapping[str, Decision]
    etags: Mapping[str, str]
    signatures: tuple[Signature, ...]
    alike: tuple[str, ...]
    undecided_high: tuple[str, ...]
    undecided_medications: tuple[str, ...]
    awaiting_second: tuple[str, ...]


def etag(number: int) -> str:
    """The ETag of an item's decision: how often the item was decided."""
    return f'"{number}"'


async def open_review(
    store: Store, user: User, patient: str, report_etag: str, *, at: datetime
) -> Review:
    """The open review of the patient's newest report; people who open it share it.

    Args:
        report_etag: ETag of the report that the person saw, as sent in If-Match.
    Raises: NotKept before the first report; ReviewStale when a newer report stands;
        DecisionNotAllowed for a role that does not review.
    """
    if user.role not in rules.DECIDING_ROLES:
        raise DecisionNotAllowed("reviewing takes a pharmacist or a physician")
    async with store.transaction() as tx:
        kept = await reports.newest(tx, patient)
        if kept is None:
            raise NotKept("there is no report of this patient yet; ask for it first")
        if report_etag.strip().removeprefix("W/") != kept.etag:
            raise ReviewStale("a newer report stands; look at it and open the review again")
        await reviews.supersede(tx, patient, report=kept.id)
        earlier = await reviews.of_report(tx, kept.id)
        if earlier:
            last = await reviews.get(tx, earlier[-1])
            if last.state is ReviewState.OPEN:
                return last
        review = Review(
            id="rv-" + identifier_value(store.key, "review", kept.id, str(len(earlier) + 1))[:24],
            patient=patient,
            report=kept.id,
            report_digest=kept.digest,
            opened_by=user,
            opened_at=at,
        )
        await reviews.open_new(tx, review)
        await audit.record(tx, user, "open-review", review.id, patient=patient, at=at)
    return review


async def review_state(store: Store, review: str) -> ReviewView:
    """The review with everything that the page needs. Raises: NotKept."""
    async with store.read() as look:
        loaded, kept = await opened(look, review)
        signed = await reviews.signatures_of(look, review)
    report = json.loads(kept.body)
    items = [m["id"] for m in report["medications"]] + [f["id"] for f in report["findings"]]
    return ReviewView(
        review=loaded,
        kept=kept,
        report=report,
        standing=loaded.standing,
        etags={item: etag(loaded.number_of(item)) for item in items},
        signatures=signed,
        alike=rules.alike(report),
        undecided_high=rules.undecided_high(loaded, report),
        undecided_medications=rules.undecided_medications(loaded, report),
        awaiting_second=rules.awaiting_second(loaded, report),
    )


async def decide(
    store: Store,
    user: User,
    review: str,
    item: str,
    wanted: Asked,
    if_match: str,
    *,
    at: datetime,
) -> Decision:
    """Append a decision; the earlier ones stay readable.

    Args:
        if_match: the ETag of the item's decision that the person saw, '"0"' before the first.
    Raises: NotKept; ReviewStale when somebody decided meanwhile or a newer report stands;
        DecisionNotAllowed with a sentence that says what would be.
    """
    async with store.transaction() as tx:
        loaded, kept = await opened(tx, review)
        number = loaded.number_of(item)
        if if_match.strip().removeprefix("W/") != etag(number):
            raise ReviewStale
        decision = wanted.decision(review, item, number + 1, user, at)
        report = json.loads(kept.body)
        rules.allowed(decision, loaded, report)
        await _not_signed(tx, loaded, item)
        await reviews.append(tx, decision, rule=rule_of(report, item))
        await audit.record(
            tx, user, f"decide-{decision.disposition.value}", item, patient=loaded.patient, at=at
        )
    return decision


async def accept_alike(
    store: Store, user: User, review: str, *, at: datetime
) -> tuple[Decision, ...]:
    """Continue every medication on which all sources agree and nothing else was found."""
    async with store.transaction() as tx:
        loaded, kept = await opened(tx, review)
        report = json.loads(kept.body)
        made = []
        for item in rules.alike(report):
            if item in loaded.standing:
                continue
            number = loaded.number_of(item) + 1
            decision = Asked(Disposition.CONTINUE).decision(review, item, number, user, at)
            rules.allowed(decision, loaded, report)
            await reviews.append(tx, decision)
            made.append(decision)
        await audit.record(tx, user, "accept-alike", review, patient=loaded.patient, at=at)
    return tuple(made)


async def _not_signed(look: Connection, review: Review, item: str) -> None:
    for signature in await reviews.signatures_of(look, review.id):
        if item in signature.items:
            raise DecisionNotAllowed("this decision is signed; it can be changed in a new review")
