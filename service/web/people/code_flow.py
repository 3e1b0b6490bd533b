"""The authorization code flow with PKCE: out to an issuer and back, for this browser only.

Nothing is kept on our side in between. A short-lived signed cookie holds the `state`; verifier and
nonce are derived from it with a key of ours, so that neither leaves this service before its time.
Sources: RFC 6749, RFC 7636 (S256), RFC 9207 (issuer in the answer), RFC 9700.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from service.web.people.id_token import Exchange, Keys, SignInRefused, claims_of

PATIENCE: Final = timedelta(minutes=10)
"""How long a person may take at the issuer."""

_AUDIENCE: Final = "concord-sign-in"


@dataclass(frozen=True, slots=True)
class Client:
    """How we are known at one issuer; without a secret we are a public client."""

    client_id: str
    client_secret: str
    redirect_uri: str
    scope: str


@dataclass(frozen=True, slots=True)
class Server:
    """One authorization server, from its own metadata.

    `log_out` is "" where it offers none; `names_itself` says that it promised to name itself in
    each answer, so that one without its name is not its own.
    """

    issuer: str
    authorize: str
    token: str
    keys: str
    log_out: str = ""
    names_itself: bool = False


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser is sent, and the cookie by which it is known again."""

    address: str
    cookie: str


@dataclass(frozen=True, slots=True)
class CodeFlow:
    """One flow for every issuer. `secret` has at least 32 bytes; `now` is the clock."""

    secret: bytes
    now: Callable[[], datetime]
    exchange: Exchange
    keys: Keys

    def depart(
        self, server: Server, client: Client, about: str, more: Mapping[str, str] | None = None
    ) -> Departure:
        """Begin. `about` comes back from `returned`: for whom the way was begun."""
        state = secrets.token_urlsafe(32)
        challenge = sha256(self._derived("verifier", state).encode()).digest()
        query = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": client.redirect_uri,
            "scope": client.scope,
            "state": state,
            "nonce": self._derived("nonce", state),
            "code_challenge": _base64(challenge),
            "code_challenge_method": "S256",
            **(more or {}),
        }
        ends = int((self.now() + PATIENCE).timestamp())
        claims = {"aud": _AUDIENCE, "state": state, "about": about, "exp": ends}
        cookie = jwt.encode({"alg": "HS256"}, claims, self._key)
        join = "&" if "?" in server.authorize else "?"
        return Departure(f"{server.authorize}{join}{urlencode(query)}", cookie)

    def returned(self, cookie: str, answer: Mapping[str, str]) -> str:
        """For whom this browser had left; gives `about`. Raises: SignInRefused."""
        try:
            claims = jwt.decode(cookie, self._key, algorithms=["HS256"]).claims
            known = hmac.compare_digest(str(claims["state"]), answer.get("state", ""))
            in_time = claims["exp"] > self.now().timestamp()
            if claims["aud"] == _AUDIENCE and known and in_time and answer.get("code"):
                return str(claims["about"])
        except (JoseError, KeyError, TypeError, ValueError):
            pass
        raise SignInRefused

    async def arrive(
        self, server: Server, client: Client, answer: Mapping[str, str]
    ) -> tuple[dict[str, Any], Mapping[str, Any]]:
        """The claims of the person, and the token response. Raises: SignInRefused, SourceError."""
        if answer.get("iss", "" if server.names_itself else server.issuer) != server.issuer:
            raise SignInRefused
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": client.redirect_uri,
            "code_verifier": self._derived("verifier", answer["state"]),
        }
        basic = (client.client_id, client.client_secret) if client.client_secret else None
        if basic is None:
            form["client_id"] = client.client_id
        response = await self.exchange.post(server.token, form, basic=basic)
        token = response.get("id_token")
        if not isinstance(token, str):
            raise SignInRefused
        claims = await claims_of(
            token,
            self.keys,
            address=server.keys,
            issuer=server.issuer,
            client_id=client.client_id,
            nonce=self._derived("nonce", answer["state"]),
        )
        return claims, response

    @property
    def _key(self) -> OctKey:
        return OctKey.import_key(hmac.digest(self.secret, b"sign-in cookie", "sha256"))

    def _derived(self, label: str, state: str) -> str:
        return _base64(hmac.digest(self.secret, f"{label}\0{state}".encode(), "sha256"))


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
