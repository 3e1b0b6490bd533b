"""What holds for every request: a bound on its body, headers, a correlation id, and quiet faults.

A fault of ours is answered here and goes no further: what frameworks and servers write about an
exception quotes values, and values are patients.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from time import perf_counter
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.web.operations.meter import Meter
from service.web.templating import assets

log = structlog.get_logger()

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

HTTPS_ONLY: Final = {"Strict-Transport-Security": "max-age=31536000"}
"""For a site that browsers reach over https: never over anything else from now on."""

_FOUND: Final = frozenset({HTTPStatus.OK, HTTPStatus.NOT_MODIFIED})

_HERE: Final = Path(__file__).parents[1]

LARGEST_BODY: Final = 1_000_000
"""Bytes of one request: a decision with its reason in words fits many times over."""


class Guard:
    """ASGI middleware around the whole application.

    `on_fault` makes the answer to a fault; `meter` is told how long each answer took; `https_only`
    says that browsers reach us over https.
    """

    def __init__(
        self,
        app: ASGIApp,
        on_fault: Callable[[Request, Exception], Awaitable[Response]],
        meter: Meter,
        *,
        https_only: bool = False,
    ) -> None:
        self.app = app
        self.headers = HEADERS | (HTTPS_ONLY if https_only else {})
        self.on_fault = on_fault
        self.meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        correlation = secrets.token_hex(8)
        scope["correlation"] = correlation

        started = perf_counter()
        status = 0

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", _kept(scope, status))
                headers["X-Correlation-Id"] = correlation
            await send(message)

        try:
            await self.app(scope, _bounded(scope, receive), with_headers)
        except Exception as fault:  # noqa: BLE001 - nothing stands between this and the server's log
            where = _where(fault)
            kind = type(fault).__name__
            log.error("request_failed", correlation=correlation, error=kind, name=where)
            if not status:
                answer = await self.on_fault(Request(scope), fault)
                await answer(scope, receive, with_headers)
        route = getattr(scope.get("route"), "path", "")
        self.meter.answered(scope["method"], route, status, perf_counter() - started)


def _kept(scope: Scope, status: int) -> str:
    """How long a browser keeps an answer: a static file for good under the digest that is ours (a
    process of another version may be behind the same address), everything else not at all.
    """
    path, query = scope["path"], scope["query_string"].decode("latin-1")
    if status not in _FOUND or not path.startswith("/static/"):
        return "no-store"
    return "max-age=31536000, immutable" if f"{path}?{query}" in assets().values() else "no-cache"


def _where(fault: Exception) -> str:
    """The innermost place of ours, "web/view.py:120": a place names no patient."""
    trace, place = fault.__traceback__, ""
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(_HERE):
            place = f"{file.relative_to(_HERE).as_posix()}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """The body's messages until there are too many bytes; the rest is never read."""
    announced = Headers(scope=scope).get("content-length", "0")
    seen = 0 if announced.isdecimal() and int(announced) <= LARGEST_BODY else LARGEST_BODY + 1

    async def bounded() -> Message:
        nonlocal seen
        if seen <= LARGEST_BODY:
            message = await receive()
            seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return bounded
