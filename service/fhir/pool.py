"""The connections to one source: kept open, used again, and never looked at while others are used.

httpcore's own pool goes through all of its connections whenever a request begins or ends, which
took half of our time where two dozen run side by side. How many there are is bounded by who sends
(`wire.Limits.in_flight`), so that a list of those at rest is all that is needed.
"""

from __future__ import annotations

import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeAlias, cast

import httpcore
import httpx

from service.fhir.reach import PinnedNetwork

_IDLE_S = 30.0
_Origin: TypeAlias = tuple[bytes, bytes, int]
_Connection: TypeAlias = httpcore.AsyncHTTPConnection
_Resting: TypeAlias = deque[_Connection]


class _Closable(Protocol):
    """What httpcore answers with: a body that comes in pieces and has to be closed."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


class PinnedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport over connections that go to addresses which were checked."""

    def __init__(self, trust: ssl.SSLContext, private: frozenset[str] = frozenset()) -> None:
        super().__init__(verify=trust)
        self._pool = Connections(trust, PinnedNetwork(private))


class Connections(httpcore.AsyncConnectionPool):
    """HTTP/1.1 connections; the one that was used last is used first."""

    def __init__(self, trust: ssl.SSLContext, network: httpcore.AsyncNetworkBackend) -> None:
        super().__init__(ssl_context=trust, network_backend=network)
        self._trust, self._network = trust, network
        self._resting: defaultdict[_Origin, _Resting] = defaultdict(deque)
        self._all: set[_Connection] = set()
        self._open = True

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        origin = request.url.origin
        resting = self._resting[origin.scheme, origin.host, origin.port]
        connection = await self._taken(resting, origin)
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            await self._closed(connection)
            raise
        body = cast("_Closable", response.stream)  # typed without its end in httpcore
        response.stream = _Body(body, lambda: self._rest(connection, resting))
        return response

    async def _taken(self, resting: _Resting, origin: httpcore.Origin) -> _Connection:
        """A connection at rest that is still good, else a new one."""
        while resting:
            connection = resting.pop()
            if not connection.has_expired():
                return connection
            await self._closed(connection)
        connection = httpcore.AsyncHTTPConnection(
            origin,
            ssl_context=self._trust,
            keepalive_expiry=_IDLE_S,
            network_backend=self._network,
        )
        self._all.add(connection)
        return connection

    async def _rest(self, connection: _Connection, resting: _Resting) -> None:
        """Keep a connection for the next request; those that rested too long are closed."""
        if self._open and connection.is_idle():
            resting.append(connection)
        else:
            await self._closed(connection)
        while resting and resting[0].has_expired():
            await self._closed(resting.popleft())

    async def _closed(self, connection: _Connection) -> None:
        self._all.discard(connection)
        await connection.aclose()

    async def aclose(self) -> None:
        """Close all, those too that are in use: what they were for has been given up."""
        self._open = False
        self._resting.clear()
        while self._all:
            await self._all.pop().aclose()


class _Body:
    """A response's body, which lets its connection rest when it is done with."""

    def __init__(self, body: _Closable, done: Callable[[], Awaitable[None]]) -> None:
        self._body, self._done = body, done
        self._open = True

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._body.__aiter__()

    async def aclose(self) -> None:
        if self._open:
            self._open = False
            await self._body.aclose()
            await self._done()
