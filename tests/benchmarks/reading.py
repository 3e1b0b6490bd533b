"""How fast sources are read: wall time against the ideal schedule, in round trips.

    python -m tests.benchmarks.reading [--rounds N] [--json] [--page docs/benchmarks.md]

Servers in a process of their own answer after a fixed time (`replay.py`). The ideal is the slowest
source's own chain of answers that wait for each other: discovery, token, finding the patient, all
searches together; when all that is known, the searches alone. How many that are is counted on a
loop where only waiting takes time, and does not depend on the machine. In the same run, interleaved
with it: the same requests side by side, their JSON decoded and nothing checked, by httpx and by the
least that CPython can do (`least.py`); and a naive client that asks one thing after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc.jwk import ECKey

from service.fhir.auth import SmartBackend
from service.fhir.client import FhirClient
from service.fhir.outgoing import HttpClient, http_client
from service.fhir.policy import Endpoint
from service.fhir.wire import Limits
from service.model.source import Role, State
from service.read.pull import SEARCHED_TYPES
from service.read.server import ServerReader
from service.read.source import PatientQuery
from service.sandbox.faults import Fault, Hang
from service.sandbox.manners import Access, Manners
from service.sandbox.run import serving
from service.sandbox.server import Sandbox
from tests.benchmarks.least import LeastClient
from tests.benchmarks.replay import Running, replaying
from tests.read.chart import chart
from tests.read.hops import hops

KEY = ECKey.generate_key("P-384")
PEM = KEY.as_pem(private=True).decode()
LATENCIES_MS = (20, 100, 300)
SOURCES = (1, 3, 8)
COLD, WARM = 4, 1
AIM_MEDIAN, AIM_P95 = 1.10, 1.25
WARM_READS = 3
"""In each round, because they are short."""
WHO = PatientQuery(identifiers=(("urn:mrn", "7"),))
LIMITS = Limits(deadline_s=30.0)
BEGIN, END = "<!-- reading: begin -->", "<!-- reading: end -->"


@dataclass
class Reads:
    """Reads of one kind: wall time in ideals, and CPU seconds of the client.

    `own` is the wall time without that in which the client was ready to run and others ran: a lower
    bound, as answers were on their way meanwhile.
    """

    wall: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return median(self.wall)

    @property
    def undisturbed(self) -> float:
        return median(self.own)

    @property
    def p95(self) -> float:
        return quantiles(self.wall, n=20, method="inclusive")[-1]

    @property
    def met(self) -> bool:
        return self.median <= AIM_MEDIAN and self.p95 <= AIM_P95


@dataclass
class Cell:
    """One latency and number of sources; requests are those of all sources together."""

    latency_ms: int
    sources: int
    cold: Reads = field(default_factory=Reads)
    warm: Reads = field(default_factory=Reads)
    bare_cold: Reads = field(default_factory=Reads)
    bare_warm: Reads = field(default_factory=Reads)
    least_cold: Reads = field(default_factory=Reads)
    least_warm: Reads = field(default_factory=Reads)
    requests_cold: int = 0
    requests_warm: int = 0
    server_cpu_s: float = 0.0
    naive_s: float = 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reading")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--page", type=Path, help="a Markdown page to put the table into")
    chosen = parser.parse_args(arguments)
    cells = measured(chosen.rounds)
    text = markdown(cells, asyncio.run(_hung()), chosen.rounds)
    if chosen.json:
        json.dump([asdict(cell) for cell in cells], sys.stdout, indent=1)
    else:
        print(text)
    if chosen.page:
        before, _, rest = chosen.page.read_text(encoding="utf-8").partition(BEGIN)
        _, found, after = rest.partition(END)
        if not found:
            raise ValueError(f"{chosen.page} has no {BEGIN} ... {END}")
        page = f"{before}{BEGIN}\n{text}\n{END}{after}"
        chosen.page.write_text(page, encoding="utf-8")
    return 0


def measured(
    rounds: int, latencies_ms: Sequence[int] = LATENCIES_MS, sources: Sequence[int] = SOURCES
) -> list[Cell]:
    """Every cell, one after the other."""
    cells = []
    for latency in latencies_ms:
        for number in sources:
            with replaying(sandbox, number, latency / 1000) as running:
                cells.append(asyncio.run(_cell(running, latency, rounds)))
    return cells


async def _cell(running: Running, latency_ms: int, rounds: int) -> Cell:
    cell = Cell(latency_ms, len(running.bases))
    await _round(running, Cell(latency_ms, cell.sources))  # the servers learn their answers
    for number in range(rounds):
        await _round(running, cell, first=number)
    if cell.sources == 3:
        begun = perf_counter()
        for base in running.bases:
            await _naive(base)
        cell.naive_s = perf_counter() - begun
    return cell


async def _round(running: Running, cell: Cell, *, first: int = 0) -> None:
    steps = [_ours, _bare, _least]
    for number in range(len(steps)):
        await steps[(first + number) % len(steps)](running, cell)


async def _ours(running: Running, cell: Cell) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(http_client()) for _ in running.bases]
        running.counted()
        with _clock(cell.cold, COLD, cell):
            readers = [_reader(*one) for one in zip(running.bases, clients, strict=True)]
            await asyncio.gather(*(_find_and_pull(one) for one in readers))
        cell.requests_cold = sum(running.counted()[0])
        for _ in range(WARM_READS):
            with _clock(cell.warm, WARM, cell):
                await asyncio.gather(*(_pull(one) for one in readers))
            asked, cell.server_cpu_s = running.counted()
            cell.requests_warm = sum(asked)


async def _bare(running: Running, cell: Cell) -> None:
    """The same requests by httpx as it comes, side by side, their JSON read and nothing checked."""
    unbound = httpx.Limits(max_connections=None)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(limits=unbound))
            for _ in running.bases
        ]
        with _clock(cell.bare_cold, COLD, cell):
            sources = list(zip(running.bases, clients, strict=True))
            headers = await asyncio.gather(*(_bare_cold(*one) for one in sources))
        for _ in range(WARM_READS):
            with _clock(cell.bare_warm, WARM, cell):
                await asyncio.gather(
                    *(_bare_warm(*one, sent) for one, sent in zip(sources, headers, strict=True))
                )


async def _bare_cold(base: str, http: httpx.AsyncClient) -> dict[str, str]:
    backend = SmartBackend("concord", PEM, key_id="k")
    authorization = await backend.header(http, Endpoint.parse(base))
    sent = {"Authorization": authorization or ""}
    form = {"identifier": "urn:mrn|7", "_count": "100"}
    await asyncio.gather(
        _json(http.get(f"{base}/metadata", headers=sent)),
        _json(http.post(f"{base}/Patient/_search", headers=sent, data=form)),
    )
    await _bare_warm(base, http, sent)
    return sent


async def _bare_warm(base: str, http: httpx.AsyncClient, sent: dict[str, str]) -> None:
    asked = [f"{kind}?patient=1&_count=200" for kind in SEARCHED_TYPES]
    urls = [f"{base}/{one}" for one in ("Patient/1", *asked)]
    await asyncio.gather(*(_json(http.get(url, headers=sent)) for url in urls))


async def _json(asked: Awaitable[httpx.Response]) -> None:
    reply = await asked
    assert reply.json()["resourceType"], reply.status_code


async def _least(running: Running, cell: Cell) -> None:
    """The same by the least client; only what is asked in the cold is signed for."""
    clients = [LeastClient(base) for base in running.bases]
    with _clock(cell.least_cold, COLD, cell):
        await asyncio.gather(
            *(_least_cold(*one) for one in zip(running.bases, clients, strict=True))
        )
    for _ in range(WARM_READS):
        with _clock(cell.least_warm, WARM, cell):
            await asyncio.gather(*(_least_warm(one) for one in clients))
    for client in clients:
        client.close()


async def _least_cold(base: str, client: LeastClient) -> None:
    found: Any = await client.get(".well-known/smart-configuration")
    url = found["token_endpoint"]
    backend = SmartBackend("concord", PEM, key_id="k")
    token: Any = await client.post(urlsplit(url).path, backend.form(url))
    client.authorization = f"Bearer {token['access_token']}"
    form = {"identifier": "urn:mrn|7", "_count": "100"}
    await asyncio.gather(client.get("metadata"), client.post("Patient/_search", form))
    await _least_warm(client)


async def _least_warm(client: LeastClient) -> None:
    asked = [f"{kind}?patient=1&_count=200" for kind in SEARCHED_TYPES]
    await asyncio.gather(*(client.get(one) for one in ("Patient/1", *asked)))


async def _naive(base: str) -> None:
    """One thing after the other, as a first version of any client does."""
    async with httpx.AsyncClient() as http:
        backend = SmartBackend("concord", PEM, key_id="k")
        authorization = await backend.header(http, Endpoint.parse(base))
        headers = {"Authorization": authorization or "", "Connection": "close"}
        urls = [f"{base}/metadata", f"{base}/Patient?identifier=urn:mrn|7", f"{base}/Patient/1"]
        urls += [f"{base}/{kind}?patient=1" for kind in SEARCHED_TYPES]
        while urls:
            bundle = (await http.get(urls.pop(0), headers=headers)).json()
            urls += [one["url"] for one in bundle.get("link", []) if one["relation"] == "next"]


@contextmanager
def _clock(reads: Reads, round_trips: int, cell: Cell) -> Iterator[None]:
    ideal_s = round_trips * cell.latency_ms / 1000
    cpu, waited, begun = process_time(), _waited_s(), perf_counter()
    yield
    spent = perf_counter() - begun
    reads.wall.append(spent / ideal_s)
    reads.own.append((spent - (_waited_s() - waited)) / ideal_s)
    reads.cpu_s.append(process_time() - cpu)


def _waited_s() -> float:
    """Seconds that this process was ready to run and had no processor (Linux; else 0)."""
    try:
        return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


async def _hung() -> tuple[float, float]:
    """A source that never answers, beside one that does: what it costs the other, and itself."""
    good, stuck = sandbox(0.02), sandbox(0.02)
    stuck.faults.add(Fault(action=Hang(seconds=60), times=0))
    limits = replace(LIMITS, deadline_s=2.0, answer_s=1.5)
    async with serving(good) as a, serving(stuck) as b, http_client() as one, http_client() as two:
        alone = await _timed(ServerReader("a", Role.OTHER, _client(a, one, limits)))
        both = await asyncio.gather(
            _timed(ServerReader("a", Role.OTHER, _client(a, one, limits))),
            _timed(ServerReader("b", Role.OTHER, _client(b, two, limits))),
        )
    return both[0] / alone, both[1] / limits.deadline_s


async def _timed(reader: ServerReader) -> float:
    begun = perf_counter()
    await reader.find(WHO)
    return perf_counter() - begun


async def _find_and_pull(reader: ServerReader) -> None:
    found = await reader.find(WHO)
    assert [one.id for one in found.patients] == ["1"]
    await _pull(reader)


async def _pull(reader: ServerReader) -> None:
    assert (await reader.pull(("1",))).state is State.COMPLETE


def _client(base: str, http: HttpClient, limits: Limits = LIMITS) -> FhirClient:
    return FhirClient(base, SmartBackend("concord", PEM, key_id="k"), http=http, limits=limits)


def _reader(base: str, http: HttpClient) -> ServerReader:
    return ServerReader("clinic", Role.OTHER, _client(base, http))


def sandbox(latency_s: float = 0.0) -> Sandbox:
    """A server with one patient, signed in to by SMART Backend Services."""
    keys = {"keys": [KEY.as_dict(private=False) | {"kid": "k", "alg": "ES384"}]}
    access = Access(kind="smart-backend", clients={"concord": keys}, token_lifetime_s=3600)
    app = Sandbox(Manners("timed", latency_s=latency_s, access=access))
    patient, *rest = chart()
    app.load([patient | {"identifier": [{"system": "urn:mrn", "value": "7"}]}, *rest])
    return app


def markdown(cells: Sequence[Cell], hung: tuple[float, float], rounds: int) -> str:
    """The table, what misses and why, and what stands beside it."""
    counted = hops(sandbox(1.0), _find_and_pull, _pull, key=PEM)
    lines = [
        f"{rounds} rounds, {datetime.now(UTC).date()}. Sequential round trips, counted: cold "
        f"{counted[0]:.0f}, warm {counted[1]:.0f}.",
        "",
        "| latency | sources | requests, cold / warm | cold / ideal: median | p95 | undisturbed "
        "| bare httpx | the least | warm / ideal: median | p95 | undisturbed | bare httpx "
        "| the least | CPU of a warm read, ms: ours | bare httpx | the least |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for cell in cells:
        lines.append(
            f"| {cell.latency_ms} ms | {cell.sources} "
            f"| {cell.requests_cold} / {cell.requests_warm} "
            f"| {_ratios(cell.cold, cell.bare_cold, cell.least_cold)} "
            f"| {_ratios(cell.warm, cell.bare_warm, cell.least_warm)} "
            f"| {_ms(cell.warm)} | {_ms(cell.bare_warm)} | {_ms(cell.least_warm)} |"
        )
    lines += ["", *_why(cells), ""]
    for cell in cells:
        if cell.naive_s:
            ours = cell.cold.median * COLD * cell.latency_ms / 1000
            warm = cell.warm.median * WARM * cell.latency_ms / 1000
            lines.append(
                f"- A naive client that asks one thing after the other, {cell.latency_ms} ms, 3 "
                f"sources: {cell.naive_s / ours:.1f} times our cold read, "
                f"{cell.naive_s / warm:.1f} times our warm one."
            )
    lines.append(
        f"- Beside a source that hangs, another takes {hung[0]:.2f} of its time alone; the one "
        f"that hangs takes {hung[1]:.2f} of its deadline."
    )
    return "\n".join(lines)


def _why(cells: Sequence[Cell]) -> list[str]:
    """For each cell that misses: the processor time that its requests take, and what is left."""
    found = []
    for cell in cells:
        for name, reads, bare, least, trips, asked in (
            ("cold", cell.cold, cell.bare_cold, cell.least_cold, COLD, cell.requests_cold),
            ("warm", cell.warm, cell.bare_warm, cell.least_warm, WARM, cell.requests_warm),
        ):
            if reads.met:
                continue
            room = (AIM_MEDIAN - 1) * trips * cell.latency_ms
            found.append(
                f"- {cell.latency_ms} ms, {cell.sources} sources, {name}: {asked} requests take "
                f"{_ms(reads)} ms of processor time here where the aim leaves {room:.0f} ms; the "
                f"least takes {_ms(least)} ms and comes to {least.median:.2f}, bare httpx "
                f"{_ms(bare)} ms and {bare.median:.2f} (ours undisturbed {reads.undisturbed:.2f})."
            )
    return ["What misses the aim (1.10 median, 1.25 p95), and why:", "", *found] if found else []


def _ratios(ours: Reads, bare: Reads, least: Reads) -> str:
    return (
        f"{_shown(ours.median, AIM_MEDIAN)} | {_shown(ours.p95, AIM_P95)} "
        f"| {ours.undisturbed:.2f} | {bare.median:.2f} | {least.median:.2f}"
    )


def _shown(ratio: float, aim: float) -> str:
    return f"**{ratio:.2f}**" if ratio > aim else f"{ratio:.2f}"


def _ms(reads: Reads) -> str:
    return f"{median(reads.cpu_s) * 1000:.0f}"


if __name__ == "__main__":
    sys.exit(main())
