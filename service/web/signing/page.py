"""Before and after the signature: what is decided, what will be written where, how it stands."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from service.errors import ReviewError, WriteRejected
from service.pipeline import review as desk
from service.pipeline.changes import ConflictChange, changes
from service.prints.comparison import DECIDED
from service.review.difference import Change, report_changes
from service.store import Store, reports
from service.web.errors import status_of, told
from service.web.patient.screen import page_of
from service.web.patient.view import Page
from service.web.people.access import Decider, Reviewer, services_of
from service.web.reasons import why
from service.web.signing.writes import sentence
from service.web.templating import render

router = APIRouter(include_in_schema=False)

ORDER: Final = ("change", "propose stop", "hold", "add", "not sure", "continue")
"""What asks something of somebody is told before what goes on as it is."""


@router.get("/patients/{patient}/plan")
async def plan(
    request: Request,
    user: Reviewer,
    patient: str,
    scope: str = "all",
    refer_in: Annotated[list[str] | None, Query()] = None,
) -> Response:
    """What was decided, and the exact resources for each server, before anything is sent.

    `refer_in` are care plans of others that the reader chose to let refer to ours.
    """
    services = services_of(request)
    chosen = frozenset(refer_in or ())
    care_plans: tuple[desk.CarePlanChoice, ...] = ()
    page = await page_of(services, user, patient)
    targets: list[dict[str, Any]] = []
    problems: tuple[str, ...] = ()
    conflicts: tuple[ConflictChange, ...] = ()
    if page.review:
        planned = await desk.plan_of(
            services.store,
            user,
            page.review,
            await services.targets(),
            scope=scope if scope in {"all", "mine"} else "all",
            refer_in=chosen,
            at=services.now(),
        )
        care_plans = planned.care_plans
        targets = [_target(target) for target in planned.targets]
        problems = planned.problems
        conflicts = (await changes(services.store, page.review)).conflicts
    return render(
        request,
        "plan.html",
        page=page,
        scope=scope,
        decided=decided_words(page),
        targets=targets,
        care_plans=care_plans,
        chosen=sorted(chosen & {one.name for one in care_plans}),
        problems=problems,
        conflicts=conflicts,
    )


def decided_words(page: Page) -> dict[str, Any]:
    """The medications by decision, the findings by answer, and what is still open."""
    rows = [row for group in page.grid.groups for row in group["rows"]]
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["decision"].disposition or "", []).append(row)
    answers = Counter(DECIDED.get(f["decision"].disposition, "still open") for f in page.shown)
    return {
        "medications": [(word, groups[word]) for word in ORDER if word in groups],
        "open": groups.get("", []),
        "findings": answers.most_common(),
    }


def _target(plan: desk.TargetPlan) -> dict[str, Any]:
    return {
        "name": plan.target,
        "writes": [
            {
                "type": write.type,
                "words": sentence(write),
                "json": json.dumps(write.resource, indent=2, ensure_ascii=False),
            }
            for write in plan.writes
        ],
        "skipped": [f"{write.type}: {why(write.skipped)}" for write in plan.skipped],
        "json": json.dumps(plan.bundle, indent=2, ensure_ascii=False),
        "texts": [(one["url"], one["body"]) for one in plan.requests if "body" in one],
    }


@router.post("/patients/{patient}/sign")
async def sign(
    request: Request,
    user: Decider,
    patient: str,
    report: Annotated[str, Form()],
    scope: Annotated[str, Form()] = "all",
    refer_in: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Signs exactly what is shown; the writes are queued in the same transaction."""
    services = services_of(request)
    try:
        at = services.now()
        review = await desk.open_review(services.store, user, patient, report, at=at)
        _, targets = await asyncio.gather(services.unchanged(review.id), services.targets())
        signature = await desk.sign(
            services.store,
            user,
            review.id,
            scope,
            targets,
            refer_in=frozenset(refer_in or ()),
            at=at,
        )
    except (ReviewError, WriteRejected) as refused:
        page = await page_of(services, user, patient, error=told(refused), compared_with="")
        met = await met_since(services.store, patient, report)
        return render(request, "patient.html", status_of(refused), page=page, met=met)
    await services.queue("deliver", signature.id)
    return RedirectResponse(f"/patients/{patient}#signing", HTTPStatus.SEE_OTHER)


async def met_since(store: Store, patient: str, etag: str) -> tuple[Change, ...]:
    """How the newest report differs from the one that a person saw, () where it is the same."""
    async with store.read() as look:
        newest = await reports.newest(look, patient)
        known = [one for one in await reports.history(look, patient) if f'"{one.digest}"' == etag]
        if newest is None or not known or known[0].id == newest.id:
            return ()
        seen = await reports.get(look, known[0].id)
    return report_changes(json.loads(seen.body), json.loads(newest.body))


@router.post("/patients/{patient}/review")
async def review_again(
    request: Request, user: Decider, patient: str, report: Annotated[str, Form()]
) -> Response:
    """A new review of the same report, after the first was signed."""
    services = services_of(request)
    await desk.open_review(services.store, user, patient, report, at=services.now())
    return RedirectResponse(f"/patients/{patient}#signing", HTTPStatus.SEE_OTHER)


@router.get("/patients/{patient}/deliveries")
async def deliveries(request: Request, user: Reviewer, patient: str) -> Response:
    """Where each write stands, asked again by the page while something is under way."""
    page = await page_of(services_of(request), user, patient)
    return render(request, "deliveries.html", page=page)
