"""The client that all requests to sources go by: whom it trusts, how it shows who we are, through
which proxy it goes."""

from __future__ import annotations

import ssl
import stat
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import TypeAlias
from urllib.request import getproxies

import httpx

from service.errors import SettingsError
from service.fhir.pool import PinnedTransport, StraightClient

HttpClient: TypeAlias = httpx.AsyncClient
"""The shared client by a name that other folders can use without importing httpx."""


@cache
def trusted() -> ssl.SSLContext:
    """The certificates that are trusted without configuration, read once; TLS 1.2 and newer."""
    context = httpx.create_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def identified(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS in which Concord shows a client certificate (mTLS), for the client of one source.

    Raises: SettingsError when the files are no certificate and its key, or others may read the key.
    """
    context = httpx.create_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SettingsError(f"{key}: others may read this key; run `chmod 600` on it.")
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror or type(error).__name__
        raise SettingsError(
            f"{certificate}, {key}: no client certificate and its key ({reason})."
        ) from None
    return context


def http_client(
    verify: ssl.SSLContext | None = None, *, private: frozenset[str] = frozenset()
) -> httpx.AsyncClient:
    """An HTTP client: no redirects, no cookies, names resolved once and checked (`reach.py`).

    Args:
        verify: what to trust and how to identify (`identified`); the usual authorities when None.
        private: host names that are configured to lie in a private network.
    A proxy of the environment (HTTPS_PROXY) is used except for this machine; it then resolves.
    """
    trust = verify or trusted()
    no_cookies = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    local = ("all://localhost", "all://127.0.0.1", "all://[::1]")
    through = _proxies(trust)
    return StraightClient(
        follow_redirects=False,
        cookies=no_cookies,
        verify=trust,
        transport=PinnedTransport(trust, private),
        mounts=through | dict.fromkeys(local) if through else None,
    )


def _proxies(trust: ssl.SSLContext) -> dict[str, httpx.AsyncBaseTransport | None]:
    """A transport for each scheme for which the environment names a proxy, none for NO_PROXY."""
    named = getproxies()
    spared = [one.strip().lstrip(".") for one in named.get("no", "").split(",") if one.strip()]
    if "*" in spared:
        return {}
    through: dict[str, httpx.AsyncBaseTransport | None] = {
        f"{scheme}://": httpx.AsyncHTTPTransport(verify=trust, proxy=named[scheme])
        for scheme in ("http", "https")
        if named.get(scheme)
    }
    return through | {f"all://*{host}": None for host in spared if through}
