"""SMART App Launch: from inside an EHR, or from here by choosing a patient there.

The EHR says who the person is and which patient is open; that patient is then shown here. The
EHR's access token is not kept: sources are read with our own credentials.
Source: SMART App Launch 2.2 (EHR launch, standalone launch, scopes and launch context).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.errors import NotKept, ServiceError
from service.model.review import User
from service.pipeline import refresh
from service.store import access, patients
from service.web.people import sessions
from service.web.people.access import services_of
from service.web.people.id_token import SignInRefused
from service.web.people.issuers import Launches
from service.web.people.oidc import departed, forgotten, leaving_name, place_of, refused
from service.web.people.rights import Right, may
from service.web.services import Services
from service.web.templating import render

router = APIRouter(include_in_schema=False)

_ABOUT: Final = "launch:"
_FHIR_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")


@router.get("/launch")
async def from_ehr(request: Request, iss: str, launch: str) -> Response:
    """Started inside an EHR: `iss` is its FHIR base, `launch` what it knows the moment by."""
    services = services_of(request)
    launches = _launches(services)
    launcher = launches.of(iss)
    more = {"aud": launcher.base_url, "launch": launch}
    server = await launches.server(launcher)
    departure = launches.flow.depart(server, launcher.client, _ABOUT + launcher.source, more)
    return departed(request, services, departure)


@router.get("/launch/{source}")
async def standalone(request: Request, source: str) -> Response:
    """Started here: the EHR lets the person choose a patient."""
    services = services_of(request)
    launches = _launches(services)
    launcher = launches.named(source)
    more = {
        "aud": launcher.base_url,
        "scope": launcher.client.scope.replace("launch ", "launch/patient ", 1),
    }
    server = await launches.server(launcher)
    departure = launches.flow.depart(server, launcher.client, _ABOUT + source, more)
    return departed(request, services, departure)


@router.get("/launched")
async def come_back(request: Request) -> Response:
    """Back with a code: a session for the person, and the right patient. Raises: SignInRefused."""
    services = services_of(request)
    launches = _launches(services)
    services.tries.check(place_of(request), services.now())
    answer = dict(request.query_params)
    try:
        about = launches.flow.returned(
            request.cookies.get(leaving_name(request, services), ""), answer
        )
        if not about.startswith(_ABOUT):
            raise SignInRefused
        launcher = launches.named(about.removeprefix(_ABOUT))
        server = await launches.server(launcher)
        claims, response = await launches.flow.arrive(server, launcher.client, answer)
        user = launcher.user(claims)
        reference = _patient_in(response)
        if not may(user.role, Right.SEE):
            raise SignInRefused("Your role does not see patients.")
    except ServiceError:
        await refused(request, services, "launch")
        raise
    patient = await _opened(services, user, launcher.source, reference)
    arrived = render(request, "moving_on.html", title="Signed in", to=f"/patients/{patient}")
    await sessions.begin(request, services, user, "launch", arrived)
    return forgotten(request, services, arrived)


def _patient_in(response: Mapping[str, Any]) -> str:
    identity = response.get("patient")
    if not isinstance(identity, str) or not _FHIR_ID.fullmatch(identity):
        raise SignInRefused("The EHR did not say which patient is open; choose one there first.")
    return f"Patient/{identity}"


async def _opened(services: Services, user: User, source: str, reference: str) -> str:
    """Our patient to whom this record is linked, else one that is asked for now."""
    at = services.now()
    async with services.store.read() as look:
        known = await patients.holding(look, source, reference)
    if known:
        patient = known[0]
    else:
        asked = {"source": source, "reference": reference}
        patient = await refresh.ask(services.store, asked, user, at=at)
        await services.queue("reconcile", patient)
    async with services.store.transaction() as tx:
        await access.grant(tx, patient, user.id, access.How.LAUNCH, at=at)
    return patient


def _launches(services: Services) -> Launches:
    if services.launches is None:
        raise NotKept("No EHR is configured to launch Concord.")
    return services.launches
