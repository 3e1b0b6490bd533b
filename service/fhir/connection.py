"""One HTTP/1.1 connection: one request at a time, and its answer in pieces.

`message.py` says what the bytes mean, asyncio carries them, and nothing stands between the two: of
many small requests side by side, the layers of a general HTTP library took most of our time. What
is unread is bounded: a server that sends faster than it is read has to wait.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from typing import cast

import httpx

from service.fhir.message import Message

_UNREAD = 262_144


class Connection(asyncio.Protocol):
    """An open connection. Failures are those of httpx, with their cause."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._message: Message | None = None
        self._paused = self._ended = False
        self._failure: Exception | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._full: asyncio.Event | None = None
        self._rested_at = 0.0

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        message = self._message
        if message is None:
            self._transport.abort()  # spoken to unasked
            return
        try:
            message.feed(data)
        except httpx.RemoteProtocolError as error:
            self._failure = error
            self._transport.abort()
        if message.unread > _UNREAD and not self._paused:
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

    async def ask(self, request: bytes, patience_s: float | None) -> Message:
        """Send a whole request; its answer as soon as status and header fields are there.

        Args:
            patience_s: how long nothing may come, or go; None waits for ever.
        Raises: httpx.TransportError.
        """
        if self.is_over:
            raise httpx.WriteError("the connection was closed") from self._failure
        message = self._message = Message()
        self._transport.write(request)
        if self._full is not None:
            await self._taken(self._full, patience_s)
        while not message.headed:
            await self._news(message, patience_s)
        return message

    async def piece(self, message: Message, patience_s: float | None) -> bytes | None:
        """The next piece of the answer's body, None at its end. Raises: httpx.TransportError."""
        while not message.pieces:
            if message.whole:
                return None
            await self._news(message, patience_s)
        piece = message.pieces.popleft()
        message.unread -= len(piece)
        if self._paused and message.unread <= _UNREAD:
            self._paused = False
            self._transport.resume_reading()
        return piece

    async def _taken(self, full: asyncio.Event, patience_s: float | None) -> None:
        try:
            async with asyncio.timeout(patience_s):
                await full.wait()
        except TimeoutError as error:
            raise httpx.WriteTimeout("the request was not taken") from error

    async def _news(self, message: Message, patience_s: float | None) -> None:
        """Until something came, or the end."""
        if self._failure is not None:
            if isinstance(self._failure, httpx.RemoteProtocolError):
                raise self._failure
            raise httpx.ReadError(str(self._failure)) from self._failure
        if self._ended:
            message.end()
            return
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
        message = self._message
        if message is None or self.is_over or self._paused:
            return False
        if message.pieces or not (message.whole and message.reusable):
            return False
        self._message = None
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
        """Whether the connection was ended, by whichever side."""
        return self._ended or self._transport.is_closing()

    def rested_s(self) -> float:
        """Seconds at rest."""
        return self._loop.time() - self._rested_at

    def close(self) -> None:
        """End it at once: nothing that matters is under way on it."""
        self._transport.abort()
