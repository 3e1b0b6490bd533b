"""What the routes for scripts read of a request: a JSON object, and the version that was seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from fastapi import Header, Request

from service.web.errors import BadRequest, PreconditionMissing

JSON: Final = "application/json"
IfMatch = Annotated[str | None, Header()]


async def body_of(request: Request) -> Mapping[str, Any]:
    """The request's JSON object. Raises: BadRequest."""
    try:
        body = msgspec.json.decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("The body is no JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("The body is a JSON object.")
    return body


def required(value: str | None) -> str:
    """The ETag of If-Match. Raises: PreconditionMissing without one."""
    if value is None:
        raise PreconditionMissing
    return value
