"""A name means the address that was checked; a token goes to one server, whatever answers say.

Forty tricks are played on Concord's client and on plain httpx in the same run, with real listeners
at the addresses where they lead; counted are the listeners' requests that carry the token.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from service.errors import SettingsError
from service.fhir.auth import Bearer
from service.fhir.client import FhirClient
from service.fhir.outgoing import http_client, identified
from service.fhir.reach import Forbidden, PinnedNames, may_mean
from service.model.source import State
from tests.read.chart import sandbox
from tests.read.transport import behind_tls, identity, server_context

TOKEN = "canary-token-of-the-first-server"
TRICKS = (
    "http://localhost:{wrong}/fhir/Patient?page=2",
    "http://127.0.0.1:{wrong}/fhir/Patient?page=2",
    "http://127.0.0.2:{wrong}/fhir/Patient?page=2",
    "HTTP://LOCALHOST:{wrong}/fhir/Patient",
    "http://LocalHost:{wrong}/fhir",
    "//localhost:{wrong}/fhir/Patient?page=2",
    "//127.0.0.1:{wrong}/fhir",
    "///localhost:{wrong}/fhir",
    "http://127.0.0.1:{right}@localhost:{wrong}/fhir/Patient",
    "http://127.0.0.1@localhost:{wrong}/fhir/Patient",
    "http://user:pass@127.0.0.1:{wrong}/fhir/Patient",
    "http://127.0.0.1:{right}%40localhost:{wrong}/fhir",
    "http://localhost:{wrong}#@127.0.0.1:{right}/fhir/Patient",
    "http://localhost:{wrong}/?@127.0.0.1:{right}/fhir/Patient",
    "http://localhost:{wrong}\\@127.0.0.1:{right}/fhir/Patient",
    "http:\\\\localhost:{wrong}\\fhir",
    "http:/localhost:{wrong}/fhir",
    "http:localhost:{wrong}/fhir",
    "http://2130706433:{wrong}/fhir/Patient",
    "http://0x7f000001:{wrong}/fhir/Patient",
    "http://0177.0.0.1:{wrong}/fhir/Patient",
    "http://127.1:{wrong}/fhir/Patient",
    "http://[::ffff:127.0.0.1]:{wrong}/fhir/Patient",
    "http://[::1]:{wrong}/fhir/Patient",
    "http://0.0.0.0:{wrong}/fhir/Patient",
    "http://127.0.0.1.:{wrong}/fhir/Patient",
    "http://localhost.:{wrong}/fhir/Patient",
    "http://127.0.0.1:{wrong}:{right}/fhir",
    "http://127.0.0.1:{right}:{wrong}/fhir",
    "http://localhost:{wrong}/fhir/../fhir/Patient",
    "http://127.0.0.1:{wrong}/fhir%2F..%2FPatient",
    "http://localhost:{wrong}/fhir/Patient\r\nX-Evil: 1",
    " http://localhost:{wrong}/fhir/Patient",
    "\thttp://localhost:{wrong}/fhir/Patient",
    "http://localhost:{wrong}/fhir/Patient ",
    "http://\u217cocalhost:{wrong}/fhir/Patient",
    "http://127\u30020\u30020\u30021:{wrong}/fhir/Patient",
    "http://\uff11\uff12\uff17.0.0.1:{wrong}/fhir/Patient",
    "http://x.localhost:{wrong}/fhir/Patient",
    "http://127.0.0.1:{right}.localhost:{wrong}/fhir",
    "redirect 301",
    "redirect 307",
)


class Listener:
    """An HTTP server of one answer, which remembers the Authorization that it was sent."""

    def __init__(self, answer: bytes = b"{}") -> None:
        self.seen: list[str] = []
        self.answer, self.status, self.location = answer, "200 OK", ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.seen += [
                line.partition(":")[2].strip()
                for line in head.split("\r\n")
                if line.lower().startswith("authorization:")
            ] or [""]
            location = f"Location: {self.location}\r\n" if self.location else ""
            writer.write(
                f"HTTP/1.1 {self.status}\r\nContent-Type: application/fhir+json\r\n{location}"
                f"Content-Length: {len(self.answer)}\r\nConnection: close\r\n\r\n".encode()
                + self.answer
            )
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @property
    def tokens(self) -> int:
        return sum(TOKEN in one for one in self.seen)


@asynccontextmanager
async def two_servers() -> AsyncIterator[tuple[Listener, int, Listener, int]]:
    right, wrong = Listener(), Listener()
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(await asyncio.start_server(right, "127.0.0.1", 0))
        there = await stack.enter_async_context(await asyncio.start_server(wrong, "0.0.0.0", 0))
        second = there.sockets[0].getsockname()[1]
        yield right, here.sockets[0].getsockname()[1], wrong, second


def page(link: str) -> bytes:
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": "self", "url": "x"}, {"relation": "next", "url": link}],
    }
    return json.dumps(bundle).encode()


async def naive(base: str) -> None:
    """What plain httpx does when it pages with its token as its quick start shows."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(headers=headers, follow_redirects=True, timeout=2) as http:
        url: str | None = f"{base}/Patient"
        for _ in range(2):
            try:
                got = await http.get(url or base)
                links = got.json().get("link", [])
            except (httpx.HTTPError, httpx.InvalidURL, ValueError, UnicodeError):
                return
            following = next((one["url"] for one in links if one["relation"] == "next"), None)
            if following is None:
                return
            url = urljoin(f"{base}/Patient", following)


