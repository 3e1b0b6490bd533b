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
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

import httpcore

from service.fhir.stream import StreamNetwork

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_LOCAL_ENDINGS = (".local", ".internal", ".lan", ".home.arpa", ".intranet")


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
    _network: httpcore.AsyncNetworkBackend = field(default_factory=StreamNetwork)
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
