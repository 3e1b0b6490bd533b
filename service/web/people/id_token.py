"""Who an issuer says has signed in: an ID token checked against the issuer's published keys.

Keys come only from the address that the issuer's own metadata names; a key or an address inside a
token is ignored. An unknown `kid` makes the keys be read again, at most twice a minute, so that an
issuer can change its keys at any time. Sources: OpenID Connect Core 1.0, 3.1.3.7; RFC 8725.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from service.errors import ReviewError

ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384"]
ASYMMETRIC: Final = frozenset({"RSA", "EC"})
KEYS_LIVE: Final = timedelta(hours=1)
_ASK_AGAIN: Final = timedelta(seconds=30)
_LEEWAY_S: Final = 60


class SignInRefused(ReviewError):
    """The sign-in could not be completed; please start again."""


class Exchange(Protocol):
    """How an authorization server is asked; see `fhir.exchange.JsonExchange`."""

    async def get(self, address: str) -> Mapping[str, Any]: ...

    async def post(
        self, address: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None
    ) -> Mapping[str, Any]: ...


@dataclass(slots=True)
class Keys:
    """The published keys of issuers, by address, for an hour."""

    exchange: Exchange
    now: Callable[[], datetime]
    _kept: dict[str, tuple[datetime, KeySet]] = field(default_factory=dict, init=False)

    async def of(self, address: str, kid: str | None) -> KeySet:
        """The key set at this address. Raises: SourceError when it must be read and cannot."""
        kept = self._kept.get(address)
        if kept is not None:
            age = self.now() - kept[0]
            known = kid is None or any(key.kid == kid for key in kept[1].keys)
            if age < (KEYS_LIVE if known else _ASK_AGAIN):
                return kept[1]
        published = await self.exchange.get(address)
        listed = published.get("keys")
        usable = [
            key
            for key in (listed if isinstance(listed, list) else [])
            if isinstance(key, dict)
            and key.get("kty") in ASYMMETRIC
            and key.get("use", "sig") == "sig"
        ]
        try:
            keys = KeySet.import_key_set({"keys": usable})
        except (JoseError, ValueError, KeyError, TypeError):
            raise SignInRefused("The issuer's keys cannot be read.") from None
        self._kept[address] = (self.now(), keys)
        return keys


async def claims_of(
    token: str, keys: Keys, *, address: str, issuer: str, client_id: str, nonce: str
) -> dict[str, Any]:
    """The claims of an ID token that was made for us, now, in answer to this very request.

    Raises: SignInRefused for any other token, always in the same words; SourceError.
    """
    try:
        header = jws.extract_compact(token.encode()).headers()
        found = await keys.of(address, header.get("kid"))
        claims = jwt.decode(token, found, algorithms=ALGORITHMS).claims
        required = jwt.JWTClaimsRegistry(
            now=int(keys.now().timestamp()),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": issuer},
            sub={"essential": True},
            aud={"essential": True, "value": client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        required.validate(claims)
    except (JoseError, ValueError, KeyError, TypeError):
        raise SignInRefused from None
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != client_id:
        raise SignInRefused
    return dict(claims)
