"""Servers of the test itself that fail before HTTP begins: names, connections, certificates.

Rows 1-5 of the catalogue. The certificates are made for one run and trusted by nobody else.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from service.sandbox.run import serving
from service.sandbox.server import Sandbox

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A certificate and its key as PEM files; `authority` is what has to be trusted."""

    certificate: Path
    key: Path
    authority: Path


def identity(
    folder: Path, name: str, *, host: str = "127.0.0.1", ends: timedelta = DAY, client: bool = False
) -> Identity:
    """A self-signed certificate for `host`, valid until `ends` from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    try:
        general: x509.GeneralName = x509.IPAddress(ip_address(host))
    except ValueError:
        general = x509.DNSName(host)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 3 * DAY)
        .not_valid_after(now + ends)
        .add_extension(x509.SubjectAlternativeName([general]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    secret.chmod(0o600)
    return Identity(certificate, secret, certificate)


def server_context(own: Identity, *, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """The TLS of a server; `newest` keeps it from speaking anything newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    if newest is not None:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # old is what is wanted here
            context.minimum_version = context.maximum_version = newest
    return context


@asynccontextmanager
async def behind_tls(app: Sandbox, context: ssl.SSLContext) -> AsyncIterator[str]:
    """The base URL of a sandbox behind TLS; its own links stay plain http."""
    async with serving(app) as base:
        port = int(base.split(":")[2].split("/")[0])

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_pipe(reader, back), _pipe(there, writer))

        async with await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context) as server:
            yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/fhir"


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        sink.close()


@asynccontextmanager
async def deaf() -> AsyncIterator[str]:
    """A base URL behind a full queue of connections: no connection comes about."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(address)
            waiting.append(one)
        try:
            yield f"http://127.0.0.1:{address[1]}/fhir"
        finally:
            for one in waiting:
                one.close()
