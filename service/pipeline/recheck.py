"""Just before a signature: is what the person saw still what the sources say?

Every source is read again, whole, and reconciled as of the same day. What counts is what was shown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime

from service.errors import ReviewStale
from service.pipeline.compared import differences
from service.pipeline.fresh import USUAL, Ages
from service.pipeline.keeping import keep
from service.pipeline.reconcile import Knowledge
from service.pipeline.reread import read_again
from service.read.source import Reader
from service.report.document import encoded
from service.store import Store, audit, reports, reviews


async def unchanged(
    store: Store,
    readers: Sequence[Reader],
    knowledge: Knowledge,
    review: str,
    *,
    day: date,
    at: datetime,
    ages: Ages = USUAL,
) -> None:
    """Returns when the sources still say what the review stands on.

    Args:
        day: the day on which a newer report stands, if one has to be made.
        ages: how long a reading may age, the same as where the report was made.
    Raises: NotKept; ReviewStale when something changed: the newer report is kept by then, and
        the review superseded.
    """
    async with store.read() as look:
        opened = await reviews.get(look, review)
        seen = await reports.get(look, opened.report)
    fresh = await read_again(
        store,
        readers,
        knowledge,
        opened.patient,
        as_of=seen.as_of,
        today=seen.created_at.date(),
        at=at,
        ages=ages,
    )
    now = json.loads(encoded(fresh.content(seen.as_of)))
    found = differences(json.loads(seen.body), now)
    if not found:
        async with store.transaction() as tx:
            await audit.record(tx, None, "read-again", seen.id, patient=opened.patient, at=at)
    else:
        await keep(store, opened.patient, fresh, as_of=day, at=at)
        raise ReviewStale(
            "It changed since it was shown: {what}. The newest report is here now; look at it and "
            "decide again.",
            what="; ".join(found),
        )
