"""Who did what, for the privacy officer: opaque ids, verbs of ours, and outcomes."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from service.pipeline.audit_events import audit_events
from service.store import audit
from service.web.people.access import Auditor, services_of

router = APIRouter(prefix="/api")


@router.get("/audit")
async def audit_rows(
    request: Request,
    _user: Auditor,
    patient_id: str | None = None,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Newest first; `before` is the number of the last row seen, for the next page."""
    async with services_of(request).store.read() as look:
        found = await audit.rows(look, patient=patient_id, before=before, limit=limit)
    return {
        "rows": [
            {
                "number": row.number,
                "at": row.at.isoformat(),
                "who": row.who,
                "role": row.role,
                "action": row.action,
                "subject": row.subject,
                "patient": row.patient or None,
                "outcome": row.outcome,
                "correlation": row.correlation or None,
            }
            for row in found
        ]
    }


@router.get("/audit/events")
async def audit_export(
    request: Request,
    user: Auditor,
    patient_id: str | None = None,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> Response:
    """The trail as FHIR AuditEvents, one a line, oldest first; `after` is the last number seen."""
    services = services_of(request)
    async with services.store.transaction() as tx:
        found = await audit_events(tx, patient=patient_id, after=after, limit=limit)
        about, at = patient_id or "", services.now()
        await audit.record(tx, user, "export-audit", "", patient=about, at=at)
    lines = b"".join(msgspec.json.encode(one) + b"\n" for one in found)
    return Response(lines, media_type="application/fhir+ndjson")
