"""Who may ask: fixed bearer token, basic, or SMART Backend Services.

Source: SMART App Launch 2, "Backend Services" and "Asymmetric client authentication".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl

from service.sandbox.exchange import Refusal, Reply, decode
from service.sandbox.manners import Access

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_OPEN = ("metadata", ".well-known/smart-configuration")
_LETTERS = {"read": "rs", "write": "cud", "*": "cruds"}


@dataclass(frozen=True, slots=True)
class _Token:
    expires: datetime
    scopes: tuple[str, ...]


class _Denied(Exception):
    """A token request that is refused; the argument is the OAuth error code."""


class Gate:
    """Knows the tokens that it gave out and the assertions that it has seen."""

    def __init__(self, access: Access, clock: Callable[[], datetime]) -> None:
        self.access = access
        self.clock = clock
        self._tokens: dict[str, _Token] = {}
        self._seen: dict[tuple[str, str], float] = {}

    def revoke(self) -> None:
        """From now on the tokens that were given out are answered with 401."""
        self._tokens.clear()

    def scopes(self, path: str, authorization: str) -> tuple[str, ...] | None:
        """What this request may do; None for everything.

        Args:
            path: below the base; metadata and discovery are open.
        Raises: Refusal 401 without a credential that is good now.
        """
        kind, _, value = authorization.partition(" ")
        if self.access.kind == "none" or path in _OPEN:
            return None
        if self.access.kind == "basic" and kind.lower() == "basic":
            wanted = f"{self.access.user}:{self.access.password}".encode()
            if compare_digest(_decoded(value), wanted):
                return None
        elif self.access.kind == "bearer" and kind.lower() == "bearer":
            if compare_digest(value.encode(), self.access.token.encode()):
                return self.access.scopes
        elif self.access.kind == "smart-backend" and kind.lower() == "bearer":
            token = self._tokens.get(value)
            if token is not None and self.clock() < token.expires:
                return token.scopes
        raise Refusal(401, "login", "a credential that is good now is needed")

    def token(self, body: bytes, endpoint: str) -> Reply:
        """The answer of the token endpoint to a form; OAuth errors as JSON with status 400."""
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        try:
            self._authenticated(form, endpoint)
            scopes = self._granted(form.get("scope", "").split())
        except _Denied as denied:
            return Reply(400, {"error": str(denied)}, _NOT_KEPT)
        token, lifetime = token_urlsafe(24), self.access.token_lifetime_s
        self._tokens[token] = _Token(self.clock() + timedelta(seconds=lifetime), scopes)
        answer = {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": int(lifetime),
            "scope": " ".join(scopes),
        }
        return Reply(200, answer, _NOT_KEPT)

    def _granted(self, asked: list[str]) -> tuple[str, ...]:
        limit = self.access.scopes
        granted = tuple(scope for scope in asked if limit is None or scope in limit)
        if limit is not None and not granted:
            # A wildcard was asked for, less is granted: SMART lets a server narrow it.
            granted = limit if any(scope.startswith("system/*.") for scope in asked) else ()
        if not granted:
            raise _Denied("invalid_scope")
        return granted

    def _authenticated(self, form: Mapping[str, str], endpoint: str) -> None:
        """Raises: _Denied unless the form carries a good assertion that was not used before."""
        if form.get("grant_type") != "client_credentials":
            raise _Denied("unsupported_grant_type")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise _Denied("invalid_request")
        claims = self._claims(form.get("client_assertion", ""), endpoint)
        now = self.clock().timestamp()
        expires, jti = claims["exp"], claims["jti"]
        if expires > now + self.access.asserted_s:
            raise _Denied("invalid_client")
        self._seen = {key: until for key, until in self._seen.items() if until > now}
        if (claims["iss"], jti) in self._seen:
            raise _Denied("invalid_client")
        self._seen[claims["iss"], jti] = expires

    def _claims(self, assertion: str, endpoint: str) -> dict[str, Any]:
        # Only servers with this manner pay for the import of the key libraries.
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import GuestProtocol, KeySet

        def keys(guest: GuestProtocol) -> KeySet:
            claimed = _client_id(assertion)
            if claimed not in self.access.clients or "kid" not in guest.headers():
                raise _Denied("invalid_client")
            known: Any = {"keys": [dict(key) for key in self.access.clients[claimed]["keys"]]}
            return KeySet.import_key_set(known)

        required = {name: {"essential": True} for name in ("iss", "sub", "exp", "jti")}
        try:
            token = jwt.decode(assertion, keys, algorithms=["RS384", "ES384"])
            rules: Any = {**required, "aud": {"essential": True, "value": endpoint}}
            jwt.JWTClaimsRegistry(lambda: int(self.clock().timestamp()), **rules).validate(
                token.claims
            )
        except (JoseError, ValueError) as error:
            raise _Denied("invalid_client") from error
        if token.claims["iss"] != token.claims["sub"]:
            raise _Denied("invalid_client")
        return token.claims


_NOT_KEPT = {"Cache-Control": "no-store", "Content-Type": "application/json"}


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        return b""


def _client_id(assertion: str) -> str:
    """Who the assertion says it is from, not yet believed: it tells whose keys to check it with."""
    from joserfc import jws

    claims = decode(jws.extract_compact(assertion.encode()).payload)
    return str(claims.get("iss", "")) if isinstance(claims, dict) else ""


def allows(scopes: tuple[str, ...] | None, type_: str, letter: str) -> bool:
    """Whether SMART scopes (v1 `read`, `write`; v2 `cruds`) allow an interaction.

    Args:
        letter: c, r, u, d or s (search).
    """
    if scopes is None:
        return True
    for scope in scopes:
        _, _, granted = scope.partition("/")
        what, _, how = granted.partition(".")
        if what in ("*", type_) and letter in _LETTERS.get(how, how.partition("?")[0]):
            return True
    return False
