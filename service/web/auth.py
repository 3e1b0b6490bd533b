"""Who asks: a bearer token of the local issuer in a header, or the same token in a session cookie.

Tokens are HS256 over a key that only the store holds, live for an hour, and name the person, the
role and the audience. A page session is such a token in a cookie that scripts cannot read and other
sites cannot send; a change of state over the cookie must also come from our own pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fastapi import Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from service.errors import ReviewError
from service.model.review import User, UserRole

AUDIENCE: Final = "concord"
LIFETIME: Final = timedelta(hours=1)
COOKIE: Final = "concord-session"
SECURE_COOKIE: Final = "__Host-concord-session"
CLINICAL: Final = frozenset(
    {
        UserRole.PHARMACIST,
        UserRole.PSYCHIATRIST,
        UserRole.PRIMARY_CARE,
        UserRole.THERAPIST,
    }
)
DECIDING: Final = CLINICAL - {UserRole.THERAPIST}


class NotSignedIn(ReviewError):
    """Sign in first; the session has ended or was never opened."""


class NotAllowed(ReviewError):
    """Your role may not do this."""


class ForeignOrigin(ReviewError):
    """This request does not come from a page of Concord."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Makes and checks tokens. `secret` has at least 32 bytes; `now` is the clock."""

    secret: bytes
    now: Callable[[], datetime]

    def token(self, user: User) -> str:
        """A token for one hour."""
        issued = self.now()
        claims = {
            "iss": AUDIENCE,
            "aud": AUDIENCE,
            "sub": user.id,
            "name": user.name,
            "role": user.role.value,
            "org": user.organization,
            "iat": int(issued.timestamp()),
            "exp": int((issued + LIFETIME).timestamp()),
        }
        return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(self.secret))

    def user(self, token: str) -> User:
        """The person behind a token. Raises: NotSignedIn for anything but a valid one."""
        try:
            claims = jwt.decode(token, OctKey.import_key(self.secret), algorithms=["HS256"]).claims
            valid = (
                claims["iss"] == AUDIENCE
                and claims["aud"] == AUDIENCE
                and claims["exp"] > self.now().timestamp()
            )
            if valid:
                return User(
                    str(claims["sub"]),
                    str(claims["name"]),
                    UserRole(claims["role"]),
                    str(claims.get("org", "")),
                )
        except (JoseError, KeyError, TypeError, ValueError):
            pass
        raise NotSignedIn


def user_of(request: Request, issuer: Issuer) -> User:
    """The signed-in person of a request.

    Raises: NotSignedIn; ForeignOrigin when a cookie is sent with a change from elsewhere.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return issuer.user(token)
    cookie = request.cookies.get(cookie_name(request))
    if not cookie:
        raise NotSignedIn
    if request.method not in {"GET", "HEAD"}:
        require_own_page(request)
    return issuer.user(cookie)


def cookie_name(request: Request) -> str:
    """The session's cookie: over https only the name that browsers bind to this very host."""
    return SECURE_COOKIE if request.url.scheme == "https" else COOKIE


def require_own_page(request: Request) -> None:
    """Raises ForeignOrigin unless the browser says that one of our pages sent this."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if site is not None and site != "same-origin":
        raise ForeignOrigin
    if origin is None and site is None:
        raise ForeignOrigin
    if origin is not None and origin != own:
        raise ForeignOrigin
