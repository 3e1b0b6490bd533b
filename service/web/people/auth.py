"""Tokens of the local issuer, for scripts and trials, and what a refused person is told.

Tokens are HS256 over a key that only the store holds, live for an hour, and name the person, the
role and the audience. Browsers carry no token; they have a session (`web.sessions`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from service.errors import ReviewError
from service.model.review import User, UserRole
from service.web.people.rights import Right, may

AUDIENCE: Final = "concord"
LIFETIME: Final = timedelta(hours=1)
DECIDING: Final = frozenset(role for role in UserRole if may(role, Right.DECIDE))


class NotSignedIn(ReviewError):
    """Sign in first; the session has ended or was never opened."""


class NotAllowed(ReviewError):
    """Your role may not do this."""


class ForeignOrigin(ReviewError):
    """This request does not come from a page of Concord."""


class TooManyTries(ReviewError):
    """Too many tries to sign in; wait a minute and try again."""


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

    def read(self, token: str) -> tuple[User, datetime]:
        """The person behind a token, and when it ends. Raises: NotSignedIn."""
        try:
            claims = jwt.decode(token, OctKey.import_key(self.secret), algorithms=["HS256"]).claims
            ends = datetime.fromtimestamp(claims["exp"], UTC)
            if claims["iss"] == claims["aud"] == AUDIENCE and ends > self.now():
                user = User(
                    str(claims["sub"]),
                    str(claims["name"]),
                    UserRole(claims["role"]),
                    str(claims.get("org", "")),
                )
                return user, ends
        except (JoseError, KeyError, TypeError, ValueError, OverflowError, OSError):
            pass
        raise NotSignedIn
