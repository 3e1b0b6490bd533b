"""The connections to one source: kept open, used again, and never looked at while others are used.

How many there are is bounded by who sends (`wire.Limits.in_flight`), so that a list of those at
rest is all that is needed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import httpx

from service.fhir import message
from service.fhir.connection import Connection
from service.fhir.reach import PinnedNames

_IDLE_S = 30.0
_PORTS = {"https": 443, "http": 80}
Origin: TypeAlias = tuple[str, str, int]
_Resting: TypeAlias = deque[Connection]


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for a connection to be made, and for nothing to come or go; None waits for ever."""

    connect_s: float | None
    answer_s: float | None


def origin_of(url: httpx.URL) -> Origin:
    """Scheme, host and port of an address."""
    return (url.scheme, url.host, url.port or _PORTS[url.scheme])


class StraightClient(httpx.AsyncClient):
    """httpx's client, whose streamed requests go straight to their transport.

    What it does on the way (redirects, cookies, hooks, signing in) is for who asks for it.
    """

    async def send(
        self, request: httpx.Request, *, stream: bool = False, **asked: Any
    ) -> httpx.Response:
        straight = asked.get("auth", ...) is None and asked.get("follow_redirects") is False
        if not (stream and straight) or self.is_closed:
            return await super().send(request, stream=stream, **asked)
        response = await self._transport_for_url(request.url).handle_async_request(request)
        response.request = request
        return response

    def pool_to(self, url: str) -> PinnedTransport | None:
        """The connections that lead there; None where a proxy stands between."""
        transport = self._transport_for_url(httpx.URL(url))
        return transport if isinstance(transport, PinnedTransport) else None

    def certificate_ends(self, url: str) -> datetime | None:
        """When the certificate runs out that was shown there at the newest handshake.

        None before the first one, without TLS, and where a proxy stands between.
        """
        pool = self.pool_to(url)
        return pool.certificates.get(origin_of(httpx.URL(url))) if pool is not None else None


class PinnedTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 over connections that go to addresses which were checked; the one that was used
    last is used first.

    Args:
        trust: for https.
        private: host names that are configured to lie in a private network.
    """

    def __init__(self, trust: ssl.SSLContext, private: frozenset[str] = frozenset()) -> None:
        trust.set_alpn_protocols(["http/1.1"])
        self._trust, self._names = trust, PinnedNames(private)
        self._resting: defaultdict[Origin, _Resting] = defaultdict(deque)
        self._all: set[Connection] = set()
        self._open = True
        self.certificates: dict[Origin, datetime] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        within = request.extensions.get("timeout", {})
        patience = Patience(within.get("connect"), within.get("read"))
        sent = message.request(
            request.method,
            request.url.raw_path,
            message.field_lines(request.headers.raw),
            await request.aread(),
        )
        answer = await self.ask(origin_of(request.url), sent, patience)
        return httpx.Response(answer.status, headers=answer.fields, stream=answer)

    async def ask(self, origin: Origin, sent: bytes, patience: Patience) -> Streamed:
        """The answer to a whole request (`message.request`).

        Raises: httpx.TransportError; RuntimeError when all was closed.
        """
        if not self._open:
            raise RuntimeError("the connections were closed")
        resting = self._resting[origin]
        connection = self._rested(resting) or await self._new(origin, patience.connect_s)
        try:
            came = await connection.ask(sent, patience.answer_s)
        except BaseException:
            self._end(connection)
            raise
        return Streamed(self, connection, resting, came, patience.answer_s)

    def _rested(self, resting: _Resting) -> Connection | None:
        """A connection at rest that is still good."""
        while resting:
            connection = resting.pop()
            if not connection.is_over and connection.rested_s() < _IDLE_S:
                return connection
            self._end(connection)
        return None

    async def _new(self, origin: Origin, patience_s: float | None) -> Connection:
        """A connection just made. Raises: httpx.ConnectError, httpx.ConnectTimeout."""
        scheme, host, port = origin
        tls: dict[str, Any] = {}
        if scheme == "https":
            tls = {"ssl": self._trust, "server_hostname": host}
        socket = await self._names.connected(host, port, patience_s)
        try:
            async with asyncio.timeout(patience_s):
                loop = asyncio.get_running_loop()
                _, connection = await loop.create_connection(Connection, sock=socket, **tls)
        except BaseException as error:
            socket.close()
            if isinstance(error, TimeoutError):
                raise httpx.ConnectTimeout("no handshake") from error
            if isinstance(error, ConnectionError):  # all that is left of a server of older TLS
                raise httpx.ConnectError(str(error)) from ssl.SSLError("the handshake was ended")
            if isinstance(error, OSError):
                raise httpx.ConnectError(str(error)) from error
            raise
        self._all.add(connection)
        if (ends := connection.certificate_ends) is not None:
            self.certificates[origin] = ends
        return connection

    def give_back(self, connection: Connection, resting: _Resting) -> None:
        """Keep a connection for the next request; those that rested too long are closed."""
        if self._open and connection.rests():
            resting.append(connection)
        else:
            self._end(connection)
        while resting and resting[0].rested_s() >= _IDLE_S:
            self._end(resting.popleft())

    def _end(self, connection: Connection) -> None:
        self._all.discard(connection)
        connection.close()

    async def aclose(self) -> None:
        """Close all, those too that are in use: what they were for has been given up."""
        self._open = False
        self._resting.clear()
        while self._all:
            self._all.pop().close()
        await asyncio.sleep(0)  # until asyncio has let go of them


class Streamed(httpx.AsyncByteStream):
    """An answer: its status and header fields, and its body in pieces.

    When it is closed, its connection is given back.
    """

    def __init__(
        self,
        pool: PinnedTransport,
        connection: Connection,
        resting: _Resting,
        came: message.Message,
        patience_s: float | None,
    ) -> None:
        self._pool: PinnedTransport | None = pool
        self._connection, self._resting = connection, resting
        self._message, self._patience_s = came, patience_s
        self.status, self.fields = came.status, came.fields

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._connection.piece(self._message, self._patience_s)
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            pool.give_back(self._connection, self._resting)
