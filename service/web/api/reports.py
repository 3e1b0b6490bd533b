"""For scripts: the report of a patient as it stands, and those that stood before, byte for byte."""

from __future__ import annotations

from datetime import date
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse

from service.errors import NotKept
from service.store import patients, reports
from service.web.api.body import JSON
from service.web.people.access import Reviewer, SignedIn, services_of
from service.write.discrepancy import concept_map

router = APIRouter(prefix="/api")


@router.get("/patients/{patient}/report")
async def report(
    request: Request,
    _user: Reviewer,
    patient: str,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The newest report, byte for byte as kept; 202 before the first one."""
    services = services_of(request)
    async with services.store.read() as look:
        await patients.get(look, patient)
        kept = await reports.newest(look, patient)
    if kept is None:
        return JSONResponse({"status": "being made"}, HTTPStatus.ACCEPTED)
    if if_none_match == kept.etag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": kept.etag})
    return Response(kept.body, media_type=JSON, headers={"ETag": kept.etag})


@router.get("/patients/{patient}/reports")
async def report_history(
    request: Request, _user: Reviewer, patient: str, as_of: date | None = None
) -> Response:
    """Earlier reports, newest first; with `as_of` the report of that day, byte for byte."""
    async with services_of(request).store.read() as look:
        await patients.get(look, patient)
        if as_of is not None:
            kept = await reports.newest(look, patient, as_of=as_of)
            if kept is None:
                raise NotKept("No report of this patient stands on that day.")
            return Response(kept.body, media_type=JSON, headers={"ETag": kept.etag})
        entries = await reports.history(look, patient)
    return JSONResponse(
        {
            "reports": [
                {
                    "id": entry.id,
                    "number": entry.number,
                    "as_of": entry.as_of.isoformat(),
                    "created_at": entry.created_at.isoformat(),
                    "digest": entry.digest,
                }
                for entry in entries
            ]
        }
    )


@router.get("/fhir/ConceptMap/discrepancies")
async def discrepancy_map(_user: SignedIn) -> Response:
    """The ConceptMap from our discrepancies to the codes of the French reconciliation sheet."""
    return Response(msgspec.json.encode(concept_map()), media_type="application/fhir+json")
