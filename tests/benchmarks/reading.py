"""How fast sources are read: wall time against the ideal schedule, in round trips.

    python -m tests.benchmarks.reading [--rounds N] [--json]

Sandbox servers in a process of their own take a fixed time for every answer; the ideal is the
slowest source's own chain of answers that wait for each other. A token costs two of them
(discovery, token), finding the patient one, all searches together one, each further page one.
Beside it, in the same run: a naive client that asks one thing after the other. Ratios, because
machines differ; every figure is the median, or where it says so the 95th percentile, of the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from statistics import median, quantiles
from time import perf_counter

import httpx
from joserfc.jwk import ECKey

from service.fhir.auth import SmartBackend
from service.fhir.client import FhirClient
from service.fhir.wire import HttpClient, Limits, http_client
from service.model.source import Role, State
from service.read.pull import SEARCHED_TYPES
from service.read.server import ServerReader
from service.read.source import PatientQuery
from service.sandbox.faults import Fault, Hang
from service.sandbox.manners import Access, Manners
from service.sandbox.run import serving
from service.sandbox.server import Sandbox
from tests.read.chart import chart

KEY = ECKey.generate_key("P-384")
PEM = KEY.as_pem(private=True).decode()
LATENCIES_MS = (20, 100, 300)
SOURCES = (1, 3, 8)
COLD, WARM = 4, 1
WHO = PatientQuery(identifiers=(("urn:mrn", "7"),))
LIMITS = Limits(deadline_s=30.0)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reading")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    figures = measured(chosen.rounds)
    if chosen.json:
        json.dump(figures, sys.stdout, indent=1)
    else:
        for name, value in figures.items():
            print(f"{name:60}{value:>10,.2f}")
    return 0


def measured(
    rounds: int,
    latencies_ms: Sequence[int] = LATENCIES_MS,
    sources: Sequence[int] = SOURCES,
) -> dict[str, float]:
    """Every figure by its name: ratios, round trips and requests, as the names say."""
    figures: dict[str, float] = {}
    for latency in latencies_ms:
        for number in sources:
            with servers(number, latency / 1000) as bases:
                where = f"{latency} ms, {number} sources"
                figures |= asyncio.run(_ratios(bases, latency / 1000, rounds, where))
    figures |= asyncio.run(_hung())
    return figures


async def _ratios(
    bases: Sequence[str], latency_s: float, rounds: int, where: str
) -> dict[str, float]:
    cold: list[float] = []
    warm: list[float] = []
    for _ in range(rounds):
        async with _clients(len(bases)) as clients:
            begun = perf_counter()
            readers = [_reader(base, http) for base, http in zip(bases, clients, strict=True)]
            await asyncio.gather(*(_find_and_pull(one) for one in readers))
            cold.append((perf_counter() - begun) / (COLD * latency_s))
            begun = perf_counter()
            await asyncio.gather(*(_pull(one) for one in readers))
            warm.append((perf_counter() - begun) / (WARM * latency_s))
    found = {
        f"cold, wall / ideal (4 round trips), {where}": median(cold),
        f"cold, p95, {where}": _p95(cold),
        f"warm, wall / ideal (1 round trip), {where}": median(warm),
        f"warm, p95, {where}": _p95(warm),
    }
    if len(bases) == 3:
        begun = perf_counter()
        requests = [await _naive(base) for base in bases]
        spent = (perf_counter() - begun) / latency_s
        found[f"naive sequential client, wall / our cold, {where}"] = spent / (COLD * median(cold))
        found[f"naive sequential client, wall / our warm, {where}"] = spent / (WARM * median(warm))
        found[f"naive sequential client, requests a source, {where}"] = max(requests)
        found |= {
            f"{name}, {where}": value for name, value in (await requests_counted(bases[0])).items()
        }
    return found


async def requests_counted(base: str) -> dict[str, float]:
    """Requests of one cold read and one warm, against the least that is possible."""
    async with httpx.AsyncClient() as control, _clients(1) as (http,):
        log = base.removesuffix("/fhir") + "/_sandbox/log"
        await control.delete(log)
        reader = _reader(base, http)
        await _find_and_pull(reader)
        cold = len((await control.get(log)).json())
        await control.delete(log)
        await _pull(reader)
        warm = len((await control.get(log)).json())
    least_warm = len(SEARCHED_TYPES) + 1  # a search for each type, and the Patient
    return {
        "requests of a cold read / least": cold / (least_warm + 4),
        "requests of a warm read / least": warm / least_warm,
    }


async def _hung() -> dict[str, float]:
    """A source that never answers, beside one that does: what it costs the other, and itself."""
    good, stuck = _sandbox(0.02), _sandbox(0.02)
    stuck.faults.add(Fault(action=Hang(seconds=60), times=0))
    limits = replace(LIMITS, deadline_s=2.0, answer_s=1.5)
    async with serving(good) as a, serving(stuck) as b, _clients(2) as clients:
        alone = await _timed(ServerReader("a", Role.OTHER, _client(a, clients[0], limits)))
        both = await asyncio.gather(
            *(
                _timed(ServerReader(name, Role.OTHER, _client(base, http, limits)))
                for name, base, http in zip("ab", (a, b), clients, strict=True)
            )
        )
    return {
        "one hung source: the other's time / its time alone": both[0] / alone,
        "one hung source: its own time / its deadline": both[1] / limits.deadline_s,
    }


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


async def _naive(base: str) -> int:
    """One thing after the other, as a first version of any client does; its requests."""
    asked = 0
    async with httpx.AsyncClient() as http:
        backend = SmartBackend("concord", PEM, key_id="k")
        from service.fhir.policy import Endpoint

        authorization = await backend.header(http, Endpoint.parse(base))
        headers = {"Authorization": authorization or "", "Connection": "close"}
        urls = [f"{base}/metadata", f"{base}/Patient?identifier=urn:mrn|7"]
        urls += [f"{base}/{kind}?patient=1" for kind in SEARCHED_TYPES]
        asked = 2
        while urls:
            bundle = (await http.get(urls.pop(0), headers=headers)).json()
            asked += 1
            urls += [one["url"] for one in bundle.get("link", []) if one["relation"] == "next"]
    return asked


class _clients:
    """So many HTTP clients, one for each source, as the service has them."""

    def __init__(self, number: int) -> None:
        self._clients = [http_client() for _ in range(number)]

    async def __aenter__(self) -> list[HttpClient]:
        return self._clients

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(one.aclose() for one in self._clients))


def _client(base: str, http: HttpClient, limits: Limits = LIMITS) -> FhirClient:
    return FhirClient(base, SmartBackend("concord", PEM, key_id="k"), http=http, limits=limits)


def _reader(base: str, http: HttpClient) -> ServerReader:
    return ServerReader("clinic", Role.OTHER, _client(base, http))


def _p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def _sandbox(latency_s: float) -> Sandbox:
    keys = {"keys": [KEY.as_dict(private=False) | {"kid": "k", "alg": "ES384"}]}
    access = Access(kind="smart-backend", clients={"concord": keys}, token_lifetime_s=3600)
    app = Sandbox(Manners("timed", latency_s=latency_s, access=access))
    patient, *rest = chart()
    app.load([patient | {"identifier": [{"system": "urn:mrn", "value": "7"}]}, *rest])
    return app


@contextmanager
def servers(number: int, latency_s: float) -> Iterator[list[str]]:
    """Base URLs of sandbox servers in a process of their own."""
    here, there = multiprocessing.get_context("fork").Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=_serve, args=(there, number, latency_s), daemon=True
    )
    process.start()
    try:
        yield here.recv()
    finally:
        here.send("end")
        process.join(10)


def _serve(pipe: Connection, number: int, latency_s: float) -> None:
    async def run() -> None:
        from contextlib import AsyncExitStack

        async with AsyncExitStack() as stack:
            apps = [_sandbox(latency_s) for _ in range(number)]
            pipe.send([await stack.enter_async_context(serving(app)) for app in apps])
            await asyncio.to_thread(pipe.recv)

    asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main())
