"""One HTTP/1.1 connection: one request at a time, and its answer in pieces.

h11 says what the bytes mean, asyncio carries them, and nothing stands between the two: of many
small requests side by side, the layers of a general HTTP library took most of our time. What is
unread is bounded: a server that sends faster than it is read has to wait.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from typing import TypeAlias, cast

import h11
import httpx

_UNREAD = 262_144
_LONGEST_HEAD = 102_400

Told: TypeAlias = tuple[int, list[tuple[bytes, bytes]]]
"""A status and the header fields as they were sent."""


class Connection(asyncio.Protocol):
    """An open connection. Failures are those of httpx, with their cause."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        self._loop = asyncio.get_running_loop()
        self._came: list[bytes] = []
        self._unread, self._paused = 0, False
        self._ended = False
        self._failure: Exception | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._full: asyncio.Event | None = None
        self._rested_at = 0.0

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._came.append(data)
        self._unread += len(data)
        if self._unread > _UNREAD and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._failure = self._failure or exc
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._full = asyncio.Event()

    def resume_writing(self) -> None:
        if self._full is not None:
            self._full.set()
            self._full = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    # What who asks does.

    async def ask(self, request: httpx.Request, patience_s: float | None) -> Told:
        """Send a request, its content included; the status and header fields of the answer.

        Args:
            patience_s: how long nothing may come, or go; None waits for ever.
        Raises: httpx.TransportError.
        """
        try:
            head = h11.Request(
                method=request.method, target=request.url.raw_path, headers=request.headers.raw
            )
            sent = self._http.send(head) or b""
            content = await request.aread()
            if content:
                sent += self._http.send(h11.Data(content)) or b""
            sent += self._http.send(h11.EndOfMessage()) or b""
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        await self._write(sent, patience_s)
        while True:
            event = await self._event(patience_s)
            if type(event) is h11.Response:
                return event.status_code, event.headers.raw_items()

    async def piece(self, patience_s: float | None) -> bytes | None:
        """The next piece of the answer's body, None at its end. Raises: httpx.TransportError."""
        event = await self._event(patience_s)
        return bytes(event.data) if type(event) is h11.Data else None

    async def _write(self, sent: bytes, patience_s: float | None) -> None:
        if self._transport.is_closing():
            raise httpx.WriteError("the connection was closed") from self._failure
        self._transport.write(sent)
        if self._full is not None:
            try:
                async with asyncio.timeout(patience_s):
                    await self._full.wait()
            except TimeoutError as error:
                raise httpx.WriteTimeout("the request was not taken") from error

    async def _event(self, patience_s: float | None) -> object:
        """The next thing that the server said."""
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._data(patience_s))
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        if isinstance(event, h11.ConnectionClosed):
            raise httpx.RemoteProtocolError("the server closed the connection")
        return event

    async def _data(self, patience_s: float | None) -> bytes:
        """What came since; empty at the end."""
        if not self._came and not self._ended:
            await self._news(patience_s)
        if self._came:
            data = b"".join(self._came)
            self._came.clear()
            self._unread = 0
            if self._paused:
                self._paused = False
                self._transport.resume_reading()
            return data
        if self._failure is not None:
            raise httpx.ReadError(str(self._failure)) from self._failure
        return b""

    async def _news(self, patience_s: float | None) -> None:
        self._waiting = self._loop.create_future()
        late = patience_s is not None and self._loop.call_later(patience_s, self._too_late)
        try:
            await self._waiting
        finally:
            if late:
                late.cancel()
            self._waiting = None

    def _too_late(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(httpx.ReadTimeout("no answer"))

    def rests(self) -> bool:
        """Whether the connection is ready for another request; it is then at rest."""
        done = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if not done or self.is_over:
            return False
        self._http.start_next_cycle()
        self._rested_at = self._loop.time()
        return True

    @property
    def certificate_ends(self) -> datetime | None:
        """When the certificate runs out that the other side showed; None without TLS."""
        shown = self._transport.get_extra_info("peercert")
        if not shown:
            return None
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)

    @property
    def is_over(self) -> bool:
        """Whether a connection at rest was ended, or spoken to unasked."""
        return self._ended or bool(self._came) or self._transport.is_closing()

    def rested_s(self) -> float:
        """Seconds at rest."""
        return self._loop.time() - self._rested_at

    def close(self) -> None:
        """End it at once: nothing that matters is under way on it."""
        self._transport.abort()
