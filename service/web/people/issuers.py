"""Where people come from: the organization's OpenID provider, and EHRs that launch us (SMART).

Metadata is read when it is needed and kept for an hour. An issuer's metadata must name the issuer
that was configured (mix-up defence), and nothing in it may lead over an unencrypted way.
Sources: OpenID Connect Discovery 1.0; SMART App Launch 2.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from service.errors import SourceError
from service.model.review import User, UserRole
from service.web.people.code_flow import Client, CodeFlow, Server
from service.web.people.id_token import Exchange, SignInRefused

KEPT_FOR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Roles:
    """Which of our roles a person has. `claim` may lead inwards ("realm_access.roles")."""

    claim: str = ""
    table: Mapping[str, UserRole] = field(default_factory=dict)
    otherwise: UserRole | None = None

    def role(self, claims: Mapping[str, Any]) -> UserRole:
        """Of several roles the first in the order of the table, else of UserRole.

        Raises: SignInRefused when the claims lead to none.
        """
        value: Any = claims
        for part in self.claim.split(".") if self.claim else ():
            value = value.get(part) if isinstance(value, Mapping) else None
        given = {value} if isinstance(value, str) else set()
        if isinstance(value, list):
            given = {one for one in value if isinstance(one, str)}
        table = self.table or {role.value: role for role in UserRole}
        found = next((role for name, role in table.items() if name in given), self.otherwise)
        if found is None:
            raise SignInRefused("You are known there, but have no role here; ask your IT team.")
        return found


@dataclass(slots=True)
class Metadata:
    """JSON metadata by address, kept for an hour."""

    exchange: Exchange
    now: Callable[[], datetime]
    _kept: dict[str, tuple[datetime, Mapping[str, Any]]] = field(default_factory=dict, init=False)

    async def at(self, address: str) -> Mapping[str, Any]:
        kept = self._kept.get(address)
        if kept is None or self.now() - kept[0] >= KEPT_FOR:
            kept = self.now(), await self.exchange.get(address)
            self._kept[address] = kept
        return kept[1]

    async def openid(self, issuer: str) -> Mapping[str, Any]:
        """An issuer's own metadata. Raises: SignInRefused when it speaks of another issuer."""
        found = await self.at(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise SignInRefused("The issuer's metadata names another issuer; tell your IT team.")
        return found


@dataclass(frozen=True, slots=True)
class OpenId:
    """The organization's OpenID provider."""

    flow: CodeFlow
    metadata: Metadata
    issuer: str
    client: Client
    roles: Roles
    organization_claim: str = ""
    require_amr: frozenset[str] = frozenset()

    async def server(self) -> Server:
        return server_of(await self.metadata.openid(self.issuer), self.issuer)

    async def log_out_address(self, proof: str, back: str) -> str:
        """Where the person's session at the provider ends, "" where it offers no such place.

        Args:
            proof: the ID token that the session began with.
            back: where the browser comes back to afterwards; registered at the provider.
        Source: OpenID Connect RP-Initiated Logout 1.0.
        """
        try:
            server = await self.server()
        except (SignInRefused, SourceError):
            return ""
        if not server.log_out or not proof:
            return ""
        query = {
            "id_token_hint": proof,
            "client_id": self.client.client_id,
            "post_logout_redirect_uri": back,
        }
        return f"{server.log_out}{'&' if '?' in server.log_out else '?'}{urlencode(query)}"

    def user(self, claims: Mapping[str, Any]) -> User:
        """The person. Raises: SignInRefused without a role, or signed in by too weak a method."""
        methods = claims.get("amr")
        shown = (
            {one for one in methods if isinstance(one, str)} if isinstance(methods, list) else set()
        )
        if self.require_amr and not self.require_amr & shown:
            raise SignInRefused("Signing in here takes a second factor; please use it.")
        organization = str(claims.get(self.organization_claim) or "")
        return User(str(claims["sub"]), name_in(claims), self.roles.role(claims), organization)


@dataclass(frozen=True, slots=True)
class Launcher:
    """One EHR whose people come from inside it, or choose a patient there."""

    source: str
    base_url: str
    client: Client
    roles: Roles

    def user(self, claims: Mapping[str, Any]) -> User:
        """The person as this EHR knows him or her; never the same id as somebody else's person."""
        known = claims.get("fhirUser") or claims["sub"]
        return User(f"{self.source}:{known}", name_in(claims), self.roles.role(claims), self.source)


@dataclass(frozen=True, slots=True)
class Launches:
    """Every EHR that may launch us, by the name of its source."""

    flow: CodeFlow
    metadata: Metadata
    launchers: Mapping[str, Launcher]

    def of(self, base_url: str) -> Launcher:
        """The EHR that says it launches us. Raises: SignInRefused for one that nobody named."""
        for launcher in self.launchers.values():
            if launcher.base_url.rstrip("/") == base_url.rstrip("/"):
                return launcher
        raise SignInRefused("This EHR is not known here; ask your IT team to add it.")

    def named(self, source: str) -> Launcher:
        if source not in self.launchers:
            raise SignInRefused("This EHR is not known here; ask your IT team to add it.")
        return self.launchers[source]

    async def server(self, launcher: Launcher) -> Server:
        """From the EHR's SMART configuration; its keys from there or from its issuer."""
        base = launcher.base_url.rstrip("/")
        found = dict(await self.metadata.at(f"{base}/.well-known/smart-configuration"))
        issuer = str(found.get("issuer") or base)
        if "jwks_uri" not in found:
            found["jwks_uri"] = (await self.metadata.openid(issuer)).get("jwks_uri")
        return server_of(found, issuer)


def server_of(metadata: Mapping[str, Any], issuer: str) -> Server:
    """The endpoints that metadata name. Raises: SignInRefused when one is missing or S256 is."""
    methods = metadata.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        raise SignInRefused("The issuer does not offer PKCE with S256; tell your IT team.")
    found = [metadata.get(key) for key in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    if not all(isinstance(one, str) and one for one in found):
        raise SignInRefused("The issuer's metadata lack an endpoint; tell your IT team.")
    authorize, token, keys = map(str, found)
    log_out = metadata.get("end_session_endpoint")
    offered = isinstance(log_out, str) and urlsplit(log_out).scheme == urlsplit(authorize).scheme
    named = metadata.get("authorization_response_iss_parameter_supported") is True
    return Server(issuer, authorize, token, keys, str(log_out) if offered else "", named)


def name_in(claims: Mapping[str, Any]) -> str:
    """What stands under a signature."""
    for key in ("name", "preferred_username", "email", "sub"):
        if isinstance(claims.get(key), str) and claims[key].strip():
            return str(claims[key]).strip()
    raise SignInRefused
