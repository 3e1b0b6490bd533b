"""For scripts: patients asked for and listed, a person's word on a doubtful link, and jobs."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from service.pipeline import refresh
from service.store import access, audit, jobs, patients, worklist
from service.web.api.body import body_of
from service.web.errors import BadRequest
from service.web.people.access import Decider, Reviewer, confined, services_of

router = APIRouter(prefix="/api")


@router.post("/patients", status_code=HTTPStatus.ACCEPTED)
async def add_patient(request: Request, user: Decider) -> dict[str, str]:
    """Pulls from every source and reconciles: `{"source", "reference"}` or `{"identifier"}`."""
    services = services_of(request)
    question = _question(await body_of(request))
    patient = await refresh.ask(services.store, question, user, at=services.now())
    async with services.store.transaction() as tx:
        await access.grant(tx, patient, user.id, access.How.ASKED, at=services.now())
    return {"id": patient, "job": await services.queue("reconcile", patient)}


def _question(body: Mapping[str, Any]) -> dict[str, str]:
    if not all(isinstance(value, str) and value for value in body.values()):
        raise BadRequest("Every value is a text.")
    system, bar, value = body.get("identifier", "").partition("|")
    by_identifier = body.keys() == {"identifier"} and bool(system and bar and value)
    kind, _, id_ = body.get("reference", "").partition("/")
    by_record = body.keys() == {"source", "reference"} and kind == "Patient" and bool(id_)
    if not (by_identifier or by_record):
        raise BadRequest(
            'Give {"identifier": "system|value"} or {"source": NAME, "reference": "Patient/ID"}.'
        )
    return dict(body)


@router.get("/patients")
async def list_patients(
    request: Request,
    user: Reviewer,
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """The worklist: gravest first, then the next appointment."""
    services = services_of(request)
    async with services.store.read() as look:
        rows, following = await worklist.page(
            look, cursor=cursor, limit=limit, confined=confined(services, user)
        )
    return {
        "patients": [
            {
                "id": row.patient,
                "severity": row.severity.value,
                "urgent": row.urgent,
                "next_appointment": row.next_visit or None,
                "high": row.high,
                "moderate": row.moderate,
                "low": row.low,
                "not_evaluable": row.not_evaluable,
                "incomplete_sources": row.incomplete_sources,
                "signed_at": row.signed_at.isoformat() if row.signed_at else None,
            }
            for row in rows
        ],
        "cursor": following,
    }


@router.post("/patients/{patient}/links", status_code=HTTPStatus.ACCEPTED)
async def say_link(request: Request, user: Decider, patient: str) -> dict[str, str]:
    """A person's word on a doubtful link, and a new report that heeds it."""
    services = services_of(request)
    body = await body_of(request)
    source, colon, reference = str(body.get("record", "")).partition(":")
    if body.keys() != {"record", "same"} or not isinstance(body["same"], bool) or not colon:
        raise BadRequest('Give {"record": "pharmacy:Patient/9", "same": true or false}.')
    same = body["same"]
    async with services.store.transaction() as tx:
        await patients.get(tx, patient)
        at = services.now()
        await patients.say_link(tx, patient, source, reference, user, same=same, at=at)
        action = "link-same" if same else "link-not-same"
        await audit.record(tx, user, action, patient, patient=patient, at=at)
    return {"job": await services.queue("reconcile", patient)}


@router.get("/jobs/{job}")
async def job_state(request: Request, _user: Reviewer, job: str) -> dict[str, str]:
    async with services_of(request).store.read() as look:
        found = await jobs.get(look, job)
    return {
        "id": found.id,
        "kind": found.kind,
        "subject": found.subject,
        "state": found.state.value,
        "reason": found.reason,
        "changed_at": found.changed_at.isoformat(),
    }
