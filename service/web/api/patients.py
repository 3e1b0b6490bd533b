"""For scripts: patients asked for and listed, a person's word on a doubtful link, and jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from service.pipeline import refresh
from service.store import access, audit, jobs, patients, syncs, worklist
from service.store.worklist import WorklistRow
from service.web.api.body import body_of
from service.web.errors import BadRequest
from service.web.people.access import Decider, Reviewer, confined, services_of
from service.web.worklist.page import age, not_complete

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
    """The worklist: gravest first, then the next appointment; `counts` are over all of it."""
    services = services_of(request)
    now, theirs = services.now(), confined(services, user)
    async with services.store.read() as look:
        rows, following = await worklist.page(look, cursor=cursor, limit=limit, confined=theirs)
        counts = await worklist.counts(look, confined=theirs)
        fresh_from = now - services.stale_after
        old = await syncs.grown_old(look, [row.patient for row in rows], fresh_from=fresh_from)
    return {
        "patients": [_listed(row, old.get(row.patient, ()), now) for row in rows],
        "counts": {severity.value: number for severity, number in counts.items()},
        "cursor": following,
    }


def _listed(row: WorklistRow, old: Sequence[str], now: datetime) -> dict[str, Any]:
    """One row as the page shows it: how it stands, how old its signed list is, what is new since.

    `incomplete_sources` counts the reading itself; `not_complete` names the sources that have
    grown too old since as well.
    """
    return {
        "id": row.patient,
        "severity": row.severity.value,
        "urgent": row.urgent,
        "next_appointment": row.next_visit or None,
        "high": row.high,
        "moderate": row.moderate,
        "low": row.low,
        "not_evaluable": row.not_evaluable,
        "incomplete_sources": row.incomplete_sources,
        "not_complete": not_complete(row, old),
        "as_of": row.face.get("as_of"),
        "signed_at": row.signed_at.isoformat() if row.signed_at else None,
        "signed_days_ago": age(row.signed_at, now),
        "since_signed": row.face.get("changed") or {} if row.signed_at else None,
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
