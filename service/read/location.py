"""From a source's address or path to the reader for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import SettingsError, UsageError
from service.model.source import Role
from service.read.files import read_location
from service.read.profile import SourceProfiles
from service.read.source import Reader

if TYPE_CHECKING:
    from service.fhir.auth import Credentials
    from service.fhir.outgoing import HttpClient
    from service.fhir.wire import Limits

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def is_address(location: str) -> bool:
    """Whether a location names a server rather than a file or folder."""
    return _SCHEME.match(location) is not None


def open_reader(
    name: str,
    role: Role,
    location: str,
    *,
    http: HttpClient | None = None,
    credentials: Credentials | None = None,
    limits: Limits | None = None,
    profiles: SourceProfiles | None = None,
    vendor: str = "auto",
) -> Reader:
    """The reader for an http(s) FHIR base URL, or for a file or folder.

    Args:
        http: the shared client (`service.fhir.outgoing.http_client`); needed for addresses.
        vendor: a profile of `mappings/sources/`, or "auto".
    Raises: UsageError for a path that does not exist or another scheme, SettingsError for an
        address that cannot be used, an unknown vendor, or a credential over plain http.
    """
    scheme = _SCHEME.match(location)
    if scheme is None:
        return read_location(name, role, Path(location).expanduser())
    if scheme[1].lower() not in {"http", "https"}:
        raise UsageError(
            f"--source {name}: {scheme[1]}:// is not read; give an http(s) FHIR base URL or a path."
        )
    # Late: a run on files alone needs no HTTP stack, and starts faster without it.
    from service.fhir.auth import Anonymous
    from service.fhir.client import FhirClient
    from service.fhir.wire import Limits
    from service.read.server import ServerReader

    known = profiles or SourceProfiles()
    if vendor not in {"auto", "generic"} and vendor not in known.by_name:
        raise SettingsError(
            f"sources.{name}.vendor: {vendor!r} is no file of mappings/sources/; "
            f"known are: auto, {', '.join(sorted(known.by_name)) or 'none'}."
        )
    if http is None:
        raise SettingsError(f"sources.{name}: an address needs an HTTP client.")
    client = FhirClient(location, credentials or Anonymous(), http=http, limits=limits or Limits())
    return ServerReader(name, role, client, known, vendor)
