"""Runs sandbox servers on loopback: in a thread for tests, in a running event loop for the demo."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.sandbox.server import BASE_PATH, Sandbox
from service.sandbox.wire import TRANSPORT

HOST = "127.0.0.1"
_START_S = 10.0


class OpenProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, with the connection's transport in `scope["extensions"]`.

    ASGI has no way to break a connection; the faults that reset or cut an answer short need it.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[TRANSPORT] = transport
            await inner(scope, receive, send)

        self.app = with_transport


class _Server(uvicorn.Server):
    """A uvicorn server that tells when it answers, and leaves the process's signals alone."""

    def __init__(self, app: Sandbox, answers: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=OpenProtocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=1,
            )
        )
        self._answers = answers

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._answers()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(port: int) -> socket.socket:
    listener = socket.create_server((HOST, port))
    # Accepted connections inherit it. asyncio sets it by itself only where the socket's protocol is
    # named; without it each answer waits 40 ms for the other side's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setblocking(False)
    return listener


def base_url(listener: socket.socket) -> str:
    """The FHIR base URL behind a listening socket."""
    return f"http://{HOST}:{listener.getsockname()[1]}{BASE_PATH}"


@asynccontextmanager
async def serving(app: Sandbox, port: int = 0) -> AsyncIterator[str]:
    """Serves in the running event loop; yields the base URL once it answers.

    Args:
        port: 0 takes a free one.
    Raises: OSError when the port is taken.
    """
    with _listen(port) as listener:
        started = asyncio.Event()
        server = _Server(app, started.set)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.wait_for(started.wait(), _START_S)
            yield base_url(listener)
        finally:
            server.should_exit = True
            await task


@contextmanager
def running(app: Sandbox, port: int = 0) -> Iterator[str]:
    """Serves in a thread with an event loop of its own; yields the base URL once it answers."""
    with _listen(port) as listener:
        started = threading.Event()
        server = _Server(app, started.set)
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[listener])),
            name=f"sandbox {app.manners.name}",
            daemon=True,
        )
        thread.start()
        try:
            if not started.wait(_START_S):
                raise TimeoutError("the sandbox server did not start")
            yield base_url(listener)
        finally:
            server.should_exit = True
            thread.join(_START_S)
