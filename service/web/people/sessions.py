"""Sessions of browsers: an opaque random id in a cookie, everything else in the store.

Nothing that a browser brought before signing in is adopted: each sign-in draws a new id and ends
the session it replaces. Fifteen minutes without a request of the person's own, or twelve hours in
all, end a session. A change of state over the cookie must come from one of our own pages.
Sources: OWASP ASVS 5.0 V7 (session management), 3.3 (cookies), 3.5 (origins).
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from service.model.review import User
from service.store import audit, zones
from service.store import sessions as rows
from service.store.sessions import Session
from service.web.clock import CHOSEN
from service.web.people.auth import ForeignOrigin, NotSignedIn
from service.web.services import Services

COOKIE: Final = "concord-session"
SECURE_COOKIE: Final = "__Host-concord-session"
IDLE: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(hours=12)
BACKGROUND: Final = "x-background"
"""Header of a request that a page makes by itself, so that it keeps nobody signed in."""

_NOTE_EVERY: Final = timedelta(minutes=1)


async def begin(
    request: Request,
    services: Services,
    user: User,
    how: str,
    answer: Response,
    *,
    ends: datetime | None = None,
    proof: str = "",
) -> None:
    """Opens a session of this person and puts its cookie on the answer.

    Args:
        how: "token", "openid", "launch" or "demo".
        ends: when it ends at the latest, if before twelve hours from now.
        proof: the issuer's ID token, for ending the session there too.
    """
    at = services.now()
    last = min(at + LONGEST, ends or at + LONGEST)
    identity = secrets.token_urlsafe(32)
    old = request.cookies.get(cookie_name(request, services))
    async with services.store.transaction() as tx:
        if old:
            await rows.end(tx, _digest(old))
        await rows.add(tx, Session(_digest(identity), user, how, at, at, last, proof))
        correlation = str(request.scope.get("correlation", ""))
        await audit.record(tx, user, "sign-in", how, correlation=correlation, at=at)
        zone = await zones.of_person(tx, user.id)
    if zone:
        tell_zone(request, services, answer, zone)
    answer.set_cookie(
        cookie_name(request, services),
        identity,
        max_age=int((last - at).total_seconds()),
        path="/",
        secure=is_secure(request, services),
        httponly=True,
        samesite="strict",
    )


def tell_zone(request: Request, services: Services, answer: Response, zone: str) -> None:
    """Puts the zone that a person chose beside the session; "" takes one of before away."""
    answer.set_cookie(
        f"__Host-{CHOSEN}" if is_secure(request, services) else CHOSEN,
        zone,
        max_age=int(LONGEST.total_seconds()) if zone else 0,
        path="/",
        secure=is_secure(request, services),
        httponly=True,
        samesite="strict",
    )


async def person(request: Request, services: Services) -> User:
    """Who is signed in over the cookie; the visit counts as activity unless a page made it itself.

    Raises: NotSignedIn; ForeignOrigin for a change that does not come from our own pages.
    """
    identity = request.cookies.get(cookie_name(request, services))
    if not identity:
        raise NotSignedIn
    if request.method not in {"GET", "HEAD"}:
        require_own_page(request, services)
    at = services.now()
    digest = _digest(identity)
    async with services.store.read() as look:
        session = await rows.get(look, digest)
    if session is None or session.ends_at <= at or session.seen_at + IDLE <= at:
        raise NotSignedIn
    if session.seen_at + _NOTE_EVERY <= at and not by_itself(request):
        async with services.store.transaction() as tx:
            await rows.seen(tx, digest, at=at)
    return session.user


async def ended(request: Request, services: Services) -> Session | None:
    """The session of this browser, ended on our side; None where there was none."""
    identity = request.cookies.get(cookie_name(request, services))
    at = services.now()
    if not identity:
        return None
    async with services.store.transaction() as tx:
        session = await rows.get(tx, _digest(identity))
        if session is not None:
            await rows.end(tx, session.digest)
            await audit.record(tx, session.user, "sign-out", session.how, at=at)
    return session


def forget(request: Request, services: Services, answer: Response) -> None:
    """Tells the browser to forget the session and what it has seen."""
    answer.delete_cookie(
        cookie_name(request, services),
        path="/",
        secure=is_secure(request, services),
        httponly=True,
        samesite="strict",
    )
    answer.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'


def require_own_page(request: Request, services: Services) -> None:
    """Raises ForeignOrigin unless the browser says that one of our own pages sent this."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    here = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if site is None and origin is None:
        raise ForeignOrigin
    if site is not None and site != "same-origin":
        raise ForeignOrigin
    if origin is not None and origin not in {here, services.origin}:
        raise ForeignOrigin


def is_secure(request: Request, services: Services) -> bool:
    """Whether the person's browser speaks https, to us or to what stands before us."""
    return request.url.scheme == "https" or services.origin.startswith("https://")


def cookie_name(request: Request, services: Services) -> str:
    """Over https only the name that browsers bind to this very host."""
    return SECURE_COOKIE if is_secure(request, services) else COOKIE


def _digest(identity: str) -> str:
    return sha256(identity.encode()).hexdigest()


def by_itself(request: Request) -> bool:
    """Whether a page made this request without anybody doing anything."""
    stream = request.headers.get("accept", "") == "text/event-stream"
    return stream or BACKGROUND in request.headers
