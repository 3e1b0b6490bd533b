"""A provider at which people sign in and an EHR that may launch us, both answered by functions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from service.fhir.exchange import JsonExchange
from service.model.review import UserRole
from service.web.people.code_flow import Client, CodeFlow
from service.web.people.id_token import Keys
from service.web.people.issuers import Launcher, Launches, Metadata, OpenId, Roles
from tests.web.identity_provider import (
    SECRET,
    IdentityProvider,
)
from tests.web.office import Office, in_office
from tests.write.synthetic import AT

ORIGIN = "https://concord.test"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
Use = Callable[[Office, IdentityProvider], Awaitable[None]]


def at_provider(
    use: Use,
    provider: IdentityProvider,
    *,
    roles: Roles | None = None,
    secret: str = SECRET,
    **more: Any,
) -> None:
    """Runs a test with a provider at which people sign in, and an EHR that may launch us."""
    now = [AT]
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=provider.app()))
    exchange = JsonExchange(http)
    keys = Keys(exchange, lambda: now[0])
    flow = CodeFlow(b"k" * 32, lambda: now[0], exchange, keys)
    metadata = Metadata(exchange, lambda: now[0])
    issuer = more.pop("issuer", provider.base)
    openid = OpenId(
        flow,
        metadata,
        issuer,
        Client(provider.client_id, secret, f"{ORIGIN}/sign-in/openid/back", "openid profile"),
        roles or Roles("roles"),
        "organization",
        frozenset(more.pop("require_amr", ())),
    )
    launcher = Launcher(
        "psychiatry",
        "https://login.test/fhir",
        Client(provider.client_id, secret, f"{ORIGIN}/launched", "launch openid fhirUser"),
        roles or Roles(otherwise=UserRole.PSYCHIATRIST),
    )

    async def run(office: Office) -> None:
        office.now = now
        await use(office, provider)
        await http.aclose()

    in_office(
        run,
        base_url=ORIGIN,
        clock=now,
        openid=openid,
        launches=Launches(flow, metadata, {"psychiatry": launcher}),
        hosts=("concord.test",),
        origin=ORIGIN,
        **more,
    )


async def leave(office: Office, path: str = "/sign-in/openid", **query: str) -> str:
    answer = await office.client.get(path, params=query)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def sign_in(office: Office, provider: IdentityProvider) -> httpx.Response:
    away = await leave(office)
    return await office.client.get(f"/sign-in/openid/back?{provider.consent(away)}")
