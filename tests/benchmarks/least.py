"""The least that a client of these requests costs in CPython: asyncio, httptools and msgspec, bare.

No address is judged, nothing has a limit or a deadline, no page is checked, and nothing is kept
but the decoded JSON. What a client with all of that costs beyond it is the price of the checks.
"""

from __future__ import annotations

import asyncio
import zlib
from typing import cast
from urllib.parse import urlencode, urlsplit

import msgspec
from httptools import HttpResponseParser


class _Talk(asyncio.Protocol):
    """One connection with one request at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        self.parts: list[bytes] = []
        self.packed = False
        self.parser = HttpResponseParser(self)
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.answer

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-encoding":
            self.packed = value == b"gzip"

    def on_body(self, body: bytes) -> None:
        self.parts.append(body)

    def on_message_complete(self) -> None:
        body = b"".join(self.parts)
        self.answer.set_result(zlib.decompress(body, 31) if self.packed else body)


class LeastClient:
    """Asks one server, as many things at a time as are asked."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._address = (parts.hostname, parts.port)
        self._path = parts.path
        self._head = f"Host: {parts.netloc}\r\nAccept-Encoding: gzip\r\n"
        self._free: list[_Talk] = []
        self.authorization = ""

    async def get(self, target: str) -> object:
        """The JSON below the base."""
        return await self._asked(f"GET {self._path}/{target} HTTP/1.1\r\n{self._lines()}\r\n")

    async def post(self, target: str, form: dict[str, str]) -> object:
        """The JSON that a form is answered with; an absolute path is below the server's root."""
        path = target if target.startswith("/") else f"{self._path}/{target}"
        content = urlencode(form)
        kind = "Content-Type: application/x-www-form-urlencoded\r\n"
        length = f"Content-Length: {len(content)}\r\n"
        head = f"POST {path} HTTP/1.1\r\n{self._lines()}{kind}{length}\r\n"
        return await self._asked(head + content)

    def _lines(self) -> str:
        signed_in = f"Authorization: {self.authorization}\r\n" if self.authorization else ""
        return f"{self._head}Accept: application/fhir+json\r\n{signed_in}"

    async def _asked(self, request: str) -> object:
        talk = self._free.pop() if self._free else await self._opened()
        body = await talk.ask(request.encode())
        self._free.append(talk)
        return msgspec.json.decode(body)

    async def _opened(self) -> _Talk:
        loop = asyncio.get_running_loop()
        _, talk = await loop.create_connection(_Talk, *self._address)
        return talk

    def close(self) -> None:
        for talk in self._free:
            talk.transport.abort()
