"""The web application: pages, API, health, and the one way in which each error is told."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

import service
from service.errors import ServiceError
from service.web import errors, notifications, print_pages
from service.web.api import audit as audit_api
from service.web.api import patients as patients_api
from service.web.api import reports as reports_api
from service.web.api import reviews as reviews_api
from service.web.guard import Guard
from service.web.language import InTheReadersLanguage
from service.web.operations import metrics
from service.web.operations import rules as rules_page
from service.web.patient import page as pages
from service.web.people import break_glass, oidc, sign_in, smart_launch, zones
from service.web.people.access import SignedIn, services_of
from service.web.services import Services
from service.web.templating import STATIC

PARTS: Final = (
    patients_api,
    reports_api,
    reviews_api,
    sign_in,
    oidc,
    smart_launch,
    break_glass,
    audit_api,
    print_pages,
    rules_page,
    metrics,
    notifications,
    zones,
    pages,
)


def create_app(services: Services) -> FastAPI:
    """The ASGI application over these services. API descriptions need a sign-in."""
    app = FastAPI(
        title="Concord",
        version=service.__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.services = services
    for part in PARTS:
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_exception_handler(ServiceError, errors.on_service_error)
    app.add_exception_handler(HTTPException, errors.on_http_exception)
    app.add_exception_handler(RequestValidationError, errors.on_invalid_request)
    app.add_middleware(InTheReadersLanguage, folder=services.locales)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(services.hosts))
    app.add_middleware(
        Guard,
        on_fault=errors.on_fault,
        meter=services.meter,
        https_only=services.origin.startswith("https://"),
    )

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(_user: SignedIn) -> JSONResponse:
        return JSONResponse(app.openapi())

    @app.get("/.well-known/jwks.json", include_in_schema=False)
    async def public_keys(request: Request) -> JSONResponse:
        return JSONResponse(dict(services_of(request).public_keys()))

    @app.get("/livez", include_in_schema=False)
    async def livez() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.get("/readyz", include_in_schema=False)
    async def readyz(request: Request) -> Response:
        if await services_of(request).store.alive():
            return PlainTextResponse("ok\n")
        return PlainTextResponse("the store does not answer\n", HTTPStatus.SERVICE_UNAVAILABLE)

    return app
