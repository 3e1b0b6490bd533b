"""Golden patients reviewed to the end: every proposal accepted, every finding decided, signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from service.model.review import Disposition, Review, Target, User, UserRole
from service.pipeline import review as desk
from service.report.document import encoded
from service.review.asked import Asked
from service.store import Store, patients, reports
from service.write.target import WriteTarget
from tests.patients.golden import AS_OF

AT = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 9, 30, tzinfo=UTC)
PHARMACIST = User("u-ph", "Paula Pharm", UserRole.PHARMACIST, "North Clinic")
PSYCHIATRIST = User("u-ps", "Piet Psych", UserRole.PSYCHIATRIST, "South Clinic")


def accepted(medication: Mapping[str, Any]) -> Asked | None:
    """The decision that follows the proposal; None for what only leaves the list."""
    action, text = medication["proposal"]["action"], medication["proposal"]["text"]
    if medication["state"] == "stopped":
        return None
    if action == "change":
        return Asked(Disposition.CHANGE, to=Target(text or "as agreed"), reason="as proposed")
    if action == "stop":
        return Asked(Disposition.PROPOSE_STOP, reason="as proposed")
    if action == "hold":
        return Asked(Disposition.HOLD, reason="as proposed")
    if action == "ask":
        return Asked(Disposition.NOT_SURE, assigned_to="Dr Gita Pract")
    return Asked(Disposition.CONTINUE, patient_answer="taking")


async def reviewed(
    store: Store, report: dict[str, Any], asked: Mapping[str, str], *, at: datetime = AT
) -> Review:
    """A review of this report with everything decided, by two people where it takes two.

    Args:
        asked: whom the report is about, as POST /api/patients has it.
    """
    async with store.transaction() as tx:
        patient = await patients.ask(tx, store.key, dict(asked), at=at)
        kept = await reports.keep(tx, patient.id, encoded(report), as_of=AS_OF, at=at)
    review = await desk.open_review(store, PHARMACIST, patient.id, kept.etag, at=at)
    wanted: dict[str, Asked] = {
        finding["id"]: Asked(
            Disposition.ACCEPT,
            mitigation="5",
            assigned_to="Dr Gita Pract",
            due=AS_OF + timedelta(days=14),
        )
        for finding in report["findings"]
        if finding["bucket"] == "shown"
    }
    for medication in report["medications"]:
        decision = accepted(medication)
        if decision is not None:
            wanted[medication["id"]] = decision
    await _decide(store, PHARMACIST, review.id, wanted, at)
    waiting = (await desk.review_state(store, review.id)).awaiting_second
    await _decide(store, PSYCHIATRIST, review.id, {item: wanted[item] for item in waiting}, at)
    return review


async def signed(
    store: Store,
    report: dict[str, Any],
    asked: Mapping[str, str],
    targets: Sequence[WriteTarget],
    *,
    at: datetime = AT,
) -> Review:
    """The same review, signed: its writes are queued."""
    review = await reviewed(store, report, asked, at=at)
    await desk.sign(store, PHARMACIST, review.id, "all", targets, at=at)
    return review


async def _decide(
    store: Store, user: User, review: str, wanted: Mapping[str, Asked], at: datetime
) -> None:
    etags = (await desk.review_state(store, review)).etags
    for item, asked in wanted.items():
        await desk.decide(store, user, review, item, asked, etags[item], at=at)
