"""Listening sockets that outlive a test: each test puts a sandbox of its own behind one.

Starting and stopping a server takes longer than most of what is asked of it here.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from service.sandbox.run import running
from service.sandbox.server import Sandbox


class Stage:
    """The ASGI app behind one socket; hands every request to whoever stands on it."""

    def __init__(self, app: Sandbox) -> None:
        self.app = app

    @property
    def manners(self) -> Any:
        return self.app.manners

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


_RUNNING = ExitStack()
_FREE: list[tuple[Stage, str]] = []
atexit.register(_RUNNING.close)


@contextmanager
def on_stage(app: Sandbox) -> Iterator[str]:
    """The base URL at which `app` answers while the block lasts."""
    if _FREE:
        stage, base = _FREE.pop()
        stage.app = app
    else:
        stage = Stage(app)
        base = _RUNNING.enter_context(running(stage))  # type: ignore[arg-type]
    try:
        yield base
    finally:
        _FREE.append((stage, base))
