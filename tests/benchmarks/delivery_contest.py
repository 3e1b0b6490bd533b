"""The processes of the benchmark of delivering: a server with a limit, workers, and a generator.

The server's storage does one thing at a time, as a database with one disk does: so long for each
resource that is written, so long for each that is read. What it does in a second is its limit, the
same for everybody who sends.
"""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from sqlalchemy import event

from service.fhir.client import FhirClient
from service.fhir.outgoing import http_client
from service.model.review import PlannedWrite
from service.pipeline.courier import AT_ONCE, Courier
from service.pipeline.deliver import deliver_due
from service.sandbox.manners import Manners
from service.sandbox.run import running
from service.sandbox.server import Sandbox
from service.store import deliveries as outbox
from service.store import open_store
from service.write.bundle import transaction
from service.write.deliver.places import place_of
from service.write.deliver.recipient import Recipient, write_target
from service.write.target import ORDER

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["tests.benchmarks.delivery_contest"])
SOURCE = "psychiatry"
_NOTHING_DUE_S = 0.02


@dataclass(frozen=True)
class Storage:
    """How long the server's storage takes, in ms, for each resource; one after the other."""

    write_ms: float = 0.0
    read_ms: float = 0.0

    def most(self, *, reads: int = 1) -> float:
        """Resources a second that can be written and read back so often."""
        return 1000 / (self.write_ms + reads * self.read_ms)


@dataclass(frozen=True)
class Spent:
    """What one process spent: seconds of processor time, and commits."""

    cpu_s: float
    commits: int = 0


class Limited(Sandbox):
    """A sandbox server whose storage does one thing at a time."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(Manners(SOURCE, page_size=200))
        self._storage = storage
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        seconds = self._seconds(scope, b"".join(one.get("body", b"") for one in messages))
        if seconds:
            async with self._turn:
                await asyncio.sleep(seconds)

        async def again() -> Any:
            return messages.pop(0) if messages else await receive()

        await super().__call__(scope, again, send)

    def _seconds(self, scope: Any, body: bytes) -> float:
        if scope["path"].endswith("/metadata"):
            return 0.0
        if scope["method"] == "GET":
            return self._storage.read_ms / 1000
        return len(json.loads(body).get("entry", [0])) * self._storage.write_ms / 1000


@contextmanager
def target(storage: Storage) -> Iterator[str]:
    """The server in a process of its own; its base URL."""
    ours, theirs = FORKS.Pipe()
    process = FORKS.Process(target=_serve, args=(theirs, storage))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("")
        process.join()


def _serve(pipe: Connection, storage: Storage) -> None:
    app = Limited(storage)
    app.load([{"resourceType": "Patient", "id": "17"}])
    with running(app) as base_url:
        pipe.send(base_url)
        pipe.recv()


def work(pipe: Connection, base: str, url: str, name: str, level: str) -> None:
    """One worker: ready, then delivers until nothing waits."""
    asyncio.run(_work(pipe, base, url, name, level))


async def _work(pipe: Connection, base: str, url: str, name: str, level: str) -> None:
    store, commits = await open_store(url), [0]
    engine = store._engine.sync_engine

    @event.listens_for(engine, "begin")
    def count(connection: Any) -> None:
        commits[0] += bool(connection.get_execution_options().get("concord_writes"))

    if url.startswith("sqlite"):

        @event.listens_for(engine, "connect")
        def lower(connection: Any, _record: object) -> None:
            connection.cursor().execute(f"PRAGMA synchronous={level}")

        await store._engine.dispose()
    async with http_client() as http:
        client = FhirClient(base, http=http)
        there = write_target(SOURCE, base, ORDER, await client.capabilities())
        courier = Courier(store, {SOURCE: Recipient(client, there)}, name, now, _no_pause)
        pipe.send("ready")
        await asyncio.to_thread(pipe.recv)
        commits[0], began = 0, cpu_s()
        waits = True
        while waits:
            if not await deliver_due(courier):
                await asyncio.sleep(_NOTHING_DUE_S)
            async with store.read() as look:
                tally = await outbox.tally(look)
            waits = any(tally[state] for state in outbox.ACTIVE)
        pipe.send(Spent(cpu_s() - began, commits[0]))
    await store.close()


def generate(
    pipe: Connection, base: str, plans: Sequence[Sequence[PlannedWrite]], reads: bool
) -> None:
    """A load generator with as many requests at once as a worker; `reads` each write back."""
    asyncio.run(_generate(pipe, base, plans, reads))


async def _generate(
    pipe: Connection, base: str, plans: Sequence[Sequence[PlannedWrite]], reads: bool
) -> None:
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
                for at in range(0, len(places) if reads else 0, AT_ONCE):
                    some = places[at : at + AT_ONCE]
                    await asyncio.gather(*(client.read(place, fresh=True) for place in some))

        pipe.send("ready")
        await asyncio.to_thread(pipe.recv)
        began = cpu_s()
        await asyncio.gather(*(one(plan) for plan in plans))
        pipe.send(Spent(cpu_s() - began))


def together(jobs: Sequence[tuple[Any, ...]]) -> tuple[float, list[Spent]]:
    """Starts processes of (function, arguments ...) at one moment; the seconds to the last end."""
    pipes, processes = [], []
    for function, *arguments in jobs:
        ours, theirs = FORKS.Pipe()
        process = FORKS.Process(target=function, args=(theirs, *arguments))
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


def now() -> datetime:
    return datetime.now(UTC)


def cpu_s() -> float:
    """Processor time of this process, all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _no_pause() -> None:
    return None
