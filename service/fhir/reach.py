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
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import httpx

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_LOCAL_ENDINGS = (".local", ".internal", ".lan", ".home.arpa", ".intranet")


class Forbidden(httpx.ConnectError):
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


async def _connected(address: str, port: int) -> socket.socket:
    """A socket that is connected to an address. Raises: OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return made


@dataclass(slots=True)
class PinnedNames:
    """Connects to the addresses that a name had when it was first asked for.

    When none of them answers any more, the name is resolved, and checked, once again.
    """

    private: frozenset[str] = frozenset()
    _connect: Callable[[str, int], Awaitable[socket.socket]] = _connected
    _pinned: dict[str, tuple[str, ...]] = field(default_factory=dict)

    async def connected(self, host: str, port: int, patience_s: float | None) -> socket.socket:
        """A socket connected to one of a host's addresses.

        Args:
            patience_s: how long one address is tried.
        Raises: httpx.ConnectError, httpx.ConnectTimeout, Forbidden.
        """
        pinned = host in self._pinned
        addresses = self._pinned.get(host) or await self._resolved(host, port)
        failure: OSError | None = None
        for address in addresses:
            try:
                async with asyncio.timeout(patience_s):
                    found = await self._connect(address, port)
            except OSError as error:  # TimeoutError is one
                failure = error
            else:
                self._pinned[host] = addresses
                return found
        self._pinned.pop(host, None)
        if pinned:
            return await self.connected(host, port, patience_s)
        if isinstance(failure, TimeoutError) and failure.errno is None:
            raise httpx.ConnectTimeout("no connection") from failure
        raise httpx.ConnectError(str(failure or "no address")) from failure

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
            raise httpx.ConnectError(str(error)) from error
        addresses = tuple(dict.fromkeys(str(one[4][0]).partition("%")[0] for one in found))
        for address in addresses:
            if not may_mean(bare, ipaddress.ip_address(address), self.private):
                raise Forbidden(f"{bare} leads to {address}")
        return addresses
