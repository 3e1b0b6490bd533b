"""One bounded JSON exchange with an authorization server: discovery, keys, and codes for tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from service.errors import SourceInvalid, SourceRefused, SourceUnavailable
from service.fhir.body import UNREADABLE

LONGEST_S: Final = 10.0
LARGEST: Final = 1_000_000
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def is_private_way(address: str) -> bool:
    """Whether what is sent there travels encrypted, or stays on this machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


@dataclass(frozen=True, slots=True)
class JsonExchange:
    """Asks with a client that follows no redirect and keeps no cookie.

    Raises: SourceInvalid for an address over which secrets do not travel and for an answer that is
    no JSON object of at most a megabyte; SourceRefused for a status from 400 to 499;
    SourceUnavailable for every other failure. Messages never quote what was sent or answered.
    """

    http: httpx.AsyncClient

    async def get(self, address: str) -> Mapping[str, Any]:
        return await self._ask(address, "GET")

    async def post(
        self, address: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None
    ) -> Mapping[str, Any]:
        """`basic` is how a confidential client authenticates (RFC 6749, 2.3.1)."""
        return await self._ask(address, "POST", form, basic)

    async def _ask(
        self,
        address: str,
        method: str,
        form: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
    ) -> Mapping[str, Any]:
        if not is_private_way(address):
            raise SourceInvalid("The authorization server's address is not https.")
        auth = httpx.BasicAuth(*basic) if basic else None
        body = b""
        try:
            async with self.http.stream(
                method,
                address,
                data=form,
                auth=auth,
                headers={"Accept": "application/json"},
                timeout=LONGEST_S,
            ) as answer:
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > LARGEST:
                        raise SourceInvalid("The authorization server's answer is too large.")
        except (httpx.HTTPError, httpx.InvalidURL):
            raise SourceUnavailable("The authorization server does not answer now.") from None
        if 400 <= answer.status_code < 500:
            raise SourceRefused("The authorization server refuses the request.")
        if answer.status_code != httpx.codes.OK:
            raise SourceUnavailable("The authorization server does not answer now.")
        try:
            found = msgspec.json.decode(body)
        except UNREADABLE:
            found = None
        if not isinstance(found, dict):
            raise SourceInvalid("The authorization server's answer is no JSON object.")
        return found
