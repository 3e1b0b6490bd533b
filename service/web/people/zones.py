"""The time zone in which a person reads moments: chosen once, kept for every browser."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.errors import DecisionNotAllowed
from service.store import audit, zones
from service.web.people.access import SignedIn, services_of
from service.web.people.sessions import tell_zone
from service.web.templating import render

router = APIRouter(include_in_schema=False)


@cache
def known() -> tuple[str, ...]:
    """The names to choose from, places first by continent; old and technical names left out."""
    return tuple(sorted(name for name in available_timezones() if "/" in name and _place(name)))


def _place(name: str) -> bool:
    return not name.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/"))


@router.get("/zone")
async def zone_page(request: Request, user: SignedIn) -> Response:
    """Which zone is in use, and all there are."""
    services = services_of(request)
    async with services.store.read() as look:
        chosen = await zones.of_person(look, user.id)
    return render(request, "zone.html", chosen=chosen, zones=known(), now=services.now())


@router.post("/zone")
async def choose(request: Request, user: SignedIn, zone: Annotated[str, Form()] = "") -> Response:
    """Keeps the choice; an empty one leaves it to the browser. Raises: DecisionNotAllowed."""
    if zone and zone not in known():
        raise DecisionNotAllowed("There is no time zone of this name; choose one of the list.")
    services = services_of(request)
    async with services.store.transaction() as tx:
        await zones.choose(tx, user.id, zone)
        await audit.record(tx, user, "choose-zone", user.id, at=services.now())
    answer = RedirectResponse("/zone", HTTPStatus.SEE_OTHER)
    tell_zone(request, services, answer, zone)
    return answer
