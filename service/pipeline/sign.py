"""Plan and signature: load, ask the pure stages, save, audit, commit.

Signing keeps the signature, the exact writes for every server and the audit row in one transaction;
only then may anything be sent.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from service.errors import DecisionNotAllowed, ReviewStale, WriteRejected
from service.model.review import DeliveryState, PlannedWrite, Review, ReviewState, User
from service.pipeline.beside import beside
from service.pipeline.opened import opened
from service.pipeline.plan import signing_of, writes_of
from service.review import decide as rules
from service.store import Connection, Store, audit, reports, reviews, worklist
from service.store import deliveries as outbox
from service.store.reviews import Signature
from service.write import gate
from service.write.crash import CrashPoint, crash_point
from service.write.target import WriteTarget


async def sign(
    store: Store,
    user: User,
    review: str,
    scope: str,
    targets: Sequence[WriteTarget],
    *,
    refer_in: frozenset[str] = frozenset(),
    at: datetime,
) -> Signature:
    """Sign, and queue the exact writes: one transaction for signature, outbox and audit.

    Args:
        scope: "all" is the whole list; "mine" covers only what this user decided.
        refer_in: as for `plan_of`.
    Raises:
        ReviewStale: a newer report stands, the report's bytes are no longer those reviewed, or a
            chosen care plan is no longer the one that was shown.
        Undecided: (a DecisionNotAllowed) with `items` that have to be decided first.
        DecisionNotAllowed: this user or this state does not sign.
        WriteRejected: the gate found a resource that must not leave; nothing was signed.
    """
    crash_point(CrashPoint.BEFORE_SIGN)
    async with store.transaction() as tx:
        loaded, kept = await opened(tx, review)
        newest = await reports.newest(tx, loaded.patient)
        if newest is None or newest.digest != loaded.report_digest:
            raise ReviewStale("a newer report stands; look at it before you sign")
        report = json.loads(kept.body)
        rules.may_sign(loaded, report, user, scope)
        earlier = await reviews.signatures_of(tx, review)
        items = _uncovered(rules.items_to_sign(loaded, user, scope), earlier, scope)
        signing = await signing_of(tx, store, loaded, user, scope, refer_in, at)
        around = await beside(tx, store.key, loaded.patient, kept.id, report)
        if not refer_in <= {one.name for one in around.plans}:
            raise ReviewStale("a chosen care plan changed since it was shown; look at it again")
        writes = await writes_of(tx, store, loaded, report, targets, signing, around)
        problems = gate.problems(writes)
        if problems:
            raise WriteRejected(
                "nothing was signed, the plan is not sound: {problem}", problem=problems[0]
            )
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


async def _give_way(
    tx: Connection, patient: str, writes: Sequence[PlannedWrite], at: datetime
) -> None:
    """Cancel what an earlier signature left unsent or in conflict where this one says it anew.

    Rows of one signature for one server refer to each other, so they give way together. What only
    waited for another row was never asked of the server: it has no strategy yet.
    """
    again = {(write.target, write.key) for write in writes if not write.skipped}
    pending = await outbox.pending_of(tx, patient)
    overlapping = {(row.signature, row.target) for row in pending if (row.target, row.key) in again}
    for row in pending:
        unsent = row.state is DeliveryState.PLANNED and not row.strategy
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
