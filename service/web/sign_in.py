"""Signing in and out: with a token of `concord token`, by itself in the demo, or at an issuer.

A browser that comes back from elsewhere gets a small page that moves on by itself: a strict cookie
is not sent along a way that began on another site.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.web import sessions
from service.web.access import services_of
from service.web.templating import render

router = APIRouter(include_in_schema=False)

SEE_OTHER = HTTPStatus.SEE_OTHER.value


@router.get("/sign-in")
async def sign_in(request: Request) -> Response:
    """The form for a token; the demo signs its pharmacist in by itself."""
    services = services_of(request)
    if services.demo_user is None:
        return render(request, "sign_in.html")
    answer = RedirectResponse("/patients", SEE_OTHER)
    await sessions.begin(request, services, services.demo_user, "demo", answer)
    return answer


@router.post("/sign-in")
async def sign_in_with_token(request: Request, token: Annotated[str, Form()]) -> Response:
    """A session for as long as the token lives."""
    services = services_of(request)
    sessions.require_own_page(request, services)
    user, ends = services.issuer.read(token.strip())
    answer = RedirectResponse("/patients", SEE_OTHER)
    await sessions.begin(request, services, user, "token", answer, ends=ends)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    services = services_of(request)
    sessions.require_own_page(request, services)
    answer = RedirectResponse("/sign-in", SEE_OTHER)
    await sessions.end(request, services, answer)
    return answer
