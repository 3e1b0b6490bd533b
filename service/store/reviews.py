"""Reviews of one report each, their decisions (appended only) and their signatures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import NotKept, ReviewStale
from service.model.review import Decision, Disposition, Review, ReviewState, Target, User
from service.store.tables import decisions, reviews, signatures


@dataclass(frozen=True, slots=True)
class Signature:
    """One person's signature under a review. `items` are the decisions that it covers."""

    id: str
    review: str
    patient: str
    number: int
    scope: str
    by: User
    at: datetime
    report_digest: str
    decisions_digest: str
    items: tuple[str, ...]


async def open_new(tx: AsyncConnection, review: Review) -> None:
    await tx.execute(
        insert(reviews).values(
            id=review.id,
            patient=review.patient,
            report=review.report,
            report_digest=review.report_digest,
            opened_by=review.opened_by,
            opened_at=review.opened_at,
            state=review.state.value,
        )
    )


async def get(look: AsyncConnection, review: str) -> Review:
    """The review with every decision ever made in it, oldest first. Raises: NotKept."""
    row = (await look.execute(select(reviews).where(reviews.c.id == review))).first()
    if row is None:
        raise NotKept
    made = await look.execute(
        select(decisions)
        .where(decisions.c.review == review)
        .order_by(decisions.c.at, decisions.c.item, decisions.c.number)
    )
    last = (
        await look.execute(
            select(signatures)
            .where(signatures.c.review == review)
            .order_by(signatures.c.number.desc())
            .limit(1)
        )
    ).first()
    return Review(
        id=row.id,
        patient=row.patient,
        report=row.report,
        report_digest=row.report_digest,
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        state=ReviewState(row.state),
        decisions=tuple(_decision(d) for d in made),
        signed_by=last.by if last else None,
        signed_at=last.at if last else None,
        scope=last.scope if last else "",
    )


async def of_report(look: AsyncConnection, report: str) -> tuple[str, ...]:
    """Ids of all reviews of one report, oldest first."""
    found = await look.scalars(
        select(reviews.c.id)
        .where(reviews.c.report == report)
        .order_by(reviews.c.opened_at, reviews.c.id)
    )
    return tuple(found)


async def set_state(tx: AsyncConnection, review: str, state: ReviewState) -> None:
    await tx.execute(update(reviews).where(reviews.c.id == review).values(state=state.value))


async def supersede(tx: AsyncConnection, patient: str, *, report: str) -> tuple[str, ...]:
    """Close the patient's open reviews of other reports than this one; gives their ids."""
    found = await tx.scalars(
        select(reviews.c.id)
        .where(reviews.c.patient == patient, reviews.c.report != report)
        .where(reviews.c.state == ReviewState.OPEN.value)
        .order_by(reviews.c.id)
    )
    closed = tuple(found)
    for review in closed:
        await set_state(tx, review, ReviewState.SUPERSEDED)
    return closed


async def append(tx: AsyncConnection, decision: Decision, *, rule: str = "") -> None:
    """Append a decision whose `number` is one above the newest of its item.

    Args:
        rule: id of the rule whose finding is decided on, "" for a medication.
    Raises: ReviewStale when somebody decided this item meanwhile.
    """
    newest = await tx.scalar(
        select(func.coalesce(func.max(decisions.c.number), 0)).where(
            decisions.c.review == decision.review, decisions.c.item == decision.item
        )
    )
    if newest != decision.number - 1:
        raise ReviewStale
    await tx.execute(
        insert(decisions).values(
            review=decision.review,
            item=decision.item,
            number=decision.number,
            disposition=decision.disposition.value,
            by=decision.by,
            at=decision.at,
            body=_body(decision),
            rule=rule or None,
            reason_code=decision.reason_code or None,
        )
    )


async def sign(tx: AsyncConnection, signature: Signature) -> None:
    await tx.execute(
        insert(signatures).values(
            id=signature.id,
            review=signature.review,
            patient=signature.patient,
            number=signature.number,
            scope=signature.scope,
            by=signature.by,
            at=signature.at,
            report_digest=signature.report_digest,
            decisions_digest=signature.decisions_digest,
            items=list(signature.items),
        )
    )


async def signatures_of(look: AsyncConnection, review: str) -> tuple[Signature, ...]:
    """The signatures under a review, oldest first."""
    found = await look.execute(
        select(signatures).where(signatures.c.review == review).order_by(signatures.c.number)
    )
    return tuple(_signature(row) for row in found)


async def signatures_of_patient(look: AsyncConnection, patient: str) -> tuple[Signature, ...]:
    """Every signature about a patient, newest first."""
    found = await look.execute(
        select(signatures)
        .where(signatures.c.patient == patient)
        .order_by(signatures.c.at.desc(), signatures.c.review, signatures.c.number.desc())
    )
    return tuple(_signature(row) for row in found)


def _signature(row: Row[Any]) -> Signature:
    return Signature(
        id=row.id,
        review=row.review,
        patient=row.patient,
        number=row.number,
        scope=row.scope,
        by=row.by,
        at=row.at,
        report_digest=row.report_digest,
        decisions_digest=row.decisions_digest,
        items=tuple(row.items),
    )


def _body(decision: Decision) -> dict[str, object]:
    return {
        "to": asdict(decision.to) if decision.to else None,
        "reason": decision.reason,
        "reason_code": decision.reason_code,
        "mitigation": decision.mitigation,
        "harm": decision.harm,
        "intentional": decision.intentional,
        "patient_answer": decision.patient_answer,
        "assigned_to": decision.assigned_to,
        "due": decision.due.isoformat() if decision.due else None,
    }


def _decision(row: Row[Any]) -> Decision:
    body: Mapping[str, Any] = row.body
    return Decision(
        review=row.review,
        item=row.item,
        number=row.number,
        disposition=Disposition(row.disposition),
        by=row.by,
        at=row.at,
        to=_target(body["to"]) if body["to"] else None,
        reason=body["reason"],
        reason_code=body["reason_code"],
        mitigation=body["mitigation"],
        harm=body["harm"],
        intentional=body["intentional"],
        patient_answer=body["patient_answer"],
        assigned_to=body["assigned_to"],
        due=date.fromisoformat(body["due"]) if body["due"] else None,
    )


def _target(to: Mapping[str, Any]) -> Target:
    return Target(
        text=to["text"],
        daily_doses=tuple((rxcui, value, unit) for rxcui, value, unit in to["daily_doses"]),
        route=to["route"],
        timing=to["timing"],
    )
