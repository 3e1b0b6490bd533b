"""For scripts: a review of one report, its decisions, plan, signature, and what came of it.

Bodies are read as JSON here and typed by the stages; an answer never repeats what was sent.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from service.pipeline import review as desk
from service.pipeline.changes import changes
from service.review.asked import asked
from service.web.api.body import IfMatch, body_of, required
from service.web.errors import BadRequest
from service.web.people.access import Decider, Reviewer, services_of

router = APIRouter(prefix="/api")


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
