"""The pages: worklist, patient, evidence, plan, signing. Server-drawn; htmx only saves a reload."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.errors import NotKept, ReviewError, WriteRejected
from service.pipeline import review as desk
from service.store import patients, reads, reports, terms, worklist
from service.store.terms import Wanted
from service.web import operations, over_time, progress, together
from service.web.access import Decider, Reviewer, confined, services_of
from service.web.decisions import DecisionForm, wanted
from service.web.errors import status_of
from service.web.screen import page_of
from service.web.templating import render
from service.web.worklist_page import Worklist, heading

router = APIRouter(include_in_schema=False)
router.include_router(progress.router)
router.include_router(over_time.router)
router.include_router(together.router)
router.include_router(operations.router)

SEE_OTHER = HTTPStatus.SEE_OTHER.value
"""After a form has done its work the browser looks at the page anew."""


@router.get("/")
async def start() -> Response:
    return RedirectResponse("/patients", SEE_OTHER)


@router.get("/patients")
async def worklist_page(
    request: Request,
    user: Reviewer,
    cursor: str = "",
    finding: str = "",
    drug: str = "",
    clinician: str = "",
    state: str = "",
    name: str = "",
) -> Response:
    """Who needs a look first, and why; narrowed down by what is asked for."""
    services = services_of(request)
    theirs = confined(services, user)
    wanted = Wanted(finding, drug, clinician, state, name)
    key = services.store.key
    async with services.store.read() as look:
        rows, following = await worklist.page(
            look, cursor=cursor, confined=theirs, wanted=wanted, key=key
        )
        found = Worklist(
            rows=rows,
            cursor=following,
            counts=await worklist.counts(look, confined=theirs, wanted=wanted, key=key),
            choices=await terms.choices(look, theirs),
            wanted=wanted,
        )
    return render(request, "worklist.html", worklist=found, heading=heading(found))


@router.get("/patients/{patient}")
async def patient_page(
    request: Request, user: Reviewer, patient: str, by: str = "need"
) -> Response:
    """The list with its findings, drugs grouped `by` need or else; looking changes nothing."""
    page = await page_of(services_of(request), user, patient, by=by)
    return render(request, "patient.html", page=page)


@router.post("/patients/{patient}/refresh")
async def read_again(request: Request, _user: Decider, patient: str) -> Response:
    """Reads every source of this patient again; the page tells when a new list stands."""
    await services_of(request).queue("reconcile", patient)
    return RedirectResponse(f"/patients/{patient}", SEE_OTHER)


@router.post("/patients/{patient}/review")
async def review_again(
    request: Request, user: Decider, patient: str, report: Annotated[str, Form()]
) -> Response:
    """A new review of the same report, after the first was signed."""
    services = services_of(request)
    await desk.open_review(services.store, user, patient, report, at=services.now())
    return RedirectResponse(f"/patients/{patient}#signing", SEE_OTHER)


@router.post("/patients/{patient}/decisions/{item}")
async def decide(
    request: Request,
    user: Decider,
    patient: str,
    item: str,
    form: Annotated[DecisionForm, Form()],
) -> Response:
    """One decision; the first one opens the review. A refusal is said beside the form."""
    services = services_of(request)
    error = ""
    try:
        made = wanted(form)
        at = services.now()
        review = await desk.open_review(services.store, user, patient, form.report, at=at)
        await desk.decide(services.store, user, review.id, item, made, form.etag, at=at)
    except ReviewError as refused:
        error = refused.message
    page = await page_of(services, user, patient, error="" if _by_htmx(request) else error)
    shown = page.item(item)
    if shown is None:
        raise NotKept
    if _by_htmx(request):
        shown["error"] = error
        return render(request, "decided.html", page=page, item=shown)
    if error:
        return render(request, "patient.html", HTTPStatus.CONFLICT, page=page)
    return RedirectResponse(f"/patients/{patient}#{item}", SEE_OTHER)


@router.post("/patients/{patient}/agree")
async def agree(
    request: Request, user: Decider, patient: str, report: Annotated[str, Form()]
) -> Response:
    """Continues every line that all sources have alike and about which nothing else is said."""
    services = services_of(request)
    at = services.now()
    review = await desk.open_review(services.store, user, patient, report, at=at)
    await desk.accept_alike(services.store, user, review.id, at=at)
    return RedirectResponse(f"/patients/{patient}#signing", SEE_OTHER)


@router.post("/patients/{patient}/sign")
async def sign(
    request: Request,
    user: Decider,
    patient: str,
    report: Annotated[str, Form()],
    scope: Annotated[str, Form()] = "all",
) -> Response:
    """Signs exactly what is shown; the writes are queued in the same transaction."""
    services = services_of(request)
    try:
        at = services.now()
        review = await desk.open_review(services.store, user, patient, report, at=at)
        _, targets = await asyncio.gather(services.unchanged(review.id), services.targets())
        signature = await desk.sign(services.store, user, review.id, scope, targets, at=at)
    except (ReviewError, WriteRejected) as refused:
        page = await page_of(services, user, patient, error=refused.message)
        return render(request, "patient.html", status_of(refused), page=page)
    await services.queue("deliver", signature.id)
    return RedirectResponse(f"/patients/{patient}#signing", SEE_OTHER)


@router.get("/patients/{patient}/deliveries")
async def deliveries(request: Request, user: Reviewer, patient: str) -> Response:
    page = await page_of(services_of(request), user, patient)
    return render(request, "deliveries.html", page=page)


@router.get("/patients/{patient}/plan")
async def plan(request: Request, user: Reviewer, patient: str) -> Response:
    """The exact resources for each server, before anything is sent."""
    services = services_of(request)
    page = await page_of(services, user, patient)
    targets: list[dict[str, Any]] = []
    problems: tuple[str, ...] = ()
    if page.review:
        planned = await desk.plan_of(
            services.store, user, page.review, await services.targets(), at=services.now()
        )
        targets = [_target(target) for target in planned.targets]
        problems = planned.problems
    return render(request, "plan.html", id=patient, targets=targets, problems=problems)


def _target(plan: desk.TargetPlan) -> dict[str, Any]:
    return {
        "name": plan.target,
        "writes": [
            f"{write.type}, {'a new version of ours' if write.if_match else 'new'}"
            for write in plan.writes
        ],
        "skipped": [f"{write.type}: {write.skipped}" for write in plan.skipped],
        "json": json.dumps(plan.bundle, indent=2, ensure_ascii=False),
    }


@router.get("/patients/{patient}/resource")
async def resource(
    request: Request, _user: Reviewer, patient: str, source: str, reference: str
) -> Response:
    """The very JSON that a fact was read from, as the source sent it."""
    async with services_of(request).store.read() as look:
        await patients.get(look, patient)
        report = await reports.newest(look, patient)
        raw = await reads.resource(look, report.id if report else "", source, reference)
    return render(
        request,
        "resource.html",
        id=patient,
        source=source,
        reference=raw.reference,
        version=raw.version,
        body=_indented(raw.body),
    )


def _indented(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode("utf-8", "replace")


def _by_htmx(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"
