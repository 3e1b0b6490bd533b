"""Which network address a host name may mean: resolved once, checked, and called as that address.

A name that is checked and then resolved again by the HTTP library may mean another machine by then
(DNS rebinding). Here the address that was checked is the address that is connected to, while TLS
and the Host header keep the name. Where a name may lead: a public address; a private one where the
name cannot be public (one label, `.local`, `.internal`, `.lan`, `.home.arpa`) or is configured as
private; loopback only for `localhost`. An address written as a number is what the configuration
says. Link-local addresses (cloud metadata among them) are reached by no name at all.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

import httpcore
import httpx

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_LOCAL_ENDINGS = (".local", ".internal", ".lan", ".home.arpa", ".intranet")
_MAX_CONNECTIONS = 100
_SHARDS = 4
_SIDE_BY_SIDE = 6
_IDLE_S = 30.0


class Forbidden(httpcore.ConnectError):
    """A name leads to an address that it must not lead to."""


def may_mean(host: str, address: Address, private: frozenset[str] = frozenset()) -> bool:
    """Whether a host name may mean this address.

    Args:
        private: names that are configured to lie in a private network.
    """
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if address.is_loopback:
        return host == "localhost" or host.endswith(".localhost")
    if address.is_global:
        return True
    return host in private or "." not in host or host.endswith(_LOCAL_ENDINGS)


@dataclass(slots=True)
class PinnedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that a name had when it was first asked for.

    When none of them answers any more, the name is resolved, and checked, once again.
    """

    private: frozenset[str] = frozenset()
    _network: httpcore.AsyncNetworkBackend = field(default_factory=httpcore.AnyIOBackend)
    _pinned: dict[str, tuple[str, ...]] = field(default_factory=dict)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's signature)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        pinned = host in self._pinned
        addresses = self._pinned.get(host) or await self._resolved(host, port)
        failure: Exception | None = None
        for address in addresses:
            try:
                stream = await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                self._pinned[host] = addresses
                return stream
        self._pinned.pop(host, None)
        if pinned:
            return await self.connect_tcp(host, port, timeout, local_address, socket_options)
        raise failure or httpcore.ConnectError(f"{host} has no address")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)

    async def _resolved(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of a host, in the system's order of preference.

        Raises: Forbidden when one of them is where the name must not lead.
        """
        bare = host.strip("[]")
        try:
            return (str(ipaddress.ip_address(bare)),)
        except ValueError:
            pass
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                bare, port, type=socket.SOCK_STREAM
            )
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        addresses = tuple(dict.fromkeys(str(one[4][0]).partition("%")[0] for one in found))
        for address in addresses:
            if not may_mean(bare, ipaddress.ip_address(address), self.private):
                raise Forbidden(f"{bare} leads to {address}")
        return addresses


class PinnedTransport(httpx.AsyncBaseTransport):
    """httpx's own transport, over small pools whose names are pinned together.

    httpcore looks at every connection of a pool whenever a request begins or ends; of two dozen
    side by side that took half of our time. The first pool with room is used, so that requests one
    after the other share one connection.
    """

    def __init__(self, trust: ssl.SSLContext, private: frozenset[str] = frozenset()) -> None:
        network = PinnedNetwork(private)
        self._shards = [_Shard(trust, network) for _ in range(_SHARDS)]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        shard = next((one for one in self._shards if one.busy < _SIDE_BY_SIDE), self._shards[-1])
        shard.busy += 1
        try:
            response = await shard.handle_async_request(request)
        except BaseException:
            shard.busy -= 1
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 (httpx's own)
        response.stream = _Released(response.stream, shard)
        return response

    async def aclose(self) -> None:
        await asyncio.gather(*(one.aclose() for one in self._shards))


class _Shard(httpx.AsyncHTTPTransport):
    """One pool, and how many requests it has in hand."""

    def __init__(self, trust: ssl.SSLContext, network: PinnedNetwork) -> None:
        super().__init__(verify=trust)
        self.busy = 0
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trust,
            max_connections=_MAX_CONNECTIONS,
            max_keepalive_connections=_SIDE_BY_SIDE,
            keepalive_expiry=_IDLE_S,
            network_backend=network,
        )


class _Released(httpx.AsyncByteStream):
    """A response's stream that tells its shard when it is done with."""

    def __init__(self, stream: httpx.AsyncByteStream, shard: _Shard) -> None:
        self._stream, self._shard = stream, shard
        self._open = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        if self._open:
            self._open = False
            self._shard.busy -= 1
        await self._stream.aclose()
