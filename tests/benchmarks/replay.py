"""Servers that cost next to nothing: a sandbox answers once, and that is repeated after a delay.

What a real source computes is its own affair and runs on its own machine; here it shares two cores
with the client. So that the client is measured and not the sandbox, what the sandbox answered to a
request is kept and sent again, exactly so long after the request has come.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from time import process_time

import httpx

from service.sandbox.server import Sandbox

TOKEN = "/token"
END = b"\r\n\r\n"


@dataclass
class Source:
    """One address: its sandbox, and what is known to be answered there."""

    app: Sandbox
    latency_s: float
    base: str = ""
    kept: dict[bytes, bytes] = field(default_factory=dict)
    asked: int = 0

    async def answer(self, key: bytes, head: bytes, body: bytes) -> bytes:
        """The whole answer to a request, as bytes on the wire."""
        if key not in self.kept:
            lines = head.decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ")
            headers = dict(line.split(": ", 1) for line in lines[1:])
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app)) as http:
                url = f"{self.base.removesuffix('/fhir')}{target}"
                request = http.build_request(method, url, headers=headers, content=body)
                reply = await http.send(request, stream=True)
                content = b"".join([part async for part in reply.aiter_raw()])
            fields = [*reply.headers.raw, (b"content-length", str(len(content)).encode())]
            named = {name.lower(): value for name, value in fields}
            told = b"".join(name + b": " + value + b"\r\n" for name, value in named.items())
            self.kept[key] = b"HTTP/1.1 %d x\r\n%s\r\n" % (reply.status_code, told) + content
        return self.kept[key]


class _Talk(asyncio.Protocol):
    """One connection; requests come one after the other, as HTTP/1.1 clients send them."""

    def __init__(self, source: Source) -> None:
        self.source, self.came = source, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.came += data
        head, end, body = self.came.partition(END)
        if not end:
            return
        _, _, length = head.lower().partition(b"content-length: ")
        if length and len(body) < int(length.split(b"\r\n")[0]):
            return
        self.came = b""
        line = head.split(b"\r\n", 1)[0]
        key = line if TOKEN.encode() in line else line + body
        self.source.asked += 1
        loop = asyncio.get_running_loop()
        due = loop.time() + self.source.latency_s
        if key in self.source.kept:
            loop.call_at(due, self._say, self.source.kept[key])
        else:
            self.task = loop.create_task(self._learn(key, head, body, due))

    async def _learn(self, key: bytes, head: bytes, body: bytes, due: float) -> None:
        answer = await self.source.answer(key, head, body)
        asyncio.get_running_loop().call_at(due, self._say, answer)

    def _say(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


@dataclass(frozen=True)
class Running:
    """Base URLs of the servers, and what they counted since last time: requests, CPU seconds."""

    bases: list[str]
    counted: Callable[[], tuple[list[int], float]]


@contextmanager
def replaying(make: Callable[[], Sandbox], number: int, latency_s: float) -> Iterator[Running]:
    """So many servers, in one process of their own."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, make, number, latency_s), daemon=True)
    process.start()

    def counted() -> tuple[list[int], float]:
        here.send("count")
        found: tuple[list[int], float] = here.recv()
        return found

    try:
        yield Running(here.recv(), counted)
    finally:
        here.send("end")
        process.join(10)


def _serve(pipe: Connection, make: Callable[[], Sandbox], number: int, latency_s: float) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            sources = [Source(make(), latency_s) for _ in range(number)]
            for source in sources:

                def talk(source: Source = source) -> _Talk:
                    return _Talk(source)

                server = await stack.enter_async_context(
                    await loop.create_server(talk, "127.0.0.1", 0, backlog=256)
                )
                source.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/fhir"
            pipe.send([source.base for source in sources])
            begun = process_time()
            while await asyncio.to_thread(pipe.recv) != "end":
                pipe.send(([source.asked for source in sources], process_time() - begun))
                begun = process_time()
                for source in sources:
                    source.asked = 0

    asyncio.run(run())
