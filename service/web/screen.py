"""One patient's page put together from the store: the newest report and its newest review."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from service.errors import NotKept
from service.model.review import Review, ReviewState, User
from service.store import Connection, patients, reports, reviews, worklist
from service.store import deliveries as outbox
from service.store.deliveries import Delivery
from service.web.access import confined
from service.web.auth import DECIDING
from service.web.decisions import decided
from service.web.services import Services
from service.web.view import Page


async def page_of(
    services: Services, user: User, patient: str, *, error: str = "", by: str = "need"
) -> Page:
    """The page as it stands now; looking changes nothing. Raises: NotKept."""
    async with services.store.read() as look:
        await patients.get(look, patient)
        kept = await reports.newest(look, patient)
        if kept is None:
            raise NotKept("There is no report yet; the sources are being read. Look again soon.")
        known = await reviews.of_report(look, kept.id)
        review = await reviews.get(look, known[-1]) if known else None
        rows = await outbox.of_review(look, review.id) if review else ()
        following = await _following(look, services, user, patient)
    signed = _signature(review)
    return Page(
        id=patient,
        content=json.loads(kept.body),
        report_etag=kept.etag,
        review=review.id if review else "",
        open=user.role in DECIDING and signed is None,
        decisions=decided(review),
        signed=signed,
        deliveries=[_delivery(row, services.sources) for row in rows],
        may_read=user.role in DECIDING,
        error=error,
        by=by,
        following=following,
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


def _signature(review: Review | None) -> dict[str, str] | None:
    if review is None or review.state is not ReviewState.SIGNED or review.signed_by is None:
        return None
    when = review.signed_at.strftime("%Y-%m-%d %H:%M UTC") if review.signed_at else ""
    return {"by": review.signed_by.name, "at": when}


def _delivery(row: Delivery, sources: Mapping[str, str]) -> dict[str, Any]:
    base = sources.get(row.target, "")
    return {
        "target": row.target,
        "type": row.type,
        "state": row.state.value,
        "reference": row.location,
        "version": row.version or "",
        "href": f"{base}/{row.location}" if base and row.location else "",
        "reason": row.reason,
    }
