"""A person's work as use cases: load, ask the pure stages, save, audit, commit.

A review stands on exactly one report, by the digest of its bytes. Signing keeps the signature, the
exact writes for every server and the audit row in one transaction; only then may anything be sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import service
from service.errors import DecisionNotAllowed, NotKept, ReviewStale, WriteRejected
from service.model.review import (
    Decision,
    DeliveryState,
    Disposition,
    PlannedWrite,
    Review,
    ReviewState,
    User,
)
from service.review import decide as rules
from service.review.asked import Asked
from service.review.items import rule_of
from service.store import Connection, Store, audit, reports, reviews, worklist
from service.store import deliveries as outbox
from service.store.deliveries import Delivery
from service.store.reports import KeptReport
from service.store.reviews import Signature
from service.write import bundle, gate
from service.write.crash import CrashPoint, crash_point
from service.write.identity import identifier_value
from service.write.plan import plan
from service.write.target import Signing, Standing, WriteTarget


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


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """What one server would get: the exact transaction Bundle, and what it does not get and why."""

    target: str
    bundle: Mapping[str, Any]
    writes: tuple[PlannedWrite, ...]
    skipped: tuple[PlannedWrite, ...]


@dataclass(frozen=True, slots=True)
class PlanView:
    """The plan of a review: per server, and what the gate says against it (then it cannot go)."""

    targets: tuple[TargetPlan, ...]
    problems: tuple[str, ...]


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
        loaded, kept = await _load(look, review)
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
        loaded, kept = await _load(tx, review)
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
        loaded, kept = await _load(tx, review)
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


async def plan_of(
    store: Store,
    user: User,
    review: str,
    targets: Sequence[WriteTarget],
    *,
    scope: str = "all",
    at: datetime,
) -> PlanView:
    """What would be written where if this user signed now; what was planned, once signed."""
    async with store.read() as look:
        loaded, kept = await _load(look, review)
        if loaded.state is ReviewState.SIGNED:
            writes = _planned(await outbox.of_review(look, review))
        else:
            signing = await _signing(look, store, loaded, user, scope, at)
            writes = await _writes(look, store, loaded, kept, targets, signing)
    return PlanView(
        targets=tuple(
            TargetPlan(
                target=name,
                bundle=bundle.transaction(w for w in writes if w.target == name),
                writes=tuple(w for w in writes if w.target == name and not w.skipped),
                skipped=tuple(w for w in writes if w.target == name and w.skipped),
            )
            for name in sorted({write.target for write in writes})
        ),
        problems=gate.problems(writes),
    )


async def sign(
    store: Store,
    user: User,
    review: str,
    scope: str,
    targets: Sequence[WriteTarget],
    *,
    at: datetime,
) -> Signature:
    """Sign, and queue the exact writes: one transaction for signature, outbox and audit.

    Args:
        scope: "all" is the whole list; "mine" covers only what this user decided.
    Raises:
        ReviewStale: a newer report stands, or the report's bytes are no longer those reviewed.
        Undecided: (a DecisionNotAllowed) with `items` that have to be decided first.
        DecisionNotAllowed: this user or this state does not sign.
        WriteRejected: the gate found a resource that must not leave; nothing was signed.
    """
    crash_point(CrashPoint.BEFORE_SIGN)
    async with store.transaction() as tx:
        loaded, kept = await _load(tx, review)
        newest = await reports.newest(tx, loaded.patient)
        if newest is None or newest.digest != loaded.report_digest:
            raise ReviewStale("a newer report stands; look at it before you sign")
        report = json.loads(kept.body)
        rules.may_sign(loaded, report, user, scope)
        earlier = await reviews.signatures_of(tx, review)
        items = _uncovered(rules.items_to_sign(loaded, user, scope), earlier, scope)
        signing = await _signing(tx, store, loaded, user, scope, at)
        writes = await _writes(tx, store, loaded, kept, targets, signing)
        problems = gate.problems(writes)
        if problems:
            raise WriteRejected(f"nothing was signed, the plan is not sound: {problems[0]}")
        signature = Signature(
            id=signing.id,
            review=review,
            patient=loaded.patient,
            number=len(earlier) + 1,
            scope=scope,
            by=user,
            at=at,
            report_digest=kept.digest,
            decisions_digest=_digest(loaded),
            items=items,
        )
        await reviews.sign(tx, signature)
        await _give_way(tx, loaded.patient, writes, at)
        await outbox.plan(tx, signature, writes, at=at)
        if scope == "all":
            await reviews.set_state(tx, review, ReviewState.SIGNED)
            await worklist.mark_signed(tx, loaded.patient, at=at)
        await audit.record(tx, user, f"sign-{scope}", signature.id, patient=loaded.patient, at=at)
        crash_point(CrashPoint.INSIDE_SIGN)
    crash_point(CrashPoint.AFTER_SIGN)
    return signature


async def deliveries(store: Store, review: str) -> tuple[Delivery, ...]:
    """Every write of a review with where it stands, what was skipped included. Raises: NotKept."""
    async with store.read() as look:
        await reviews.get(look, review)
        return await outbox.of_review(look, review)


async def replay(store: Store, user: User, delivery: str, *, at: datetime) -> Delivery:
    """Queue a given-up write again under the same identifier, so that it cannot double.

    Raises: NotKept; DecisionNotAllowed for a write that is not given up or was never planned.
    """
    async with store.transaction() as tx:
        row = await outbox.get(tx, delivery, to_change=True)
        given_up = {DeliveryState.DEAD, DeliveryState.REFUSED, DeliveryState.NEEDS_REVIEW}
        if row.state not in given_up or not row.resource:
            raise DecisionNotAllowed("only a write that was given up can be sent again")
        await outbox.move(tx, delivery, DeliveryState.SENDING, at=at, not_before=at, attempts=0)
        await audit.record(tx, user, "replay", delivery, patient=row.patient, at=at)
        return await outbox.get(tx, delivery)


async def cancel(store: Store, user: User, delivery: str, *, at: datetime) -> Delivery:
    """Give up a write that has not reached its server yet.

    Raises: NotKept; DecisionNotAllowed when it was sent, or may have been.
    """
    async with store.transaction() as tx:
        row = await outbox.get(tx, delivery, to_change=True)
        if row.state not in {DeliveryState.PLANNED, DeliveryState.CONFLICT}:
            raise DecisionNotAllowed("it was sent, or may have been; look at the server first")
        await outbox.move(
            tx, delivery, DeliveryState.CANCELLED, at=at, reason=f"cancelled by {user.name}"
        )
        await audit.record(tx, user, "cancel", delivery, patient=row.patient, at=at)
        return await outbox.get(tx, delivery)


async def _load(look: Connection, review: str) -> tuple[Review, KeptReport]:
    loaded = await reviews.get(look, review)
    kept = await reports.get(look, loaded.report)
    if kept.digest != loaded.report_digest:
        raise ReviewStale("the report under review is not the one that was opened")
    return loaded, kept


async def _not_signed(look: Connection, review: Review, item: str) -> None:
    for signature in await reviews.signatures_of(look, review.id):
        if item in signature.items:
            raise DecisionNotAllowed("this decision is signed; it can be changed in a new review")


async def _signing(
    look: Connection, store: Store, review: Review, user: User, scope: str, at: datetime
) -> Signing:
    """The signature to be: its id depends on the review and its place there, not on the moment."""
    number = len(await reviews.signatures_of(look, review.id)) + 1
    value = identifier_value(store.key, "signature", review.id, str(number))
    return Signing(id=f"sg-{value[:24]}", by=user, at=at, scope=scope)


async def _writes(
    look: Connection,
    store: Store,
    review: Review,
    kept: KeptReport,
    targets: Sequence[WriteTarget],
    signing: Signing,
) -> tuple[PlannedWrite, ...]:
    stood = await outbox.standing(look, review.patient)
    standing = {place: Standing(*where) for place, where in stood.items()}
    return plan(
        review,
        json.loads(kept.body),
        targets,
        signing,
        key=store.key,
        version=service.__version__,
        earlier=standing,
    )


async def _give_way(
    tx: Connection, patient: str, writes: Sequence[PlannedWrite], at: datetime
) -> None:
    """Cancel what an earlier signature left unsent or in conflict where this one says it anew.

    Rows of one signature for one server refer to each other, so they give way together.
    """
    again = {(write.target, write.key) for write in writes if not write.skipped}
    pending = await outbox.pending_of(tx, patient)
    overlapping = {(row.signature, row.target) for row in pending if (row.target, row.key) in again}
    for row in pending:
        unsent = row.state is DeliveryState.PLANNED and row.attempts == 0
        stands_aside = unsent or row.state is DeliveryState.CONFLICT
        if stands_aside and (row.signature, row.target) in overlapping:
            await outbox.move(
                tx, row.id, DeliveryState.CANCELLED, at=at, reason="a later signature replaced it"
            )


def _uncovered(items: tuple[str, ...], earlier: Sequence[Signature], scope: str) -> tuple[str, ...]:
    """The decisions that this signature newly covers."""
    covered = {item for signature in earlier for item in signature.items}
    fresh = tuple(item for item in items if item not in covered)
    if not fresh and scope == "mine":
        raise DecisionNotAllowed("all of your decisions here are signed already")
    return items if scope == "all" else fresh


def _digest(review: Review) -> str:
    """What was signed: every decision that counts, as one hash."""
    parts = [
        (item, decision.number, decision.disposition.value, decision.by.id)
        for item, decision in sorted(review.standing.items())
    ]
    return sha256(json.dumps(parts).encode()).hexdigest()


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
        )
        for row in rows
    )
