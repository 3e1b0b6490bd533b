"""One patient's page put together from the store: the newest report and its newest review."""

from __future__ import annotations

import json
from typing import Any

from service.errors import NotKept
from service.model.review import Review, ReviewState, User
from service.review import decide as rules
from service.store import (
    Connection,
    patient_words,
    patients,
    reports,
    reviews,
    syncs,
    worklist,
)
from service.store import deliveries as outbox
from service.web.patient.decisions import decided
from service.web.patient.since import since
from service.web.patient.view import Page
from service.web.people.access import confined
from service.web.people.auth import DECIDING
from service.web.services import Services
from service.web.signing import delivered
from service.web.worklist.freshness import aged


async def page_of(
    services: Services,
    user: User,
    patient: str,
    *,
    error: str = "",
    by: str = "need",
    compared_with: str | None = None,
    whole_forms: bool = False,
) -> Page:
    """The page as it stands now; looking changes nothing. Raises: NotKept.

    Args:
        compared_with: the day since which news are told, "" for this person's own last visit or
            look; None tells none.
        whole_forms: draw each decision's form with all its fields.
    """
    async with services.store.read() as look:
        await patients.get(look, patient)
        kept = await reports.newest(look, patient)
        if kept is None:
            raise NotKept("There is no report yet; the sources are being read. Look again soon.")
        known = await reviews.of_report(look, kept.id)
        review = await reviews.get(look, known[-1]) if known else None
        rows = await outbox.of_review(look, review.id) if review else ()
        following = await _following(look, services, user, patient)
        words = await patient_words.of_patient(look, patient)
        content = aged(
            json.loads(kept.body),
            await syncs.of_patient(look, patient),
            stale_after=services.stale_after,
            now=services.now(),
        )
        news = None
        if compared_with is not None:
            news = await since(look, services, user, patient, content, compared_with)
    signed = _signature(review)
    return Page(
        id=patient,
        content=content,
        report_etag=kept.etag,
        review=review.id if review else "",
        open=user.role in DECIDING and signed is None,
        decisions=decided(review),
        signed=signed,
        deliveries=[delivered.row(one, services.sources) for one in rows],
        may_read=user.role in DECIDING,
        error=error,
        by=by,
        following=following,
        drug_classes=services.drug_classes,
        since=news,
        words=words,
        awaiting_second=rules.awaiting_second(review, content) if review else (),
        alike=len(set(rules.alike(content)) - (review.standing.keys() if review else set())),
        whole_forms=whole_forms,
    )


async def _following(look: Connection, services: Services, user: User, patient: str) -> str:
    """Who comes next in the worklist of this person; "" at its end."""
    here = await worklist.row_of(look, patient)
    if here is None:
        return ""
    rows, _ = await worklist.page(
        look, cursor=here.sort, limit=1, confined=confined(services, user)
    )
    return rows[0].patient if rows else ""


def _signature(review: Review | None) -> dict[str, Any] | None:
    if review is None or review.state is not ReviewState.SIGNED or review.signed_by is None:
        return None
    return {"by": review.signed_by.name, "at": review.signed_at}
