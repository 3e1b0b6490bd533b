"""From the settings: where people sign in, which EHRs launch us, and the keys we show the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from service.fhir.jwks import SigningKey, jwks
from service.settings import Settings, Web, secret
from service.web.people.code_flow import Client, CodeFlow
from service.web.people.id_token import Exchange, Keys
from service.web.people.issuers import Launcher, Launches, Metadata, OpenId, Roles

LAUNCH_SCOPE = "launch openid fhirUser profile"


@dataclass(frozen=True, slots=True)
class People:
    """What the web application needs to know of who asks; None where nothing is configured."""

    openid: OpenId | None = None
    launches: Launches | None = None
    origin: str = ""
    metrics_token: str = ""


def people(
    settings: Settings,
    environment: Mapping[str, str],
    exchange: Exchange,
    key: bytes,
    now: Callable[[], datetime],
) -> People:
    """The ways in, their secrets resolved now.

    Args:
        key: a secret of the store, from which each sign-in's verifier and nonce are derived.
    Raises: SettingsError for a secret that cannot be read.
    """
    flow = CodeFlow(key, now, exchange, Keys(exchange, now))
    metadata = Metadata(exchange, now)
    origin = origin_of(settings.web)
    token = settings.web.metrics_token
    return People(
        openid=_openid(settings.web, environment, flow, metadata, origin),
        launches=_launches(settings, environment, flow, metadata, origin),
        origin=origin,
        metrics_token=secret(token, environment) if token else "",
    )


def origin_of(web: Web) -> str:
    """Scheme, host and port of `public_url`, as browsers write them in Origin; "" without one."""
    parts = urlsplit(web.public_url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def public_keys(settings: Settings, environment: Mapping[str, str]) -> dict[str, object]:
    """The JWK Set of every key with which we sign in to sources. Raises: SettingsError."""
    signing = [
        SigningKey(secret(reference, environment), key_id)
        for _, source in sorted(settings.sources.items())
        if source.auth.kind == "smart-backend"
        for reference, key_id in (
            (source.auth.private_key, source.auth.key_id),
            (source.auth.next_private_key, source.auth.next_key_id),
        )
        if reference
    ]
    return dict(jwks(signing))


def _openid(
    web: Web, environment: Mapping[str, str], flow: CodeFlow, metadata: Metadata, origin: str
) -> OpenId | None:
    oidc = web.oidc
    if not oidc.issuer:
        return None
    return OpenId(
        flow=flow,
        metadata=metadata,
        issuer=oidc.issuer,
        client=Client(
            oidc.client_id,
            secret(oidc.client_secret, environment) if oidc.client_secret else "",
            f"{origin}/sign-in/openid/back",
            oidc.scopes,
        ),
        roles=Roles(oidc.role_claim, oidc.roles),
        organization_claim=oidc.organization_claim,
        require_amr=frozenset(oidc.require_amr),
    )


def _launches(
    settings: Settings,
    environment: Mapping[str, str],
    flow: CodeFlow,
    metadata: Metadata,
    origin: str,
) -> Launches | None:
    launchers = {}
    for name, source in sorted(settings.sources.items()):
        launch = source.launch
        if not launch.client_id:
            continue
        password = secret(launch.client_secret, environment) if launch.client_secret else ""
        launchers[name] = Launcher(
            source=name,
            base_url=source.base_url,
            client=Client(launch.client_id, password, f"{origin}/launched", LAUNCH_SCOPE),
            roles=Roles(launch.role_claim, launch.roles, launch.role),
        )
    return Launches(flow, metadata, launchers) if launchers else None
