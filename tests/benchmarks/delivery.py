"""How many deliveries a second: on SQLite and PostgreSQL, with 1, 2 and 4 workers.

    python -m tests.benchmarks.delivery [--patients 40] [--postgres]

The measure is a ratio: what a bare load generator reaches on the same sandbox server, that creates
and reads back the same resources without any store, is 1. Sandbox and couriers share one process
and its interpreter here, so that the ratio is a lower bound. Also the price of durability: one
transaction per write with synchronous FULL against NORMAL.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import event

from service.fhir.client import FhirClient
from service.model.review import DeliveryState, Disposition, PlannedWrite
from service.pipeline import review as desk
from service.pipeline.courier import Courier
from service.pipeline.deliver import deliver_due
from service.review.asked import Asked
from service.sandbox.manners import Manners
from service.sandbox.run import running
from service.sandbox.server import Sandbox
from service.store import Store, audit, open_store, patients, reports
from service.store import deliveries as outbox
from service.write.bundle import transaction
from service.write.deliver.recipient import Recipient, write_target
from service.write.target import ORDER
from tests.postgres import empty_database, server
from tests.write.synthetic import AS_OF, PHARMACIST, body, report


def now() -> datetime:
    return datetime.now(UTC)


async def sign_all(store: Store, client: FhirClient, count: int) -> int:
    """Signed reviews of so many patients; gives the number of writes queued."""
    target = write_target("psychiatry", client.base_url, ORDER, await client.capabilities())
    writes = 0
    for number in range(count):
        async with store.transaction() as tx:
            asked = {"source": "psychiatry", "reference": f"Patient/{number}"}
            patient = (await patients.ask(tx, store.key, asked, at=now())).id
            kept = await reports.keep(tx, patient, body(report()), as_of=AS_OF, at=now())
        review = await desk.open_review(store, PHARMACIST, patient, kept.etag, at=now())
        view = await desk.review_state(store, review.id)
        for item in (*view.undecided_medications, *view.undecided_high):
            kind = Disposition.ACCEPT if item.startswith("f-") else Disposition.CONTINUE
            etag = view.etags[item]
            await desk.decide(store, PHARMACIST, review.id, item, Asked(kind), etag, at=now())
        await desk.sign(store, PHARMACIST, review.id, "all", [target], at=now())
        writes += sum(bool(row.resource) for row in await desk.deliveries(store, review.id))
    return writes


async def delivered(url: str, base: str, count: int, workers: int) -> float:
    """Deliveries a second by so many couriers on one store, each with a client of its own."""
    async with AsyncExitStack() as stack:
        stores = [await open_store(url) for _ in range(workers)]
        couriers = []
        for number, store in enumerate(stores):
            stack.push_async_callback(store.close)
            http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
            client = FhirClient(base, http=http)
            target = write_target("psychiatry", base, ORDER, await client.capabilities())
            to = {"psychiatry": Recipient(client, target)}
            couriers.append(Courier(store, to, f"w{number}", now, _no_pause))
        writes = await sign_all(stores[0], client, count)
        began = time.perf_counter()
        while True:
            await asyncio.gather(*(deliver_due(courier) for courier in couriers))
            async with stores[0].read() as look:
                if not await outbox.in_state(look, outbox.ACTIVE, limit=1):
                    break
        spent = time.perf_counter() - began
        async with stores[0].read() as look:
            done = (await outbox.tally(look))[DeliveryState.DONE]
        assert done == writes, (done, writes)
        return writes / spent


async def bare(base: str, count: int, at_once: int) -> float:
    """The same resources created and read back a second, with nothing behind it."""
    store = await open_store("sqlite://")
    async with httpx.AsyncClient(trust_env=False) as http:
        client = FhirClient(base, http=http)
        await sign_all(store, client, count)
        async with store.read() as look:
            rows = await outbox.in_state(look, [DeliveryState.PLANNED], limit=1_000_000)
        await store.close()
        plans: dict[str, list[PlannedWrite]] = {}
        for row in sorted(rows, key=lambda row: row.ordinal):
            write = PlannedWrite(row.key, row.target, row.ordinal, row.type, row.resource)
            plans.setdefault(row.signature, []).append(write)
        turns = asyncio.Semaphore(at_once)

        async def one(plan: Sequence[PlannedWrite]) -> None:
            async with turns:
                answer = await client.transaction(transaction(plan))
                places = [entry.location for entry in answer.entries if entry.location]
                await asyncio.gather(*(client.read(_plain(p), fresh=True) for p in places))

        began = time.perf_counter()
        await asyncio.gather(*(one(plan) for plan in plans.values()))
        return len(rows) / (time.perf_counter() - began)


def _plain(location: str) -> str:
    return "/".join(location.split("/_history")[0].split("/")[-2:])


async def _no_pause() -> None:
    return None


async def transactions(url: str, level: str, count: int) -> float:
    """One-row transactions a second on SQLite at this level of synchronous."""
    store = await open_store(url)

    @event.listens_for(store._engine.sync_engine, "connect")
    def lower(connection: object, _record: object) -> None:
        connection.cursor().execute(f"PRAGMA synchronous={level}")  # type: ignore[attr-defined]

    await store._engine.dispose()
    began = time.perf_counter()
    for number in range(count):
        async with store.transaction() as tx:
            await audit.record(tx, None, "bench", str(number), at=now())
    spent = time.perf_counter() - began
    await store.close()
    return count / spent


def fresh_server() -> Sandbox:
    app = Sandbox(replace(Manners("psychiatry"), page_size=200))
    app.load([{"resourceType": "Patient", "id": "17"}])
    return app


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.delivery")
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--postgres", action="store_true", help="also on PostgreSQL")
    options = parser.parse_args(arguments)
    with running(fresh_server()) as base:
        most = asyncio.run(bare(base, options.patients, 4))
    print(f"bare load generator: {most:.0f} a second")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="concord-bench-"))
        postgres = stack.enter_context(server()) if options.postgres else ""
        for workers in (1, 2, 4):
            urls = {"sqlite": f"sqlite:///{Path(folder) / f'{workers}.db'}"}
            if postgres:
                urls["postgresql"] = stack.enter_context(empty_database(postgres))
            for name, url in urls.items():
                with running(fresh_server()) as base:
                    rate = asyncio.run(delivered(url, base, options.patients, workers))
                print(f"{name}, {workers} workers: {rate:.0f} a second, {rate / most:.2f} x")
        levels = {
            level: asyncio.run(transactions(f"sqlite:///{Path(folder) / level}.db", level, 500))
            for level in ("NORMAL", "FULL")
        }
    price = 1 - levels["FULL"] / levels["NORMAL"]
    print(f"transactions a second: {levels}; durability costs {price:.0%}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
