"""Whether what was signed may still be told when it goes: while it waited for its server a consent
may have been withdrawn, a label added, or a record found to be somebody else's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from service.model.patient import MatchGrade
from service.pipeline.beside import beside
from service.pipeline.opened import opened
from service.store import Connection, patients, reads, reviews
from service.store import deliveries as outbox
from service.store.delivery import Delivery
from service.write.deliver.recipient import Recipient
from service.write.withhold import recipients, withholding

NOT_THIS_PERSON = "it is no longer certain that its record there is this person; nothing was sent"
WITHDRAWN = "a consent or a label changed since it was signed; nothing was sent, sign again"


async def withdrawn(
    look: Connection, key: bytes, rows: Sequence[Delivery], to: Mapping[str, Recipient]
) -> str:
    """Why nothing more of one signature goes to its server; "" where it may.

    Consents and labels are looked at again where a source was read since the signature.

    Args:
        key: the store's secret for identifiers.
        rows: all rows of the signature for this server.
        to: every server as it can be written to now.
    """
    waiting = [row for row in rows if row.state in outbox.ACTIVE and row.resource]
    if not waiting:
        return ""
    row = waiting[0]
    if await _in_doubt(look, row):
        return NOT_THIS_PERSON
    newest = await reads.newest(look, row.patient)
    if not any(one.kept_at > row.planned_at for one in newest):
        return ""
    _, report = await opened(look, row.review)
    content = json.loads(report.body)
    known = await beside(look, key, row.patient, report.id, content)
    told = recipients([(name, one.target.parties) for name, one in to.items()], row.target)
    now = withholding(content, told, known.consents, known.labels).reasons.keys()
    signed = await reviews.signatures_of(look, row.review)
    covered = {item for one in signed if one.id == row.signature for item in one.items}
    then = {one.item for one in rows if not one.resource}
    return WITHDRAWN if now & covered - then else ""


async def _in_doubt(look: Connection, row: Delivery) -> bool:
    """Whether a record is in doubt by now, or was said since to be somebody else's."""
    words = await patients.words(look, row.patient)
    links = await patients.links(look, row.patient)
    said = [one for one in words if one.source == row.target and one.at > row.planned_at]
    return any(not one.same for one in said) or any(
        link.grade in {MatchGrade.PROBABLE, MatchGrade.POSSIBLE} for link in links
    )
