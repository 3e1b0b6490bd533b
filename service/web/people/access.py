"""Who may do what to whom: every route names its dependency here, and every look leaves a row.

The patient behind the ids of a path is found and checked before the route runs, so that a route
cannot forget it. For a person who has nothing to do with a patient the patient does not exist.
A look that cannot be written down does not happen.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Request

from service.errors import NotKept
from service.model.review import User
from service.store import access, audit
from service.store.access import Confined
from service.web.people import sessions
from service.web.people.auth import NotAllowed
from service.web.people.rights import Right, may
from service.web.services import Services

POLLS: Final = frozenset({"others", "deliveries", "progress", "patient_progress"})
"""Routes that an open page asks again and again by itself."""

OBJECTS: Final = ("patient", "review", "delivery", "job")
"""Names of path parameters that lead to a patient."""


def services_of(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 - set once by create_app
    return services


async def signed_in(request: Request) -> User:
    """Anybody who is signed in; pages show the name. Raises: NotSignedIn, ForeignOrigin."""
    services = services_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        user, _ends = services.issuer.read(token)
    else:
        user = await sessions.person(request, services)
    request.state.user = user
    return user


async def reviewer(request: Request, user: Annotated[User, Depends(signed_in)]) -> User:
    """Somebody who may see this patient. Raises: NotAllowed, NotKept."""
    return await _entitled(request, user, Right.SEE)


async def decider(request: Request, user: Annotated[User, Depends(signed_in)]) -> User:
    """Somebody who may decide and sign. Raises: NotAllowed, NotKept."""
    return await _entitled(request, user, Right.DECIDE)


async def operator(request: Request, user: Annotated[User, Depends(signed_in)]) -> User:
    """Somebody who looks after sources and deliveries. Raises: NotAllowed."""
    return await _entitled(request, user, Right.OPERATE)


async def auditor(request: Request, user: Annotated[User, Depends(signed_in)]) -> User:
    """Somebody who may see who did what. Raises: NotAllowed."""
    return await _entitled(request, user, Right.AUDIT)


SignedIn = Annotated[User, Depends(signed_in)]
Reviewer = Annotated[User, Depends(reviewer)]
Decider = Annotated[User, Depends(decider)]
Operator = Annotated[User, Depends(operator)]
Auditor = Annotated[User, Depends(auditor)]


def confined(services: Services, user: User) -> Confined | None:
    """For `store.worklist.page`: set where this person sees only patients of his or her own."""
    return Confined(user.id, services.now()) if user.role in services.only_related else None


async def _entitled(request: Request, user: User, right: Right) -> User:
    services = services_of(request)
    if not may(user.role, right):
        await _note(request, user, "", "refused-role")
        raise NotAllowed
    named = [name for name in OBJECTS if name in request.path_params]
    found: str | None = ""
    if named and right in {Right.SEE, Right.DECIDE}:
        async with services.store.read() as look:
            found = await access.patient_of(look, named[0], request.path_params[named[0]])
            known = found is not None and (
                confined(services, user) is None
                or await access.related(look, found, user.id, at=services.now())
            )
        if not known:
            await _note(request, user, found or "", "refused-patient")
            raise NotKept
    if request.method in {"GET", "HEAD"} and not await _noted_already(request, user, found or ""):
        await _note(request, user, found or "", "done")
    return user


async def _noted_already(request: Request, user: User, patient: str) -> bool:
    """Whether a page only asks again, by itself, for what this person was just shown.

    Its poll goes without a row of its own while a row of the last quarter of an hour says that the
    person looked at this patient; a poll that comes without such a look is written down.
    """
    if not sessions.by_itself(request) or request.scope["route"].name not in POLLS:
        return False
    services = services_of(request)
    since = services.now() - sessions.IDLE
    async with services.store.read() as look:
        return await audit.looked(look, user.id, patient, since=since)


async def _note(request: Request, user: User, patient: str, outcome: str) -> None:
    """One row: which route, never what was asked of it."""
    services = services_of(request)
    route = request.scope["route"]
    verb = "read" if request.method in {"GET", "HEAD"} else "change"
    async with services.store.transaction() as tx:
        await audit.record(
            tx,
            user,
            f"{verb}-{route.name.replace('_', '-')}",
            route.path,
            patient=patient,
            outcome=outcome,
            correlation=str(request.scope.get("correlation", "")),
            at=services.now(),
        )
