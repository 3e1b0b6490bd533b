"""Views of the worklist under a person's own names: kept, opened first, forgotten."""

from __future__ import annotations

from dataclasses import asdict, fields
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.errors import DecisionNotAllowed
from service.store import views
from service.store.terms import Wanted
from service.store.views import SavedView
from service.web.people.access import Reviewer, services_of

router = APIRouter(include_in_schema=False)

EVERYBODY: Final = "/patients?view=everybody"
_LONGEST: Final = 60
_MOST: Final = 30


def address(wanted: Wanted) -> str:
    """Where the worklist shows this."""
    asked = {name: value for name, value in asdict(wanted).items() if value}
    return "/patients?" + urlencode(asked) if asked else EVERYBODY


def wanted_of(view: SavedView) -> Wanted:
    """What a view looks for; a field that is known no more is left out."""
    known = {field.name for field in fields(Wanted)}
    return Wanted(**{name: value for name, value in view.wanted.items() if name in known})


@router.post("/views")
async def keep(
    request: Request,
    user: Reviewer,
    view: Annotated[str, Form()],
    finding: Annotated[str, Form()] = "",
    drug: Annotated[str, Form()] = "",
    clinician: Annotated[str, Form()] = "",
    state: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    first: Annotated[str, Form()] = "",
) -> Response:
    """Keeps what is looked for under a name. Raises: DecisionNotAllowed without one."""
    services = services_of(request)
    title = " ".join(view.split())
    if not 0 < len(title) <= _LONGEST:
        raise DecisionNotAllowed(
            "Give the view a name of up to {most} characters.", most=str(_LONGEST)
        )
    wanted = Wanted(finding, drug, clinician, state, name)
    asked = {key: value for key, value in asdict(wanted).items() if value}
    async with services.store.transaction() as tx:
        kept = await views.of_person(tx, user.id)
        if len(kept) >= _MOST and title not in {one.name for one in kept}:
            raise DecisionNotAllowed("You keep {most} views; forget one first.", most=str(_MOST))
        made = SavedView(title, asked, bool(first))
        await views.keep(tx, user.id, made, at=services.now())
    return RedirectResponse(address(wanted), HTTPStatus.SEE_OTHER)


@router.post("/views/forget")
async def forget(request: Request, user: Reviewer, view: Annotated[str, Form()]) -> Response:
    """The view of this name is no longer kept."""
    services = services_of(request)
    async with services.store.transaction() as tx:
        await views.forget(tx, user.id, view)
    return RedirectResponse(EVERYBODY, HTTPStatus.SEE_OTHER)
