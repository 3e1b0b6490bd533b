"""A source's credential on a further path of the same server."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from service.fhir.auth import Credentials
from service.fhir.policy import Endpoint
from service.fhir.scopes import Grant


@dataclass(frozen=True, slots=True)
class Lent:
    """Signs in as `owner` does at `home`, wherever the request then goes."""

    owner: Credentials
    home: Endpoint

    @property
    def secret(self) -> bool:
        return self.owner.secret

    async def header(self, http: httpx.AsyncClient, endpoint: Endpoint) -> str | None:  # noqa: ARG002
        return await self.owner.header(http, self.home)

    def forget(self, refused: str) -> bool:
        return self.owner.forget(refused)

    def grants(self, resource_type: str) -> Grant:
        return self.owner.grants(resource_type)
