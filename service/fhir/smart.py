"""SMART Backend Services: a signed assertion is exchanged for a short-lived token.

Source: SMART App Launch 2.2, "Backend Services" and "Client Authentication: Asymmetric".
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import msgspec

from service.errors import (
    SettingsError,
    SourceError,
    SourceInvalid,
    SourceRefused,
    SourceUnavailable,
)
from service.fhir.body import ACCEPT_ENCODING, UNREADABLE, inflated
from service.fhir.jwks import SigningKey
from service.fhir.pace import http_date
from service.fhir.policy import Endpoint
from service.fhir.scopes import Grant, grant

_TOKEN_CAP = 256_000
_ASSERTION_LIFE_S = 240
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CLOCK_TOLERANCE_S = 30.0
_FAILURE_KEPT_S = 2.0


class _Configuration(msgspec.Struct):
    issuer: str = ""
    token_endpoint: str = ""


class _Token(msgspec.Struct):
    access_token: str
    token_type: str = ""
    expires_in: msgspec.Raw = msgspec.Raw(b"")
    scope: str = ""


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes
    server_time: float | None


@dataclass(slots=True)
class SmartBackend:
    """The credential of one source; its tokens are shared by all requests to it.

    Args:
        client_id: as registered with the source; both `iss` and `sub` of the assertion.
        private_key: PEM text of an RSA (RS384) or P-384 (ES384) key.
        key_id: `kid` under which the public half is registered; empty takes its thumbprint.
        scope: system scopes asked for.
        token_url: where the source's own configuration names another host, that host must be
            configured here; a discovered address elsewhere is refused.
        next_keys: further live keys, tried when the source does not know the first (rotation).
        clock: seconds since 1970.
    """

    client_id: str
    private_key: str = field(repr=False)
    key_id: str = ""
    scope: str = "system/*.rs"
    token_url: str = ""
    next_keys: tuple[SigningKey, ...] = field(default=(), repr=False)
    clock: Callable[[], float] = time.time
    granted: str = ""
    _keys: tuple[SigningKey, ...] = field(init=False, repr=False)
    _clock_off_s: float = field(init=False, default=0.0, repr=False)
    _discovered_url: str = field(init=False, default="", repr=False)
    _token: str = field(init=False, default="", repr=False)
    _valid_until: float = field(init=False, default=0.0, repr=False)
    _failure: tuple[float, SourceError] | None = field(init=False, default=None, repr=False)
    _lock: asyncio.Lock = field(init=False, default_factory=asyncio.Lock, repr=False)

    def __post_init__(self) -> None:
        self._keys = (SigningKey(self.private_key, self.key_id), *self.next_keys)

    @property
    def secret(self) -> bool:
        return True

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """The live keys, the one that signs first."""
        return self._keys

    def forget(self, refused: str) -> bool:
        if refused == f"Bearer {self._token}":
            self._valid_until = 0.0
        return True

    def grants(self, resource_type: str) -> Grant:
        return grant(self.granted, resource_type)

    async def header(self, http: httpx.AsyncClient, endpoint: Endpoint) -> str | None:
        """A bearer token from the cache, else a new one; concurrent callers share one request.

        A failure is shared as well, for a moment: an authorization server that is down is not
        asked again by every search that waits for it.
        """
        if self.clock() < self._valid_until:
            return f"Bearer {self._token}"
        async with self._lock:
            if self.clock() >= self._valid_until:
                loop = asyncio.get_running_loop()
                if self._failure is not None and loop.time() < self._failure[0]:
                    raise type(self._failure[1])(self._failure[1].message)
                try:
                    await self._renew(http, endpoint)
                except SourceError as error:
                    self._failure = (loop.time() + _FAILURE_KEPT_S, error)
                    raise
                self._failure = None
            return f"Bearer {self._token}"

    async def _renew(self, http: httpx.AsyncClient, endpoint: Endpoint) -> None:
        url = self.token_url or self._discovered_url or await self._discovered(http, endpoint)
        reply = await self._asked(http, url)
        if reply.status != 200:
            if reply.status in {408, 429} or reply.status >= 500:
                raise SourceUnavailable(f"the token endpoint answered {reply.status}")
            raise SourceRefused(
                f"the token endpoint answered {reply.status}; check client_id, key and scopes"
            )
        try:
            token = msgspec.json.decode(reply.body, type=_Token)
        except UNREADABLE:
            raise SourceInvalid("the token endpoint answered without an access_token") from None
        if token.token_type.lower() != "bearer" or not token.access_token:
            raise SourceInvalid("the token endpoint answered with no bearer token")
        life = _life(token.expires_in)
        self._token, self.granted = token.access_token, token.scope
        self._valid_until = self.clock() + life - min(30.0, life / 10)

    async def _asked(self, http: httpx.AsyncClient, url: str) -> _Reply:
        """The token endpoint's answer; with the server's time or the next key where that helps."""
        reply = await self._with(self._keys[0], http, url)
        if reply.status in {400, 401} and reply.server_time is not None:
            off = reply.server_time - self.clock()
            if abs(off - self._clock_off_s) > _CLOCK_TOLERANCE_S:
                self._clock_off_s = off
                reply = await self._with(self._keys[0], http, url)
        if reply.status == 400 and self._token:
            # Who was granted a token before is known there: Epic now and then refuses one for
            # nothing (smart-on-fhir/cumulus-fhir-support, auth.py).
            reply = await self._with(self._keys[0], http, url)
        for key in self._keys[1:]:
            if reply.status not in {400, 401}:
                break
            reply = await self._with(key, http, url)
            if reply.status == 200:
                self._keys = (key, *(one for one in self._keys if one is not key))
        return reply

    async def _with(self, key: SigningKey, http: httpx.AsyncClient, url: str) -> _Reply:
        return await _call(http, "POST", url, data=self.form(url, key))

    async def _discovered(self, http: httpx.AsyncClient, endpoint: Endpoint) -> str:
        url = endpoint.admit(".well-known/smart-configuration")
        reply = await _call(http, "GET", url, data=None)
        if reply.status in {408, 429} or reply.status >= 500:
            raise SourceUnavailable(f"smart-configuration: the server answers {reply.status}")
        try:
            found = msgspec.json.decode(reply.body, type=_Configuration)
        except UNREADABLE:
            found = _Configuration()
        if reply.status != 200 or not found.token_endpoint:
            raise SourceInvalid(
                f"smart-configuration ({reply.status}) names no token_endpoint; configure token_url"
            )
        _must_be_here(found.token_endpoint, "token_endpoint", endpoint)
        if found.issuer:
            _must_be_here(found.issuer, "issuer", endpoint)
        self._discovered_url = found.token_endpoint
        return found.token_endpoint

    def form(self, token_url: str, key: SigningKey | None = None) -> dict[str, str]:
        """What the token endpoint is asked with. Raises: as `assertion`."""
        return {
            "grant_type": "client_credentials",
            "scope": self.scope,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self.assertion(token_url, key),
        }

    def assertion(self, token_url: str, key: SigningKey | None = None) -> str:
        """A fresh client assertion (JWT): exp within 300 s, a jti never used before.

        Raises: SettingsError when the key is none.
        """
        from joserfc import jwt

        signing = key or self._keys[0]
        now = int(self.clock() + self._clock_off_s)
        header = {"alg": signing.algorithm, "typ": "JWT", "kid": signing.kid}
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": token_url,
            "iat": now,
            "exp": now + _ASSERTION_LIFE_S,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(dict(header), claims, signing.key, algorithms=[signing.algorithm])


def _must_be_here(url: str, what: str, endpoint: Endpoint) -> None:
    """Raises: SourceRefused when discovery leads to another server (a mix-up or an attack)."""
    try:
        there = Endpoint.parse(url)
    except SettingsError:
        raise SourceRefused(f"smart-configuration names a {what} that is no address") from None
    if there.origin != endpoint.origin:
        raise SourceRefused(
            f"smart-configuration names a {what} on another server ({there.host}); "
            "configure token_url if that is right"
        )


def _life(expires_in: msgspec.Raw) -> float:
    """Seconds that a token lives; 60 where the answer does not say it in a usable way."""
    try:
        value = msgspec.json.decode(expires_in, type=float, strict=False)
    except UNREADABLE:
        return 60.0
    return min(value, 86_400.0) if value > 0 else 60.0


async def _call(
    http: httpx.AsyncClient, method: str, url: str, *, data: dict[str, str] | None
) -> _Reply:
    request = http.build_request(
        method,
        url,
        data=data,
        headers={"Accept": "application/json", "Accept-Encoding": ACCEPT_ENCODING},
        timeout=httpx.Timeout(10.0, connect=5.0),
    )
    try:
        response = await http.send(request, stream=True, follow_redirects=False, auth=None)
        try:
            stream = response.stream
            assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 (an async client's)
            encoding = response.headers.get("content-encoding", "")
            body = await inflated(stream, encoding, _TOKEN_CAP)
        finally:
            await response.aclose()
    except httpx.TransportError as error:
        raise SourceUnavailable(
            f"the authorization server does not answer ({type(error).__name__})"
        ) from None
    there = http_date(response.headers.get("date"))
    return _Reply(response.status_code, body, there.timestamp() if there else None)
