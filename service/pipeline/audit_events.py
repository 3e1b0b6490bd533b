"""The audit trail as FHIR AuditEvents: one for each read of a source and each write, and each act.

Ids and references only. Rows that say where a write stands on its way are left out: its end is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import service
from service.model.review import DeliveryState
from service.store import Connection, audit, reads
from service.store import deliveries as outbox
from service.store.audit import AuditRow
from service.store.delivery import Delivery
from service.write.audit_event import (
    CREATE,
    MINOR_FAILURE,
    READ,
    SERIOUS_FAILURE,
    SUCCESS,
    UPDATE,
    act,
    event,
)
from service.write.codes import PATIENT_SYSTEM

_READ = frozenset({"reconcile", "read-again"})
"""Every source was asked; the row names the report that stands by what they said."""

_ON_THE_WAY = frozenset({DeliveryState.PLANNED.value, DeliveryState.SENDING.value})
_OUTCOMES = {
    "done": SUCCESS,
    DeliveryState.CONFLICT.value: MINOR_FAILURE,
    DeliveryState.NEEDS_REVIEW.value: MINOR_FAILURE,
    DeliveryState.CANCELLED.value: MINOR_FAILURE,
    DeliveryState.REFUSED.value: SERIOUS_FAILURE,
    DeliveryState.DEAD.value: SERIOUS_FAILURE,
}


async def audit_events(
    look: Connection, *, patient: str | None, after: int, limit: int
) -> list[dict[str, Any]]:
    """Events of the rows behind the number `after`, oldest first.

    The id of each begins with its row's number ("audit-17"), from which the next page goes on.
    """
    rows = await audit.following(look, patient=patient, after=after, limit=limit)
    writes = await outbox.some(look, [row.subject for row in rows if row.action == "write"])
    found: list[dict[str, Any]] = []
    for row in rows:
        for number, one in enumerate(await _events(look, row, writes)):
            apart = f"-{number}" if number else ""
            found.append({"resourceType": "AuditEvent", "id": f"audit-{row.number}{apart}"} | one)
    return found


async def _events(
    look: Connection, row: AuditRow, writes: Mapping[str, Delivery]
) -> Iterable[dict[str, Any]]:
    if row.action == "write" and row.subject in writes:
        return [] if row.outcome in _ON_THE_WAY else [_write(row, writes[row.subject])]
    if row.action in _READ:
        return [_read(row, kept.source, kept.id) for kept in await reads.behind(look, row.subject)]
    return [
        act(
            row.action,
            recorded=row.at,
            by=row.who,
            version=service.__version__,
            patient=row.patient,
            subject=row.subject,
            outcome=_outcome(row),
        )
    ]


def _write(row: AuditRow, write: Delivery) -> dict[str, Any]:
    place = write.location or write.reference
    what = {"type": write.type, "identifier": {"value": write.id}}
    return event(
        UPDATE if write.if_match else CREATE,
        recorded=row.at,
        by=None,
        version=service.__version__,
        server=write.target,
        patient=_patient(row),
        data=[what | ({"reference": place} if place else {})],
        outcome=_outcome(row),
    )


def _read(row: AuditRow, source: str, read: str) -> dict[str, Any]:
    return event(
        READ,
        recorded=row.at,
        by=None,
        version=service.__version__,
        server=source,
        patient=_patient(row),
        data=[{"identifier": {"value": read}}],
        outcome=_outcome(row),
    )


def _patient(row: AuditRow) -> dict[str, Any]:
    return {"type": "Patient", "identifier": {"system": PATIENT_SYSTEM, "value": row.patient}}


def _outcome(row: AuditRow) -> str:
    """Done, or refused: what is no state of a write and not done was not allowed."""
    return _OUTCOMES.get(row.outcome, MINOR_FAILURE)
