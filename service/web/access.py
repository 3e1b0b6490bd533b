"""Dependencies of the routes: the services, and the person with the right to ask."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from service.model.review import User
from service.web.auth import CLINICAL, DECIDING, NotAllowed, user_of
from service.web.services import Services


def services_of(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 - set once by create_app
    return services


def signed_in(request: Request) -> User:
    """Anybody who is signed in; pages show the name. Raises: NotSignedIn, ForeignOrigin."""
    user = user_of(request, services_of(request).issuer)
    request.state.user = user
    return user


def reviewer(user: Annotated[User, Depends(signed_in)]) -> User:
    """Somebody who may see patients. Raises: NotAllowed."""
    if user.role not in CLINICAL:
        raise NotAllowed
    return user


def decider(user: Annotated[User, Depends(signed_in)]) -> User:
    """Somebody who may decide and sign. Raises: NotAllowed."""
    if user.role not in DECIDING:
        raise NotAllowed
    return user


SignedIn = Annotated[User, Depends(signed_in)]
Reviewer = Annotated[User, Depends(reviewer)]
Decider = Annotated[User, Depends(decider)]
