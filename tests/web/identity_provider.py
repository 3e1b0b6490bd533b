"""A small OpenID provider and SMART authorization server, and what may be wrong with either."""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.write.synthetic import AT

SECRET = "the client's own secret"


def rsa(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}, private=True)


def ec(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"}, private=True)


@dataclass
class IdentityProvider:
    """One issuer at `base`. Fields change what it says; `made` changes each ID token's claims."""

    base: str = "https://login.test"
    client_id: str = "concord"
    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "u-1", "name": "Paula Pharm", "roles": ["pharmacist"]}
    )
    patient: str | None = None
    key: Key = field(default_factory=lambda: ec("k1"))
    published: list[Key] = field(default_factory=list)
    algorithm: str = "ES256"
    header: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    made: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
    token: Callable[[str], str] = lambda token: token
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    exchanged: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.published = self.published or [self.key]

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._openid),
                Route("/fhir/.well-known/smart-configuration", self._smart),
                Route("/keys", self._keys),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    def rotate(self, kid: str) -> None:
        """A new key signs from now on; the old one is no longer published."""
        self.key = ec(kid)
        self.published = [self.key]

    def consent(self, address: str) -> str:
        """The person signs in there and says yes: the query with which the browser comes back."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        return urlencode({"code": code, "state": query["state"], "iss": self.base})

    async def _openid(self, _request: Request) -> Response:
        self.asked.append("metadata")
        return JSONResponse(
            {
                "issuer": self.base,
                "authorization_endpoint": f"{self.base}/authorize",
                "token_endpoint": f"{self.base}/token",
                "jwks_uri": f"{self.base}/keys",
                "code_challenge_methods_supported": ["S256"],
            }
            | self.metadata
        )

    async def _smart(self, request: Request) -> Response:
        return await self._openid(request)

    async def _keys(self, _request: Request) -> Response:
        self.asked.append("keys")
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.published]})

    async def _authorize(self, request: Request) -> Response:
        return RedirectResponse(f"/?{self.consent(str(request.url))}")

    async def _token(self, request: Request) -> Response:
        form = {key: str(value) for key, value in (await request.form()).items()}
        self.exchanged.append(form)
        begun = self.codes.pop(form.get("code", ""), None)
        known = begun is not None and (
            begun["redirect_uri"] == form["redirect_uri"]
            and begun["code_challenge_method"] == "S256"
            and begun["code_challenge"] == challenge(form["code_verifier"])
            and self._client(request) == self.client_id
        )
        if not known or begun is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(AT.timestamp())
        claims = {
            "iss": self.base,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 300,
            "nonce": begun["nonce"],
        } | self.person
        header = {"alg": self.algorithm, "kid": self.key.kid} | self.header
        signed = jwt.encode(header, self.made(claims), self.key, algorithms=[self.algorithm])
        answer = {"access_token": "at", "token_type": "Bearer", "id_token": self.token(signed)}
        return JSONResponse(answer | ({"patient": self.patient} if self.patient else {}))

    @staticmethod
    def _client(request: Request) -> str:
        raw = b64decode(request.headers.get("authorization", "").removeprefix("Basic "))
        name, _, secret = raw.decode().partition(":")
        return unquote(name) if unquote(secret) == SECRET else ""


def challenge(verifier: str) -> str:
    return base64(sha256(verifier.encode()).digest())


def base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(token: str) -> str:
    """The same claims under "alg": "none"."""
    _, claims, _ = token.split(".")
    header = base64(json.dumps({"alg": "none"}).encode())
    return f"{header}.{claims}."


def signed_with_the_public_key(provider: IdentityProvider) -> Callable[[str], str]:
    """The same claims, HMAC-signed with the published key's own text as the secret."""

    def resigned(token: str) -> str:
        _, claims, _ = token.split(".")
        header = base64(json.dumps({"alg": "HS256", "kid": provider.key.kid}).encode())
        secret = provider.published[0].as_pem(private=False)
        return f"{header}.{claims}." + base64(
            hmac.digest(secret, f"{header}.{claims}".encode(), "sha256")
        )

    return resigned
