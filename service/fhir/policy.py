"""Which addresses a source's answers may lead to: the configured base, and nothing else.

A token belongs to scheme, host, port and base path. Every outgoing address passes
`Endpoint.admit`, whoever named it: configuration, a `next` link, a reference, a Location header.
SMART Backend Services asks clients not to follow such links with their token blindly.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from service.errors import SettingsError, SourceRefused

_DEFAULT_PORT = {"http": 80, "https": 443}
_PRINTABLE = re.compile(r"[!-\[\]-~]+\Z")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?\Z|[0-9a-f:.]+\Z")
_PLAIN = re.compile(
    r"[A-Za-z][A-Za-z0-9_$-]*(?:/[A-Za-z0-9_$-][A-Za-z0-9_.$-]*)*(?:\?[!-\"$-\[\]-~]+)?\Z"
)
"""What may follow the base as it stands: it can be read in one way only, and leads nowhere else."""
_RAW = re.compile(r'["<>`{}]')
"""What stands in an address of ours only in disguise. Source: RFC 3986, sections 3.3 and 3.4."""
_DISGUISED = re.compile(r"%(2e|2f|5c|00)", re.IGNORECASE)


class _NotAnAddress(ValueError):
    """The reason, in words, why a text is no address that Concord would call."""


@dataclass(frozen=True, slots=True)
class _Parts:
    scheme: str
    host: str
    port: int
    path: str
    query: str


def _parts(url: str) -> _Parts:
    if not _PRINTABLE.match(url):
        raise _NotAnAddress("holds characters that no address has")
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise _NotAnAddress("is malformed") from None
    scheme = split.scheme.lower()
    if scheme not in _DEFAULT_PORT:
        raise _NotAnAddress("is neither http nor https")
    if "@" in split.netloc:
        raise _NotAnAddress("carries a user name")
    if port == 0:
        raise _NotAnAddress("has no port that could answer")
    host = (split.hostname or "").lower()
    if not _HOST.match(host):
        raise _NotAnAddress("has no plain host name")
    if _DISGUISED.search(split.path) or {".", ".."} & set(split.path.split("/")):
        raise _NotAnAddress("climbs out of its path")
    return _Parts(scheme, host, port or _DEFAULT_PORT[scheme], split.path, split.query)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The one base address of a source; `path` has no trailing slash."""

    scheme: str
    host: str
    port: int
    path: str
    prefix: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", f"{self.base_url}/")

    @classmethod
    def parse(cls, base_url: str) -> Endpoint:
        """The endpoint that a configured base URL names.

        Raises: SettingsError when it is no http(s) address or carries a user name or query.
        """
        try:
            parts = _parts(base_url.strip())
        except _NotAnAddress as reason:
            raise SettingsError(
                f"The address {_shown(base_url)!r} {reason}; give a FHIR base URL such as "
                "https://ehr.example/fhir/r4."
            ) from None
        if parts.query:
            raise SettingsError(
                f"The address {_shown(base_url)!r} has a query; give the FHIR base URL alone."
            )
        return cls(parts.scheme, parts.host, parts.port, parts.path.rstrip("/"))

    @property
    def base_url(self) -> str:
        """The address in one spelling: lower case, no default port, no trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORT[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return self.scheme, self.host, self.port

    def target(self, address: str) -> bytes:
        """Path and query of an admitted address, as a request line carries them."""
        rest = address[len(self.prefix) - len(self.path) - 1 :]
        whole = rest if rest.startswith("/") else f"/{rest}"
        return _RAW.sub(lambda found: f"%{ord(found[0]):02X}", whole).encode()

    @property
    def may_carry_credentials(self) -> bool:
        """Whether a token is safe on this wire: https, or http that never leaves the machine."""
        if self.scheme == "https" or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def admit(self, url: str) -> str:
        """The absolute address to call for `url` (absolute, or relative to the base).

        Raises: SourceRefused, naming the other server, when it leaves the base.
        """
        within = url.removeprefix(self.prefix)
        if _PLAIN.match(within):
            return f"{self.prefix}{within}"
        try:
            parts = _parts(self._absolute(url))
        except _NotAnAddress as reason:
            raise SourceRefused(f"the address {_shown(url)!r} {reason}; not followed") from None
        if (parts.scheme, parts.host, parts.port) != self.origin:
            raise SourceRefused(
                f"an address leads to another server ({parts.scheme}://{parts.host}:{parts.port}); "
                "not followed"
            )
        if parts.path.rstrip("/") != self.path and not parts.path.startswith(f"{self.path}/"):
            raise SourceRefused(
                f"an address leaves the base path {self.path or '/'!r}; not followed"
            )
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = f"?{parts.query}" if parts.query else ""
        port = "" if self.port == _DEFAULT_PORT[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{parts.path}{query}"

    def relative(self, reference: str) -> str | None:
        """`reference` as "Type/id" when it is relative or lies under this base, else None."""
        if reference.startswith(self.prefix):
            reference = reference[len(self.prefix) :]
        elif "://" in reference:
            try:
                reference = self.admit(reference)[len(self.prefix) :]
            except SourceRefused:
                return None
        return literal(reference)

    def _absolute(self, url: str) -> str:
        if url.startswith("?"):
            return f"{self.base_url}{url}"
        if url.startswith("//"):
            return f"{self.scheme}:{url}"
        if url.startswith("/"):
            return f"{self.base_url.removesuffix(self.path) if self.path else self.base_url}{url}"
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", url):
            return url
        return f"{self.base_url}/{url}"


_LITERAL = re.compile(r"/?([A-Z][A-Za-z]+)/([A-Za-z0-9\-._~]{1,256})(/_history/[^/]+)?\Z")


def literal(reference: str) -> str | None:
    """ "Type/id" of a relative reference, without its version; None when it is none.

    Ids are wider than FHIR's 64 characters: some servers in use send longer ones.
    """
    match = _LITERAL.match(reference)
    if match is None or match[2] in {".", ".."}:
        return None
    return f"{match[1]}/{match[2]}"


def _shown(url: str) -> str:
    """The address without its query and user name, which may hold what no message should."""
    bare = url.split("?", 1)[0][:120]
    return re.sub(r"//[^/@]*@", "//", bare)
