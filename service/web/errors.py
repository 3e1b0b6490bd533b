"""Errors as answers: `application/problem+json` for scripts, a short page for people.

The status follows from the error's class and its `after`; the text is the error's own message,
which names ids and what to do, and never repeats what was sent.
"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from service.errors import (
    DecisionNotAllowed,
    NotKept,
    ReviewStale,
    ServiceError,
    SourceError,
    StoreConflict,
    StoreUnavailable,
    UsageError,
    WriteRejected,
)
from service.review.decide import Undecided
from service.web.language import say, speaking, speech_of
from service.web.pdf import PdfNotInstalled
from service.web.people.auth import ForeignOrigin, NotAllowed, NotSignedIn, TooManyTries
from service.web.people.id_token import SignInRefused
from service.web.words import first_upper

PROBLEM = "application/problem+json"
UNREADABLE = "This part of the request cannot be read: {places}."
FAULT = "Something went wrong in Concord. Nothing was half done; please try again."
SAYS_MORE = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "60"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "10"},
}


class BadRequest(UsageError):
    """The request cannot be read; see the API description for its shape."""


class PreconditionMissing(ReviewStale):
    """Send If-Match with the ETag that you saw."""


STATUS: tuple[tuple[type[ServiceError], HTTPStatus], ...] = (
    (NotSignedIn, HTTPStatus.UNAUTHORIZED),
    (NotAllowed, HTTPStatus.FORBIDDEN),
    (ForeignOrigin, HTTPStatus.FORBIDDEN),
    (SignInRefused, HTTPStatus.FORBIDDEN),
    (TooManyTries, HTTPStatus.TOO_MANY_REQUESTS),
    (PreconditionMissing, HTTPStatus.PRECONDITION_REQUIRED),
    (ReviewStale, HTTPStatus.PRECONDITION_FAILED),
    (DecisionNotAllowed, HTTPStatus.CONFLICT),
    (WriteRejected, HTTPStatus.CONFLICT),
    (NotKept, HTTPStatus.NOT_FOUND),
    (BadRequest, HTTPStatus.UNPROCESSABLE_ENTITY),
    (UsageError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (StoreConflict, HTTPStatus.SERVICE_UNAVAILABLE),
    (StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (SourceError, HTTPStatus.BAD_GATEWAY),
    (PdfNotInstalled, HTTPStatus.NOT_IMPLEMENTED),
)


def status_of(error: ServiceError) -> HTTPStatus:
    """The HTTP status that says best who acts next."""
    return next(
        (status for kind, status in STATUS if isinstance(error, kind)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def problem(status: HTTPStatus, detail: str, **more: object) -> JSONResponse:
    """RFC 9457 problem details; 401 says how to authenticate, 429 and 503 when to come back."""
    headers = SAYS_MORE.get(status)
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return JSONResponse({**body, **more}, status.value, headers, media_type=PROBLEM)


async def on_service_error(request: Request, error: Exception) -> Response:
    """What a ServiceError looks like: a problem under /api, a page elsewhere."""
    assert isinstance(error, ServiceError)  # noqa: S101 - registered for this class only
    status = status_of(error)
    more = {"items": list(error.items)} if isinstance(error, Undecided) else {}
    if _for_scripts(request):
        return problem(status, error.message, **more)
    if isinstance(error, NotSignedIn):
        if request.headers.get("hx-request") == "true":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": "/sign-in"})
        return RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    return _page(request, status, told(error))


def told(error: ServiceError) -> str:
    """The error's message in the reader's language, as a sentence of a page."""
    words = {name: say(value.replace("-", " ")) for name, value in error.values.items()}
    return first_upper(say(error.phrase, **words))


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Unknown routes and methods."""
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    if _for_scripts(request):
        return problem(status, status.description or status.phrase)
    return _page(request, status, say(status.description or status.phrase))


async def on_invalid_request(request: Request, error: Exception) -> Response:
    """FastAPI's own complaint repeats the input; ours names only the place."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    places = ", ".join(sorted({".".join(str(part) for part in e["loc"]) for e in error.errors()}))
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if _for_scripts(request):
        return problem(status, UNREADABLE.format(places=places))
    return _page(request, status, say(UNREADABLE, places=places))


async def on_fault(request: Request, _error: Exception) -> Response:
    """A fault of ours: the correlation id leads to the log, nothing else is said."""
    correlation = request.scope.get("correlation", "")
    if _for_scripts(request):
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, FAULT, correlation=correlation)
    with speaking(speech_of(request.scope)):
        return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR, f"{say(FAULT)} ({correlation})")


def _for_scripts(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _page(request: Request, status: HTTPStatus, message: str) -> Response:
    from service.web.templating import render

    page = render(request, "message.html", status, title=status.phrase, message=message)
    page.headers.update(SAYS_MORE.get(status, {}))
    return page
