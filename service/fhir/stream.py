"""Bytes over TCP and TLS for httpcore, on asyncio's own streams.

httpcore's backend goes through a second library of asynchronous I/O, which asks the system for what
asyncio already knows; of many small requests side by side that took a fifth of our time.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore

_BUFFER = 65_536


class StreamNetwork(httpcore.AsyncNetworkBackend):
    """Connects to addresses."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's signature)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        reader = _Reader(_BUFFER)
        protocol = asyncio.StreamReaderProtocol(reader)
        local = None if local_address is None else (local_address, 0)
        with _told(httpcore.ConnectError, httpcore.ConnectTimeout):
            async with asyncio.timeout(timeout):
                transport, _ = await loop.create_connection(
                    lambda: protocol, host, port, local_addr=local
                )
        connection: Any = transport.get_extra_info("socket")
        for option in socket_options or ():
            connection.setsockopt(*option)
        return _Stream(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Reader(asyncio.StreamReader):
    """A stream reader that knows how much of what came is still unread."""

    unread = 0

    def feed_data(self, data: Any) -> None:
        self.unread += len(data)
        super().feed_data(data)

    async def read(self, n: int = -1) -> bytes:
        data = await super().read(n)
        self.unread -= len(data)
        return data


class _Stream(httpcore.AsyncNetworkStream):
    """One connection."""

    def __init__(self, reader: _Reader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        with _told(httpcore.ReadError, httpcore.ReadTimeout):
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        if not buffer:
            return
        with _told(httpcore.WriteError, httpcore.WriteTimeout):
            self._writer.write(buffer)
            async with asyncio.timeout(timeout):
                await self._writer.drain()

    async def aclose(self) -> None:
        # Nothing that matters is under way: a request that was given up, or a connection at rest.
        self._writer.transport.abort()
        await asyncio.sleep(0)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        try:
            with _told(httpcore.ConnectError, httpcore.ConnectTimeout):
                async with asyncio.timeout(timeout):
                    await self._shaken(ssl_context, server_hostname)
        except BaseException:
            self._writer.transport.abort()
            raise
        return self

    async def _shaken(self, ssl_context: ssl.SSLContext, server_hostname: str | None) -> None:
        try:
            await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except ConnectionError as error:  # all that is left of a server that speaks older TLS only
            raise ssl.SSLError("the handshake was ended by the server") from error

    def get_extra_info(self, info: str) -> Any:
        """ "is_readable" is True where a connection at rest was ended, or spoken to unasked."""
        if info == "is_readable":
            return self._reader.unread > 0 or self._reader.at_eof() or self._writer.is_closing()
        return self._writer.get_extra_info(info)


@contextmanager
def _told(
    failure: type[httpcore.NetworkError], late: type[httpcore.TimeoutException]
) -> Iterator[None]:
    """Failures of the socket as those of httpcore, with their cause."""
    try:
        yield
    except TimeoutError as error:
        raise late(str(error)) from error
    except OSError as error:
        raise failure(str(error)) from error
