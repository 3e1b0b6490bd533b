"""How Concord shows who it is: nothing, a bearer token, basic, or SMART Backend Services.

A credential object is bound to one source; the client adds its header only to addresses that the
source's `Endpoint` admitted.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from service.fhir.policy import Endpoint
from service.fhir.scopes import Grant
from service.fhir.smart import SmartBackend

__all__ = ["Anonymous", "Basic", "Bearer", "Credentials", "SmartBackend"]


class Credentials(Protocol):
    """What answers with the value of the Authorization header."""

    @property
    def secret(self) -> bool:
        """Whether there is anything that must not travel in the clear."""
        ...

    async def header(self, http: httpx.AsyncClient, endpoint: Endpoint) -> str | None:
        """The header's value, None for none. Raises: SourceError when no token can be had."""
        ...

    def forget(self, refused: str) -> bool:
        """Drop the header value that the server refused; whether another one can be had."""
        ...

    def grants(self, resource_type: str) -> Grant:
        """How much of a type the credential opens, as far as that is known by now."""
        ...


@dataclass(frozen=True, slots=True)
class _Fixed:
    """A credential that stays as it is."""

    def forget(self, refused: str) -> bool:  # noqa: ARG002
        return False

    def grants(self, resource_type: str) -> Grant:  # noqa: ARG002
        return Grant.WHOLE


@dataclass(frozen=True, slots=True)
class Anonymous(_Fixed):
    """No credential."""

    secret: bool = False

    async def header(self, http: httpx.AsyncClient, endpoint: Endpoint) -> str | None:  # noqa: ARG002
        return None


@dataclass(frozen=True, slots=True)
class Bearer(_Fixed):
    """A token that somebody else obtained."""

    token: str = field(repr=False)
    secret: bool = True

    async def header(self, http: httpx.AsyncClient, endpoint: Endpoint) -> str | None:  # noqa: ARG002
        return f"Bearer {self.token}"


@dataclass(frozen=True, slots=True)
class Basic(_Fixed):
    """User name and password."""

    user: str
    password: str = field(repr=False)
    secret: bool = True

    async def header(self, http: httpx.AsyncClient, endpoint: Endpoint) -> str | None:  # noqa: ARG002
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"
