"""The HTTP API for scripts: patients, reports, reviews, decisions, plans, deliveries, jobs.

Bodies are read as JSON here and typed by the stages; an answer never repeats what was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from service.errors import NotKept
from service.pipeline import refresh
from service.pipeline import review as desk
from service.pipeline.changes import changes
from service.review.asked import asked
from service.store import access, audit, jobs, patients, reports, worklist
from service.web.access import Decider, Reviewer, SignedIn, confined, services_of
from service.web.errors import BadRequest, PreconditionMissing
from service.write.discrepancy import concept_map

router = APIRouter(prefix="/api")

JSON = "application/json"
IfMatch = Annotated[str | None, Header()]


async def body_of(request: Request) -> Mapping[str, Any]:
    """The request's JSON object. Raises: BadRequest."""
    try:
        body = msgspec.json.decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("The body is no JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("The body is a JSON object.")
    return body


def required(value: str | None) -> str:
    if value is None:
        raise PreconditionMissing
    return value


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


@router.post("/patients/{patient}/reviews", status_code=HTTPStatus.CREATED)
async def open_review(
    request: Request, user: Decider, patient: str, if_match: IfMatch = None
) -> dict[str, str]:
    """A review of exactly the report whose ETag is sent in If-Match."""
    services = services_of(request)
    review = await desk.open_review(
        services.store, user, patient, required(if_match), at=services.now()
    )
    return {"id": review.id}


@router.put("/reviews/{review}/decisions/{item}")
async def decide(
    request: Request, user: Decider, review: str, item: str, if_match: IfMatch = None
) -> Response:
    """One decision on a medication or finding; If-Match is that decision's own ETag."""
    services = services_of(request)
    wanted = asked(await body_of(request))
    made = await desk.decide(
        services.store, user, review, item, wanted, required(if_match), at=services.now()
    )
    return JSONResponse(
        {"item": item, "decision": made.disposition.value, "by": made.by.name},
        headers={"ETag": desk.etag(made.number)},
    )


@router.get("/reviews/{review}")
async def review_state(request: Request, _user: Reviewer, review: str) -> dict[str, Any]:
    """The review as it stands: state, ETag of every item's decision, what keeps it open.

    `changes` are what is no longer as it was seen, field by field: in the newest report, and in
    resources that a write met in another version.
    """
    store = services_of(request).store
    view, found = await desk.review_state(store, review), await changes(store, review)
    return {
        "id": review,
        "patient": view.review.patient,
        "state": view.review.state.value,
        "report_digest": view.review.report_digest,
        "decisions": {
            item: {"decision": d.disposition.value, "by": d.by.name, "reason": d.reason}
            for item, d in sorted(view.standing.items())
        },
        "etags": dict(sorted(view.etags.items())),
        "alike": list(view.alike),
        "undecided_high": list(view.undecided_high),
        "undecided_medications": list(view.undecided_medications),
        "awaiting_second": list(view.awaiting_second),
        "changes": asdict(found),
    }


@router.get("/reviews/{review}/plan")
async def plan(
    request: Request,
    user: Reviewer,
    review: str,
    scope: str = "all",
    refer_in: Annotated[list[str] | None, Query()] = None,
) -> dict[str, Any]:
    """The exact Bundle per target server, before anything is sent.

    `requests` go by themselves after it: the exact text of care plans of others (chosen with
    `refer_in`, out of `care_plans`), with the places of what is ours in it.
    """
    services = services_of(request)
    planned = await desk.plan_of(
        services.store,
        user,
        review,
        await services.targets(),
        scope=scope,
        refer_in=frozenset(refer_in or ()),
        at=services.now(),
    )
    return {
        "targets": [
            {
                "target": target.target,
                "bundle": target.bundle,
                "requests": list(target.requests),
                "skipped": [{"type": w.type, "reason": w.skipped} for w in target.skipped],
            }
            for target in planned.targets
        ],
        "problems": list(planned.problems),
        "care_plans": [asdict(choice) for choice in planned.care_plans],
    }


@router.post("/reviews/{review}/sign", status_code=HTTPStatus.ACCEPTED)
async def sign(request: Request, user: Decider, review: str) -> dict[str, str]:
    """Approved and queued; 409 with the ids while high findings are undecided."""
    services = services_of(request)
    body = await body_of(request)
    scope, refer_in = body.get("scope"), body.get("refer_in", [])
    if not isinstance(scope, str) or scope not in {"all", "mine"}:
        raise BadRequest('Give {"scope": "all"} or {"scope": "mine"}.')
    if not isinstance(refer_in, list) or not all(isinstance(one, str) for one in refer_in):
        raise BadRequest(
            '`refer_in` is a list of care plans, like "psychiatry:CarePlan/7/_history/2".'
        )
    _, targets = await asyncio.gather(services.unchanged(review), services.targets())
    made = await desk.sign(
        services.store,
        user,
        review,
        scope,
        targets,
        refer_in=frozenset(refer_in),
        at=services.now(),
    )
    return {"signature": made.id, "job": await services.queue("deliver", made.id)}


@router.get("/fhir/ConceptMap/discrepancies")
async def discrepancy_map(_user: SignedIn) -> Response:
    """The ConceptMap from our discrepancies to the codes of the French reconciliation sheet."""
    return Response(msgspec.json.encode(concept_map()), media_type="application/fhir+json")


@router.get("/reviews/{review}/deliveries")
async def deliveries(request: Request, _user: Reviewer, review: str) -> dict[str, Any]:
    """Where each write stands, what was not written and why included."""
    rows = await desk.deliveries(services_of(request).store, review)
    return {
        "deliveries": [
            {
                "id": row.id,
                "target": row.target,
                "type": row.type,
                "state": row.state.value,
                "reason": row.reason,
                "location": row.location or None,
                "version": row.version,
                "attempts": row.attempts,
            }
            for row in rows
        ]
    }