async def tricked(trick: str) -> tuple[int, int, State]:
    """Tokens at the wrong server from Concord and from plain httpx, and the state that is told."""
    async with two_servers() as (right, port, wrong, elsewhere):
        base = f"http://127.0.0.1:{port}/fhir"
        if trick.startswith("redirect"):
            right.status = f"{trick.split()[1]} Moved"
            right.location = f"http://127.0.0.1:{elsewhere}/fhir/Patient"
        else:
            right.answer = page(trick.format(right=port, wrong=elsewhere))
        async with http_client() as http:
            client = FhirClient(base, Bearer(TOKEN), http=http)
            found = await client.search("Patient", [])
        ours = wrong.tokens
        assert right.tokens >= 1
        wrong.seen.clear()
        await naive(base)
        return ours, wrong.tokens, found.certificate.state


def test_forty_tricks_lead_no_token_to_the_wrong_server(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def run() -> list[tuple[int, int, State]]:
        return [await tricked(trick) for trick in TRICKS]

    told = asyncio.run(run())
    theirs = sum(bool(httpx_tokens) for _, httpx_tokens, _ in told)
    with capsys.disabled():
        print(
            f"\n{len(TRICKS)} address tricks: tokens at the wrong server: Concord "
            f"{sum(bool(ours) for ours, _, _ in told)}, plain httpx {theirs}"
        )
    assert len(TRICKS) >= 40
    assert [ours for ours, _, _ in told] == [0] * len(TRICKS)
    assert all(state in {State.PARTIAL, State.UNAVAILABLE} for _, _, state in told)
    assert theirs > 0, "the tricks do work on a client that follows what it is told"


@pytest.mark.parametrize(
    ("host", "address", "allowed"),
    [
        ("ehr.example", "93.184.216.34", True),
        ("ehr.example", "10.0.0.5", False),
        ("ehr.example", "127.0.0.1", False),
        ("ehr.example", "169.254.169.254", False),
        ("ehr.example", "::ffff:10.0.0.5", False),
        ("ehr.example", "fe80::1", False),
        ("ehr.example", "fd00::1", False),
        ("ehr.example", "0.0.0.0", False),
        ("configured.example", "10.0.0.5", True),
        ("configured.example", "169.254.169.254", False),
        ("hapi", "172.18.0.3", True),
        ("ehr.hospital.internal", "10.0.0.5", True),
        ("metadata.internal", "169.254.169.254", False),
        ("localhost", "127.0.0.1", True),
        ("localhost", "::1", True),
        ("localhost.evil.example", "127.0.0.1", False),
    ],
)
def test_where_a_name_may_lead(host: str, address: str, allowed: bool) -> None:
    private = frozenset({"configured.example"})
    assert may_mean(host, ipaddress.ip_address(address), private) is allowed


class Names:
    """A name service that answers differently each time it is asked."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), 0

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked += 1
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (answer, port))]


class Network:
    """Notes what is connected to, and connects to nothing."""

    def __init__(self, *down: str) -> None:
        self.called: list[str] = []
        self.down = set(down)

    async def connect(self, address: str, port: int) -> Any:
        self.called.append(address)
        if address in self.down:
            raise ConnectionRefusedError("down")
        return object()


def connected(names: Names, network: Network, times: int, monkeypatch: Any) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", names.getaddrinfo, raising=False)
        pinned = PinnedNames(_connect=network.connect)
        for _ in range(times):
            await pinned.connected("ehr.example", 443, 1)

    asyncio.run(run())


def test_a_name_that_changes_its_mind_is_not_asked_again(monkeypatch: Any) -> None:
    names, network = Names("93.184.216.34", "127.0.0.1"), Network()
    connected(names, network, 3, monkeypatch)
    assert network.called == ["93.184.216.34"] * 3
    assert names.asked == 1


def test_a_name_that_leads_inside_is_refused_before_any_connection(monkeypatch: Any) -> None:
    network = Network()
    with pytest.raises(Forbidden, match=r"169\.254\.169\.254"):
        connected(Names("169.254.169.254"), network, 1, monkeypatch)
    assert network.called == []


def test_an_address_that_went_down_is_looked_up_and_checked_anew(monkeypatch: Any) -> None:
    names, network = Names("93.184.216.34", "93.184.216.35", "10.0.0.1"), Network()
    connected(names, network, 1, monkeypatch)
    network.down.add("93.184.216.34")

    async def run() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", names.getaddrinfo, raising=False)
        there = {"ehr.example": ("93.184.216.34",)}
        pinned = PinnedNames(_connect=network.connect, _pinned=there)
        await pinned.connected("ehr.example", 443, 1)
        network.down.add("93.184.216.35")
        with pytest.raises(Forbidden):
            await pinned.connected("ehr.example", 443, 1)

    asyncio.run(run())
    assert network.called[-1] == "93.184.216.35"


def test_a_server_that_wants_a_certificate_gets_ours(tmp_path: Path) -> None:
    server, own = identity(tmp_path, "server"), identity(tmp_path, "concord", host="concord")
    context = server_context(server)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(own.certificate)
    with_ours = identified(own.certificate, own.key)
    with_ours.load_verify_locations(server.authority)
    without = ssl.create_default_context(cafile=str(server.authority))

    async def run() -> list[bool]:
        answered = []
        async with behind_tls(sandbox(), context) as base:
            for trust in (with_ours, without):
                async with http_client(trust) as http:
                    found = await FhirClient(base, http=http).search("Patient", [("_id", "1")])
                    answered.append(bool(found.resources))
        return answered

    assert asyncio.run(run()) == [True, False]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    own = identity(tmp_path, "concord")
    own.key.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        identified(own.certificate, own.key)
    with pytest.raises(SettingsError, match="no client certificate"):
        identified(tmp_path / "none", own.certificate.with_suffix(".none"))
