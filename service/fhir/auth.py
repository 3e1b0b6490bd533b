"""How Concord shows who it is: nothing, a bearer token, basic, or SMART Backend Services.

A credential object is bound to one source; the client adds its header only to addresses that the
source's `Endpoint` admitted. Source: SMART App Launch 2.2, Backend Services and asymmetric client
authentication.
"""

from __future__ import annotations

import asyncio
import base64
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import httpx
import msgspec

from service.errors import SettingsError, SourceInvalid, SourceRefused, SourceUnavailable
from service.fhir.body import ACCEPT_ENCODING, inflated
from service.fhir.policy import Endpoint

_TOKEN_CAP = 256_000
_ASSERTION_LIFE_S = 240
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
Algorithm = Literal["RS384", "ES384"]


class Credentials(Protocol):
    """What answers with the value of the Authorization header."""

    @property
    def secret(self) -> bool:
        """Whether there is anything that must not travel in the clear."""
        ...

    async def header(self, http: httpx.AsyncClient, endpoint: Endpoint) -> str | None:
        """The header's value, None for none. Raises: SourceError when no token can be had."""
        ...

    def forget(self) -> bool:
        """Drop a token that the server refused; whether asking for a new one makes sense."""
        ...


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No credential."""

    secret: bool = False

    async def header(self, http: httpx.AsyncClient, endpoint: Endpoint) -> str | None:  # noqa: ARG002
        return None

    def forget(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that somebody else obtained."""

    token: str = field(repr=False)
    secret: bool = True

    async def header(self, http: httpx.AsyncClient, endpoint: Endpoint) -> str | None:  # noqa: ARG002
        return f"Bearer {self.token}"

    def forget(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Basic:
    """User name and password."""

    user: str
    password: str = field(repr=False)
    secret: bool = True

    async def header(self, http: httpx.AsyncClient, endpoint: Endpoint) -> str | None:  # noqa: ARG002
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"

    def forget(self) -> bool:
        return False


class _Configuration(msgspec.Struct):
    token_endpoint: str = ""


class _Token(msgspec.Struct):
    access_token: str
    token_type: str = ""
    expires_in: msgspec.Raw = msgspec.Raw(b"")
    scope: str = ""


@dataclass(slots=True)
class SmartBackend:
    """SMART Backend Services: a signed assertion is exchanged for a short-lived token.

    Args:
        client_id: as registered with the source; both `iss` and `sub` of the assertion.
        private_key: PEM text of an RSA (RS384) or P-384 (ES384) key.
        key_id: `kid` under which the public half is registered; empty leaves it out.
        scope: system scopes asked for.
        token_url: where the source's own configuration names another host, that host must be
            configured here; a discovered address elsewhere is refused.
        clock: seconds since 1970.
    """

    client_id: str
    private_key: str = field(repr=False)
    key_id: str = ""
    scope: str = "system/*.rs"
    token_url: str = ""
    clock: Callable[[], float] = time.time
    granted: str = ""
    _token: str = field(default="", repr=False)
    _valid_until: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @property
    def secret(self) -> bool:
        return True

    def forget(self) -> bool:
        self._valid_until = 0.0
        return True

    async def header(self, http: httpx.AsyncClient, endpoint: Endpoint) -> str | None:
        """A bearer token from the cache, else a new one; concurrent callers share one request."""
        async with self._lock:
            if self.clock() >= self._valid_until:
                await self._renew(http, endpoint)
            return f"Bearer {self._token}"

    async def _renew(self, http: httpx.AsyncClient, endpoint: Endpoint) -> None:
        url = self.token_url or await self._discovered(http, endpoint)
        form = {
            "grant_type": "client_credentials",
            "scope": self.scope,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self.assertion(url),
        }
        status, body = await _call(http, "POST", url, data=form)
        if status != 200:
            raise SourceRefused(f"the token endpoint answered {status}; check client_id and key")
        try:
            token = msgspec.json.decode(body, type=_Token)
        except msgspec.MsgspecError:
            raise SourceInvalid("the token endpoint answered without an access_token") from None
        if token.token_type.lower() != "bearer" or not token.access_token:
            raise SourceInvalid("the token endpoint answered with no bearer token")
        life = _life(token.expires_in)
        self._token, self.granted = token.access_token, token.scope
        self._valid_until = self.clock() + life - min(30.0, life / 10)

    async def _discovered(self, http: httpx.AsyncClient, endpoint: Endpoint) -> str:
        url = endpoint.admit(".well-known/smart-configuration")
        status, body = await _call(http, "GET", url, data=None)
        try:
            found = msgspec.json.decode(body, type=_Configuration).token_endpoint
        except msgspec.MsgspecError:
            found = ""
        if status != 200 or not found:
            raise SourceInvalid(
                f"smart-configuration ({status}) names no token_endpoint; configure token_url"
            )
        try:
            there = Endpoint.parse(found)
        except SettingsError:
            raise SourceRefused(
                "smart-configuration names a token_endpoint that is no address"
            ) from None
        if (there.scheme, there.host, there.port) != (
            endpoint.scheme,
            endpoint.host,
            endpoint.port,
        ):
            raise SourceRefused(
                f"smart-configuration sends the token request to another server ({there.host}); "
                "configure token_url if that is right"
            )
        return found

    def assertion(self, token_url: str) -> str:
        """A fresh client assertion (JWT): exp within 300 s, a jti never used before."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import ECKey, RSAKey

        key: RSAKey | ECKey
        algorithm: Algorithm
        try:
            key, algorithm = RSAKey.import_key(self.private_key), "RS384"
        except (ValueError, TypeError, JoseError):
            try:
                key, algorithm = ECKey.import_key(self.private_key), "ES384"
            except (ValueError, TypeError, JoseError):
                raise SettingsError(
                    "private_key is neither an RSA nor a P-384 private key in PEM form."
                ) from None
        header: dict[str, str] = {"alg": algorithm, "typ": "JWT"}
        if self.key_id:
            header["kid"] = self.key_id
        now = int(self.clock())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": token_url,
            "iat": now,
            "exp": now + _ASSERTION_LIFE_S,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(dict(header), claims, key, algorithms=[algorithm])


def _life(expires_in: msgspec.Raw) -> float:
    """Seconds that a token lives; 60 where the answer does not say it in a usable way."""
    try:
        value = msgspec.json.decode(expires_in, type=float, strict=False)
    except msgspec.MsgspecError:
        return 60.0
    return min(value, 86_400.0) if value > 0 else 60.0


async def _call(
    http: httpx.AsyncClient, method: str, url: str, *, data: dict[str, str] | None
) -> tuple[int, bytes]:
    request = http.build_request(
        method,
        url,
        data=data,
        headers={"Accept": "application/json", "Accept-Encoding": ACCEPT_ENCODING},
        timeout=httpx.Timeout(10.0, connect=5.0),
    )
    try:
        response = await http.send(request, stream=True, follow_redirects=False)
        try:
            stream = response.stream
            assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 (an async client's)
            encoding = response.headers.get("content-encoding", "")
            return response.status_code, await inflated(stream, encoding, _TOKEN_CAP)
        finally:
            await response.aclose()
    except httpx.TransportError as error:
        raise SourceUnavailable(
            f"the authorization server does not answer ({type(error).__name__})"
        ) from None
