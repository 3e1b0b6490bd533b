"""Where sources tell by themselves that something changed: one address for each source.

A notification proves itself by the secret that its Subscription was created with, and leads to
nothing but a reading of whom it concerns. It is answered as soon as that is noted down.
"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from service.errors import SourceInvalid
from service.fhir.policy import Endpoint
from service.pipeline.notified import take
from service.read.notice import notice
from service.web.errors import BadRequest
from service.web.people.access import services_of
from service.web.people.auth import NotSignedIn
from service.web.services import Services

router = APIRouter(prefix="/api/notifications")


class WrongSecret(NotSignedIn):
    """This is not the secret that the Subscription was to be created with."""


@router.post("/{source}")
async def notified(request: Request, source: str) -> Response:
    """A notification Bundle of the Subscriptions backport, a resource, or an empty rest-hook."""
    return await _taken(request, source)


@router.post("/{source}/of/{patient}")
async def notified_of(request: Request, source: str, patient: str) -> Response:
    """The same of a channel that is about one patient of ours: nothing else is needed."""
    return await _taken(request, source, patient=patient)


@router.put("/{source}/of/{patient}/{kind}/{item}")
@router.post("/{source}/of/{patient}/{kind}/{item}")
@router.delete("/{source}/of/{patient}/{kind}/{item}")
async def changed_of(request: Request, source: str, patient: str, kind: str, item: str) -> Response:
    """A rest-hook of one patient's channel whose server adds what changed to the address."""
    return await _taken(request, source, patient=patient, path=f"{kind}/{item}")


@router.put("/{source}/{kind}/{item}")
@router.post("/{source}/{kind}/{item}")
@router.delete("/{source}/{kind}/{item}")
async def changed(request: Request, source: str, kind: str, item: str) -> Response:
    """A rest-hook whose server adds what changed to the address, as R4 does with a payload."""
    return await _taken(request, source, path=f"{kind}/{item}")


async def _taken(request: Request, source: str, *, patient: str = "", path: str = "") -> Response:
    services = services_of(request)
    body = await request.body()
    endpoint = _admitted(request, services, source, body)
    try:
        said = notice(body, endpoint, path)
    except SourceInvalid:
        raise BadRequest("The body is no notification of FHIR R4 or R4B.") from None
    await take(services.store, source, said, patient=patient, at=services.now())
    return Response(status_code=HTTPStatus.OK)


def _admitted(request: Request, services: Services, source: str, body: bytes) -> Endpoint:
    """The base of a source that may notify and proved who it is.

    Raises: HTTPException 404 where no such source may notify, WrongSecret.
    """
    known = services.senders.get(source)
    if known is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    if not known.is_right(request.headers.get(known.header), body):
        raise WrongSecret
    return Endpoint.parse(services.sources[source])
