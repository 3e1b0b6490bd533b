"""How Concord connects to the sources: credentials, limits, a client for each, a reader for each.

Files need none of it: a run on files alone imports no HTTP stack.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from service.mappings.folder import mappings_folder
from service.read.location import is_address, open_reader
from service.read.source import Reader
from service.settings import Settings, Source, role_of, secret

if TYPE_CHECKING:
    from service.fhir.auth import Credentials
    from service.fhir.client import FhirClient
    from service.fhir.outgoing import HttpClient
    from service.fhir.wire import Limits

MEGABYTE = 1_000_000


def limits(settings: Settings) -> Limits:
    """What one source may cost, from `[read]`."""
    from service.fhir.wire import Limits

    return Limits(
        deadline_s=settings.read.deadline_s,
        page_cap=int(settings.read.page_cap_mb * MEGABYTE),
    )


def credentials(source: Source) -> Credentials:
    """How to sign in to a source, its secrets resolved now. Raises: SettingsError."""
    from service.fhir.auth import Anonymous, Basic, Bearer, SmartBackend
    from service.fhir.jwks import SigningKey

    auth = source.auth
    if auth.kind == "none":
        return Anonymous()
    if auth.kind == "bearer":
        return Bearer(secret(auth.token, os.environ))
    if auth.kind == "basic":
        return Basic(auth.username, secret(auth.password, os.environ))
    following = auth.next_private_key
    return SmartBackend(
        auth.client_id,
        secret(auth.private_key, os.environ),
        key_id=auth.key_id,
        scope=auth.scopes or "system/*.rs",
        token_url=auth.token_url,
        next_keys=(SigningKey(secret(following, os.environ), auth.next_key_id),)
        if following
        else (),
    )


def http_of(source: Source) -> HttpClient:
    """The HTTP client of one source: its own connections, client certificate and private network.

    Raises: SettingsError for a certificate that cannot be used.
    """
    from service.fhir.outgoing import http_client, identified

    auth = source.auth
    trust = (
        identified(_file(auth.certificate), _file(auth.key))
        if auth.certificate or auth.key
        else None
    )
    host = urlsplit(source.base_url).hostname
    return http_client(trust, private=frozenset({host} if source.private_network and host else ()))


def _file(reference: str) -> Path:
    return Path(reference.removeprefix("file:"))


@asynccontextmanager
async def opened_clients(
    settings: Settings, names: Iterable[str]
) -> AsyncIterator[dict[str, FhirClient]]:
    """A client for each configured server of these names, while they are in use."""
    from service.fhir.client import FhirClient

    async with AsyncExitStack() as stack:
        clients = {}
        for name in sorted(names):
            source = settings.sources[name]
            http = await stack.enter_async_context(http_of(source))
            clients[name] = FhirClient(
                source.base_url, credentials(source), http=http, limits=limits(settings)
            )
        yield clients


@asynccontextmanager
async def opened_readers(
    locations: Mapping[str, str], settings: Settings
) -> AsyncIterator[list[Reader]]:
    """A reader for each named location, a server or files, while they are in use.

    Raises: UsageError or SettingsError for a location that is neither.
    """
    profiles = None
    if any(is_address(location) for location in locations.values()):
        from service.mappings.sources import load_sources

        profiles = load_sources(mappings_folder(settings.mappings))
    async with AsyncExitStack() as stack:
        readers = []
        for name, location in sorted(locations.items()):
            source = settings.sources.get(name, Source())
            online = is_address(location)
            readers.append(
                open_reader(
                    name,
                    role_of(name, settings),
                    location,
                    http=await stack.enter_async_context(http_of(source)) if online else None,
                    credentials=credentials(source) if online else None,
                    limits=limits(settings) if online else None,
                    profiles=profiles,
                    vendor=source.vendor,
                )
            )
        yield readers
