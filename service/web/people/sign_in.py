"""Signing in with a token of `concord token`, or by itself in the demo; and signing out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.web.people import sessions
from service.web.people.access import SignedIn, services_of
from service.web.people.auth import NotSignedIn
from service.web.people.id_token import SignInRefused
from service.web.people.oidc import ABOUT, place_of, refused
from service.web.templating import render

router = APIRouter(include_in_schema=False)

SEE_OTHER = HTTPStatus.SEE_OTHER.value


@router.get("/sign-in")
async def sign_in(request: Request) -> Response:
    """The form for a token; the demo signs its pharmacist in by itself."""
    services = services_of(request)
    if services.demo_user is None:
        return render(request, "sign_in.html", openid=services.openid is not None)
    answer = RedirectResponse("/", SEE_OTHER)
    await sessions.begin(request, services, services.demo_user, "demo", answer)
    return answer


@router.post("/sign-in")
async def sign_in_with_token(request: Request, token: Annotated[str, Form()]) -> Response:
    """A session for as long as the token lives; not where people sign in at an issuer."""
    services = services_of(request)
    sessions.require_own_page(request, services)
    if services.openid is not None:
        raise SignInRefused("Sign in at your organization; tokens are for scripts here.")
    services.tries.check(place_of(request), services.now())
    try:
        user, ends = services.issuer.read(token.strip())
    except NotSignedIn:
        await refused(request, services, "token")
        raise
    answer = RedirectResponse("/", SEE_OTHER)
    await sessions.begin(request, services, user, "token", answer, ends=ends)
    return answer


@router.get("/signed-in")
async def still_signed_in(_user: SignedIn) -> Response:
    """Nothing, while the session lasts: an open page asks by itself, and leaves when it ends."""
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Ends the session here, and at the issuer too where it offers that.

    The way there leads over a small page of ours: a form may lead to our own pages only.
    """
    services = services_of(request)
    sessions.require_own_page(request, services)
    here = f"{services.origin or str(request.base_url).rstrip('/')}/sign-in"
    ended = await sessions.ended(request, services)
    elsewhere = ""
    if services.openid is not None and ended is not None and ended.how == ABOUT:
        elsewhere = await services.openid.log_out_address(ended.proof, here)
    answer: Response = RedirectResponse("/sign-in", SEE_OTHER)
    if elsewhere:
        answer = render(request, "moving_on.html", title="Signing out", to=elsewhere)
    sessions.forget(request, services, answer)
    return answer
