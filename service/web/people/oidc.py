"""Signing in at the organization's OpenID provider: out, back, and a session here.

A browser that comes back gets a small page that moves on by itself: a strict cookie is not sent
along a way that began on another site.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from service.errors import NotKept, ServiceError
from service.store import audit
from service.web.people import sessions
from service.web.people.access import services_of
from service.web.people.code_flow import PATIENCE, Departure
from service.web.people.id_token import SignInRefused
from service.web.people.issuers import OpenId
from service.web.services import Services
from service.web.templating import render

router = APIRouter(include_in_schema=False)

LEAVING: Final = "concord-leaving"
ABOUT: Final = "openid"


@router.get("/sign-in/openid")
async def leave(request: Request) -> Response:
    """To the organization's own sign-in page."""
    services = services_of(request)
    provider = _provider(services)
    departure = provider.flow.depart(await provider.server(), provider.client, ABOUT)
    return departed(request, services, departure)


@router.get("/sign-in/openid/back")
async def come_back(request: Request) -> Response:
    """Back from there with a code. Raises: SignInRefused."""
    services = services_of(request)
    provider = _provider(services)
    services.tries.check(place_of(request), services.now())
    cookie = request.cookies.get(leaving_name(request, services), "")
    answer = dict(request.query_params)
    try:
        if provider.flow.returned(cookie, answer) != ABOUT:
            raise SignInRefused
        server = await provider.server()
        claims, response = await provider.flow.arrive(server, provider.client, answer)
        user = provider.user(claims)
    except ServiceError:
        await refused(request, services, ABOUT)
        raise
    arrived = render(request, "moving_on.html", title="Signed in", to="/")
    proof = str(response["id_token"]) if server.log_out else ""
    await sessions.begin(request, services, user, ABOUT, arrived, proof=proof)
    return forgotten(request, services, arrived)


def departed(request: Request, services: Services, departure: Departure) -> Response:
    """The browser sent on its way, with what makes it known again."""
    answer = RedirectResponse(departure.address, HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        leaving_name(request, services),
        departure.cookie,
        max_age=int(PATIENCE.total_seconds()),
        path="/",
        secure=sessions.is_secure(request, services),
        httponly=True,
        samesite="lax",
    )
    return answer


def forgotten(request: Request, services: Services, answer: Response) -> Response:
    """The same answer; the way back cannot be walked twice."""
    answer.delete_cookie(
        leaving_name(request, services),
        path="/",
        secure=sessions.is_secure(request, services),
        httponly=True,
        samesite="lax",
    )
    return answer


def leaving_name(request: Request, services: Services) -> str:
    return f"__Host-{LEAVING}" if sessions.is_secure(request, services) else LEAVING


async def refused(request: Request, services: Services, how: str) -> None:
    """One row for a sign-in that failed, by which way, never as whom; it counts as a try."""
    services.tries.failed(place_of(request), services.now())
    async with services.store.transaction() as tx:
        at = services.now()
        await audit.record(tx, None, "refuse-sign-in", how, outcome="refused", at=at)


def place_of(request: Request) -> str:
    """Where the browser is, as far as we can see it."""
    return request.client.host if request.client else ""


def _provider(services: Services) -> OpenId:
    if services.openid is None:
        raise NotKept("No OpenID provider is configured; sign in with a token.")
    return services.openid
