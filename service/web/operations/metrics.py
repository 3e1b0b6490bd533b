"""`/metrics`: closed to the world, open to this machine and to who holds the token or the right."""

from __future__ import annotations

import hmac
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.web.people.access import operator, services_of, signed_in
from service.web.services import Services

router = APIRouter(include_in_schema=False)

LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """For this machine, for who holds the metrics token, and for people who look after it.

    Raises: NotSignedIn, NotAllowed.
    """
    services = services_of(request)
    if not (_from_here(request) or _with_token(request, services)):
        await operator(request, await signed_in(request))
    body = await services.meter.exposition(
        services.store,
        at=services.now(),
        stale_after=services.stale_after,
        certificates=services.certificates(),
    )
    return Response(body, media_type=CONTENT_TYPE_LATEST)


def _from_here(request: Request) -> bool:
    """Whether a process of this machine asks for itself, not a proxy for somebody else."""
    forwarded = {"x-forwarded-for", "forwarded", "x-real-ip"} & set(request.headers.keys())
    browser = "sec-fetch-site" in request.headers or "authorization" in request.headers
    here = request.client is not None and request.client.host in LOOPBACK
    return here and not forwarded and not browser


def _with_token(request: Request, services: Services) -> bool:
    _, _, token = request.headers.get("authorization", "").partition(" ")
    wanted = services.metrics_token
    return bool(wanted) and hmac.compare_digest(token.encode(), wanted.encode())
