"""What a sandbox server was asked, so that tests can count requests and read their headers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import msgspec
from starlette.requests import Request

_KEPT = 10_000
_HEADERS = (
    "authorization",
    "if-match",
    "if-none-match",
    "if-none-exist",
    "prefer",
    "cache-control",
    "accept",
    "accept-encoding",
    "content-type",
)


class Seen(msgspec.Struct):
    """One request; `status` is 0 until it was answered, `fault` the action that befell it.

    `at` is the server's monotonic time in seconds. Header values are kept whole, credentials too:
    a sandbox has none that are worth anything.
    """

    at: float
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    status: int = 0
    fault: str = ""


class RequestLog:
    """The newest ten thousand requests, oldest first."""

    def __init__(self) -> None:
        self._seen: deque[Seen] = deque(maxlen=_KEPT)

    def add(self, request: Request, at: float) -> Seen:
        """Notes a request as it arrives."""
        seen = Seen(
            at,
            request.method,
            request.url.path,
            tuple(request.query_params.multi_items()),
            {name: request.headers[name] for name in _HEADERS if name in request.headers},
        )
        self._seen.append(seen)
        return seen

    def clear(self) -> None:
        self._seen.clear()

    def __iter__(self) -> Iterator[Seen]:
        return iter(tuple(self._seen))

    def __len__(self) -> int:
        return len(self._seen)
