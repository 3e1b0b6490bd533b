"""The patient's page, its decisions and its evidence. Server-drawn; htmx only saves a reload."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.errors import NotKept, ReviewError, ReviewStale
from service.pipeline import review as desk
from service.store import patients, reads, reports
from service.web.errors import told
from service.web.operations import page as operations
from service.web.over_time import page as over_time
from service.web.patient import care, says, together
from service.web.patient.decisions import DecisionForm, not_kept, wanted
from service.web.patient.screen import page_of
from service.web.people.access import Decider, Reviewer, SignedIn, services_of
from service.web.people.rights import first_page
from service.web.signing import page as signing
from service.web.templating import render
from service.web.worklist import page as worklist_page
from service.web.worklist import progress, saved_views

router = APIRouter(include_in_schema=False)
for part in (
    worklist_page,
    saved_views,
    progress,
    over_time,
    care,
    together,
    signing,
    says,
    operations,
):
    router.include_router(part.router)

SEE_OTHER = HTTPStatus.SEE_OTHER.value
"""After a form has done its work the browser looks at the page anew."""


@router.get("/")
async def start(user: SignedIn) -> Response:
    """Each role begins on a page of its own."""
    return RedirectResponse(first_page(user.role), SEE_OTHER)


@router.get("/patients/{patient}")
async def patient_page(
    request: Request,
    user: Reviewer,
    patient: str,
    by: str = "need",
    since: str = "",
    forms: str = "",
) -> Response:
    """The list with its findings, drugs grouped `by` need or else, and the news `since` a day.

    `forms=whole` draws every decision's form with all its fields, for browsers without JavaScript.
    """
    page = await page_of(
        services_of(request),
        user,
        patient,
        by=by,
        compared_with=since,
        whole_forms=forms == "whole",
    )
    return render(request, "patient.html", page=page)


@router.post("/patients/{patient}/refresh")
async def read_again(request: Request, _user: Decider, patient: str) -> Response:
    """Reads every source of this patient again; the page tells when a new list stands."""
    await services_of(request).queue("reconcile", patient)
    return RedirectResponse(f"/patients/{patient}", SEE_OTHER)


@router.post("/patients/{patient}/decisions/{item}")
async def decide(
    request: Request,
    user: Decider,
    patient: str,
    item: str,
    etag: str,
    form: Annotated[DecisionForm, Form()],
) -> Response:
    """One decision on what `etag` guards; the first one opens the review.

    A refusal is said beside the form.
    """
    services = services_of(request)
    error = ""
    try:
        made = wanted(form)
        at = services.now()
        review = await desk.open_review(services.store, user, patient, form.report, at=at)
        await desk.decide(services.store, user, review.id, item, made, etag, at=at)
    except ReviewStale as refused:
        error = f"{told(refused)} {not_kept(form)}"
    except ReviewError as refused:
        error = told(refused)
    above = "" if _by_htmx(request) else error
    page = await page_of(services, user, patient, error=above, compared_with="" if above else None)
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
