"""How many deliveries a second: on SQLite and PostgreSQL, with 1, 2 and 4 worker processes.

    python -m tests.benchmarks.delivery [--patients 40] [--service-ms 80] [--postgres]

Target, load generator and workers are processes of their own. The measure is a ratio: a bare load
generator that creates and reads back the same resources on the same target, with as many requests
at once and no store behind it, is 1. The target answers after a service time, as a server with a
database does (80 ms), so that it and not this machine's processor is the limit; `--service-ms 0`
shows the other case, in which the ratio is one of processor time. Also how many commits one
delivery takes, and what their durability costs: synchronous FULL against NORMAL.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import event

from service.fhir.client import FhirClient
from service.fhir.wire import http_client
from service.model.review import DeliveryState, Disposition, PlannedWrite
from service.pipeline import review as desk
from service.pipeline.courier import AT_ONCE, Courier
from service.pipeline.deliver import deliver_due
from service.pipeline.outbox import deliveries
from service.review.asked import Asked
from service.sandbox.manners import Manners
from service.sandbox.run import running
from service.sandbox.server import Sandbox
from service.store import Store, open_store, patients, reports
from service.store import deliveries as outbox
from service.write.bundle import transaction
from service.write.deliver.places import place_of
from service.write.deliver.recipient import Recipient, write_target
from service.write.target import ORDER
from tests.postgres import empty_database, server
from tests.write.synthetic import AS_OF, PHARMACIST, body, report

SPAWN = get_context("spawn")
SOURCE = "psychiatry"


@dataclass(frozen=True)
class Spent:
    """What one process spent: seconds of processor time, and commits."""

    cpu_s: float
    commits: int


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def target(service_ms: float) -> Iterator[str]:
    """The server in a process of its own; its base URL."""
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=_serve, args=(theirs, service_ms))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("")
        process.join()


def _serve(pipe: Connection, service_ms: float) -> None:
    app = Sandbox(replace(Manners(SOURCE), page_size=200, latency_s=service_ms / 1000))
    app.load([{"resourceType": "Patient", "id": "17"}])
    with running(app) as base_url:
        pipe.send(base_url)
        pipe.recv()


async def sign_all(url: str, base: str, count: int) -> list[list[PlannedWrite]]:
    """Signed reviews of so many patients; gives the plan of each."""
    store = await open_store(url)
    plans: list[list[PlannedWrite]] = []
    async with http_client() as http:
        client = FhirClient(base, http=http)
        there = write_target(SOURCE, base, ORDER, await client.capabilities())
    for number in range(count):
        review = await _signed(store, number)
        await desk.sign(store, PHARMACIST, review, "all", [there], at=now())
        rows = [row for row in await deliveries(store, review) if row.resource]
        plans.append(
            [PlannedWrite(row.key, SOURCE, row.ordinal, row.type, row.resource) for row in rows]
        )
    await store.close()
    return plans


async def _signed(store: Store, number: int) -> str:
    async with store.transaction() as tx:
        asked = {"source": SOURCE, "reference": f"Patient/{number}"}
        patient = (await patients.ask(tx, store.key, asked, at=now())).id
        kept = await reports.keep(tx, patient, body(report()), as_of=AS_OF, at=now())
    review = await desk.open_review(store, PHARMACIST, patient, kept.etag, at=now())
    view = await desk.review_state(store, review.id)
    for item in (*view.undecided_medications, *view.undecided_high):
        kind = Disposition.ACCEPT if item.startswith("f-") else Disposition.CONTINUE
        etag = view.etags[item]
        await desk.decide(store, PHARMACIST, review.id, item, Asked(kind), etag, at=now())
    return review.id


def work(pipe: Connection, url: str, base: str, name: str, level: str) -> None:
    """One worker: ready, then delivers until nothing waits."""
    asyncio.run(_work(pipe, url, base, name, level))


async def _work(pipe: Connection, url: str, base: str, name: str, level: str) -> None:
    store, commits = await open_store(url), [0]
    engine = store._engine.sync_engine

    @event.listens_for(engine, "begin")
    def count(connection: object) -> None:
        commits[0] += bool(connection.get_execution_options().get("concord_writes"))  # type: ignore[attr-defined]

    if url.startswith("sqlite"):

        @event.listens_for(engine, "connect")
        def lower(connection: object, _record: object) -> None:
            connection.cursor().execute(f"PRAGMA synchronous={level}")  # type: ignore[attr-defined]

        await store._engine.dispose()
    async with http_client() as http:
        client = FhirClient(base, http=http)
        there = write_target(SOURCE, base, ORDER, await client.capabilities())
        courier = Courier(store, {SOURCE: Recipient(client, there)}, name, now, _no_pause)
        pipe.send("ready")
        await asyncio.to_thread(pipe.recv)
        commits[0], began = 0, _cpu()
        waits = True
        while waits:
            await deliver_due(courier)
            async with store.read() as look:
                tally = await outbox.tally(look)
            waits = any(tally[state] for state in outbox.ACTIVE)
        pipe.send(Spent(_cpu() - began, commits[0]))
    await store.close()


def generate(pipe: Connection, base: str, plans: Sequence[Sequence[PlannedWrite]]) -> None:
    """One load generator with as many requests at once as a worker."""
    asyncio.run(_generate(pipe, base, plans))


async def _generate(pipe: Connection, base: str, plans: Sequence[Sequence[PlannedWrite]]) -> None:
    turns = asyncio.Semaphore(AT_ONCE)
    async with http_client() as http:
        client = FhirClient(base, http=http)
        await client.capabilities()

        async def one(plan: Sequence[PlannedWrite]) -> None:
            async with turns:
                answer = await client.transaction(transaction(plan))
                places = [
                    place_of(entry.location, write.type)
                    for entry, write in zip(answer.entries, plan, strict=True)
                ]
                for at in range(0, len(places), AT_ONCE):
                    some = places[at : at + AT_ONCE]
                    await asyncio.gather(*(client.read(place, fresh=True) for place in some))

        pipe.send("ready")
        await asyncio.to_thread(pipe.recv)
        began = _cpu()
        await asyncio.gather(*(one(plan) for plan in plans))
        pipe.send(Spent(_cpu() - began, 0))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _no_pause() -> None:
    return None


def together(jobs: Sequence[tuple[object, ...]]) -> tuple[float, list[Spent]]:
    """Starts processes of (function, arguments ...) at one moment; the seconds to the last end."""
    pipes, processes = [], []
    for function, *arguments in jobs:
        ours, theirs = SPAWN.Pipe()
        process = SPAWN.Process(target=function, args=(theirs, *arguments))  # type: ignore[arg-type]
        process.start()
        pipes.append(ours)
        processes.append(process)
    for pipe in pipes:
        pipe.recv()
    began = time.perf_counter()
    for pipe in pipes:
        pipe.send("go")
    spent = [pipe.recv() for pipe in pipes]
    seconds = time.perf_counter() - began
    for process in processes:
        process.join()
    return seconds, spent


def delivered(
    url: str, service_ms: float, count: int, workers: int, level: str = "FULL"
) -> tuple[float, float, float, int]:
    """Deliveries a second, their ratio to the bare generator, its rate, commits for a hundred."""
    with target(service_ms) as base:
        plans = asyncio.run(sign_all(url, base, count))
        writes = sum(len(plan) for plan in plans)
        jobs = [(work, url, base, f"w{number}", level) for number in range(workers)]
        seconds, spent = together(jobs)
        asyncio.run(_all_done(url, writes))
    with target(service_ms) as base:
        shares = [(generate, base, plans[number::workers]) for number in range(workers)]
        bare_s, bare = together(shares)
    cpu = sum(one.cpu_s for one in spent) / max(sum(one.cpu_s for one in bare), 1e-9)
    commits = 100 * sum(one.commits for one in spent) // writes
    print(
        f"  {writes} writes, {workers} workers: {writes / seconds:.0f} a second, bare "
        f"{writes / bare_s:.0f}: {bare_s / seconds:.2f} x; processor time {cpu:.1f} x; "
        f"{commits} commits for 100 writes",
        flush=True,
    )
    return writes / seconds, bare_s / seconds, writes / bare_s, commits


async def _all_done(url: str, writes: int) -> None:
    store = await open_store(url)
    async with store.read() as look:
        done = (await outbox.tally(look))[DeliveryState.DONE]
    await store.close()
    assert done == writes, (done, writes)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.delivery")
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--service-ms", type=float, default=80.0)
    parser.add_argument("--postgres", action="store_true", help="also on PostgreSQL")
    options = parser.parse_args(arguments)
    count, service_ms = options.patients, options.service_ms
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="concord-bench-")))
        postgres = stack.enter_context(server()) if options.postgres else ""
        for name in ("sqlite", *(["postgresql"] if postgres else [])):
            print(f"{name}, the target answers after {service_ms:g} ms:")
            for workers in (1, 2, 4):
                url = f"sqlite:///{folder / f'{workers}.db'}"
                if name == "postgresql":
                    url = stack.enter_context(empty_database(postgres))
                delivered(url, service_ms, count, workers)
        print("sqlite, the target answers at once, by level of synchronous:")
        rates = {
            level: delivered(f"sqlite:///{folder / level}.db", 0, count, 1, level)[0]
            for level in ("NORMAL", "FULL")
        }
    print(f"durability costs {1 - rates['FULL'] / rates['NORMAL']:.0%} of the rate")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
