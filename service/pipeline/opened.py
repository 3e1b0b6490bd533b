"""A review with the very report that it was opened on."""

from __future__ import annotations

from service.errors import ReviewStale
from service.model.review import Review
from service.store import Connection, reports, reviews
from service.store.reports import KeptReport


async def opened(look: Connection, review: str) -> tuple[Review, KeptReport]:
    """The review and its report as kept. Raises: NotKept; ReviewStale when its bytes differ."""
    loaded = await reviews.get(look, review)
    kept = await reports.get(look, loaded.report)
    if kept.digest != loaded.report_digest:
        raise ReviewStale("the report under review is not the one that was opened")
    return loaded, kept
