"""One request and its whole answer: bound to the endpoint, timed, capped, its failures in words.

Nothing here retries or follows; `client.py` does the first, nobody the second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import httpx

from service.errors import SettingsError, SourceInvalid
from service.fhir.auth import Anonymous, Credentials
from service.fhir.body import ACCEPT_ENCODING, inflated
from service.fhir.failure import why
from service.fhir.message import Fields, field_lines, named, request
from service.fhir.pace import Pace, http_date, retry_after
from service.fhir.policy import Endpoint
from service.fhir.pool import Patience, PinnedTransport, StraightClient
from service.fhir.retry import RETRIED_STATUS

FHIR_JSON = "application/fhir+json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one source may cost. Times in seconds, `page_cap` in bytes after inflating."""

    connect_s: float = 5.0
    answer_s: float = 15.0
    deadline_s: float = 20.0
    page_cap: int = 32_000_000
    pages: int = 200
    entries: int = 100_000
    page_entries: int = 20_000
    in_flight: int = 24
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def words(self) -> str:
        """ "410 Gone"."""
        try:
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            return str(self.status)

    @property
    def wait(self) -> float | None:
        """Seconds that a Retry-After header asks for; None without one."""
        return retry_after(self.headers.get("retry-after"), datetime.now(UTC))


class NotSent(Exception):
    """No byte of the request left: no connection could be made. The message says why."""


class Lost(Exception):
    """The request may have arrived, but its answer did not come back whole."""


@dataclass(slots=True)
class Wire:
    """Sends requests to one endpoint, as many at a time and as fast as the source allows.

    Raises (on construction): SettingsError when a credential would travel unencrypted.
    """

    endpoint: Endpoint
    credentials: Credentials
    http: httpx.AsyncClient
    limits: Limits
    pace: Pace = field(init=False, repr=False, default_factory=Pace)
    _slots: asyncio.Semaphore = field(init=False, repr=False)
    _clock: tuple[datetime, float] | None = field(init=False, default=None, repr=False)
    _pool: PinnedTransport | None = field(init=False, default=None, repr=False)
    _fields: tuple[tuple[bytes, bytes], ...] = field(init=False, repr=False)
    _lines: bytes = field(init=False, repr=False)
    _patience: Patience = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.credentials.secret and not self.endpoint.may_carry_credentials:
            raise SettingsError(
                f"{self.endpoint.base_url} is plain http: no credential is sent over it. "
                "Use https, or leave the credential out."
            )
        if not self.credentials.secret:
            self.credentials = Anonymous()
        self._slots = asyncio.Semaphore(self.limits.in_flight)
        if isinstance(self.http, StraightClient):
            self._pool = self.http.pool_to(self.endpoint.base_url)
        self._fields = (
            (b"Host", httpx.URL(self.endpoint.base_url).netloc),
            (b"Accept-Encoding", ACCEPT_ENCODING.encode()),
            (b"User-Agent", b"concord"),
        )
        self._lines = field_lines(self._fields)
        self._patience = Patience(self.limits.connect_s, self.limits.answer_s)

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        latest: float | None = None,
    ) -> Reply:
        """The answer to one request, whatever its status; after a 401 once more with a new token.

        Args:
            latest: moment of the event loop's clock after which the source's turn makes no sense.
        Raises: SourceRefused (the address leaves the endpoint), NotSent, Lost, SourceInvalid (body
            too large or broken), SourceUnavailable (the source asks for a longer pause),
            SourceError from the credentials.
        """
        address = self.endpoint.admit(url)
        if latest is None:
            latest = asyncio.get_running_loop().time() + self.limits.deadline_s
        async with self._slots:
            if self.pace.is_free:
                return await self._signed_in(method, address, headers, content)
            async with self.pace.turn(latest):
                return await self._signed_in(method, address, headers, content)

    async def _signed_in(
        self, method: str, address: str, headers: Mapping[str, str] | None, content: bytes | None
    ) -> Reply:
        authorization = await self.credentials.header(self.http, self.endpoint)
        reply = await self._once(method, address, headers, content, authorization)
        if (
            reply.status == 401
            and authorization is not None
            and self.credentials.forget(authorization)
        ):
            authorization = await self.credentials.header(self.http, self.endpoint)
            reply = await self._once(method, address, headers, content, authorization)
        if (there := http_date(reply.headers.get("date"))) is not None:
            self._clock = there, time.monotonic()
        failed = reply.status in RETRIED_STATUS
        self.pace.hear(reply.headers, well=not failed)
        if failed and reply.wait is not None:
            self.pace.hold(reply.wait)
        return reply

    def server_time(self) -> datetime | None:
        """What the server's own clock says now, by the Date of its last answer."""
        if self._clock is None:
            return None
        there, then = self._clock
        return there + timedelta(seconds=time.monotonic() - then)

    async def _once(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str] | None,
        content: bytes | None,
        authorization: str | None,
    ) -> Reply:
        sent = {"Accept": FHIR_JSON}
        if content is not None:
            sent["Content-Type"] = FHIR_JSON
        sent |= headers or {}
        if authorization is not None:
            sent["Authorization"] = authorization
        own = [(name.encode(), value.encode()) for name, value in sent.items()]
        try:
            if self._pool is None:
                return await self._by_httpx(method, address, own, content)
            return await self._by_pool(self._pool, method, address, own, content)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(
                why(error, connect_s=self.limits.connect_s, answer_s=self.limits.answer_s)
            ) from None
        except (httpx.TransportError, httpx.StreamError) as error:
            raise Lost(
                why(error, connect_s=self.limits.connect_s, answer_s=self.limits.answer_s)
            ) from None

    async def _by_pool(
        self, pool: PinnedTransport, method: str, address: str, own: Fields, content: bytes | None
    ) -> Reply:
        """Without httpx's Request, URL and Response, which cost as much as all the rest of it."""
        lines = self._lines + field_lines(own)
        asked = request(method, self.endpoint.target(address), lines, content or b"")
        answer = await pool.ask(self.endpoint.origin, asked, self._patience)
        try:
            headers = named(answer.fields)
            encoding = headers.get("content-encoding", "")
            body = await inflated(answer, encoding, self.limits.page_cap)
        finally:
            await answer.aclose()
        return Reply(answer.status, headers, body)

    async def _by_httpx(
        self, method: str, address: str, own: Fields, content: bytes | None
    ) -> Reply:
        """Through a proxy, or by whatever other client was given."""
        within = httpx.Timeout(self.limits.answer_s, connect=self.limits.connect_s)
        asked = httpx.Request(
            method,
            address,
            headers=[*self._fields, *own],
            content=content,
            extensions={"timeout": within.as_dict()},
        )
        response = await self.http.send(asked, stream=True, follow_redirects=False, auth=None)
        try:
            stream = response.stream
            if not isinstance(stream, httpx.AsyncByteStream):
                raise SourceInvalid("the answer cannot be streamed")
            encoding = response.headers.get("content-encoding", "")
            body = await inflated(stream, encoding, self.limits.page_cap)
        finally:
            await response.aclose()
        return Reply(response.status_code, dict(response.headers), body)
