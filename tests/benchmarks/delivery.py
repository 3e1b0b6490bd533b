"""How many deliveries a second: on SQLite and PostgreSQL, with 1, 2 and 4 worker processes.

    python -m tests.benchmarks.delivery --page docs/benchmarks.md

Server, generator and workers are processes of their own. The measure is a ratio to a bare load
generator on the same server, with as many requests at once and no store behind it: one that sends
the requests which our guarantee needs (a transaction for each patient, then each resource read back
past caches), and one that only sends the transactions. Also how many commits a delivery takes, what
their durability costs (synchronous FULL against NORMAL, in pairs A B B A), and what DBOS costs.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from service.fhir.client import FhirClient
from service.fhir.outgoing import http_client
from service.house import jobs_address
from service.jobs import Jobs
from service.model.review import DeliveryState, Disposition, PlannedWrite
from service.pipeline import review as desk
from service.pipeline.outbox import deliveries
from service.review.asked import Asked
from service.store import Store, open_store, patients, reports
from service.store import deliveries as outbox
from service.store.jobs import JobState
from service.write.deliver.recipient import write_target
from service.write.target import ORDER
from tests.benchmarks.delivery_contest import (
    SOURCE,
    Spent,
    Storage,
    cpu_s,
    generate,
    now,
    target,
    together,
    work,
)
from tests.postgres import empty_database, server
from tests.write.synthetic import AS_OF, PHARMACIST, body, report

BEGIN, END = "<!-- delivery: begin -->", "<!-- delivery: end -->"
WORKERS = (1, 2, 4)
AIM, AIM_DURABILITY = 0.8, 0.25
JOBS = 100
Plans = Sequence[Sequence[PlannedWrite]]


@dataclass(frozen=True)
class Signed:
    """A store with signed reviews, copied for each contest: the plans, and how a copy is made."""

    name: str
    plans: Plans
    copied: Callable[[ExitStack], str]

    @property
    def writes(self) -> int:
        return sum(len(plan) for plan in self.plans)


async def sign_all(url: str, count: int) -> Plans:
    """Signs reviews of so many patients; gives the plan of each."""
    store = await open_store(url)
    plans = []
    with target(Storage()) as base:
        async with http_client() as http:
            client = FhirClient(base, http=http)
            there = write_target(SOURCE, base, ORDER, await client.capabilities())
        for number in range(count):
            review = await _decided(store, number)
            await desk.sign(store, PHARMACIST, review, "all", [there], at=now())
            rows = [row for row in await deliveries(store, review) if row.resource]
            plans.append(
                [PlannedWrite(row.key, SOURCE, row.ordinal, row.type, row.resource) for row in rows]
            )
    await store.close()
    return plans


async def _decided(store: Store, number: int) -> str:
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


@contextmanager
def sqlite(folder: Path, count: int) -> Iterator[Signed]:
    plans = asyncio.run(sign_all(f"sqlite:///{folder / 'signed.db'}", count))

    def copied(stack: ExitStack) -> str:
        place = stack.enter_context(tempfile.TemporaryDirectory(dir=folder))
        return f"sqlite:///{shutil.copy(folder / 'signed.db', place)}"

    yield Signed("SQLite", plans, copied)


@contextmanager
def postgres(count: int) -> Iterator[Signed]:
    with server() as address, empty_database(address) as signed:
        plans = asyncio.run(sign_all(signed, count))

        def copied(stack: ExitStack) -> str:
            return stack.enter_context(empty_database(address, like=signed))

        yield Signed("PostgreSQL", plans, copied)


def delivered(
    signed: Signed, storage: Storage, workers: int, level: str = "FULL"
) -> tuple[float, list[Spent]]:
    """Deliveries a second by so many workers, and what each spent."""
    with ExitStack() as stack:
        url = signed.copied(stack)
        base = stack.enter_context(target(storage))
        jobs = [(work, base, url, f"w{number}", level) for number in range(workers)]
        seconds, spent = together(jobs)
        asyncio.run(_all_done(url, signed.writes))
    return signed.writes / seconds, spent


def bare(
    signed: Signed, storage: Storage, number: int, *, reads: bool
) -> tuple[float, list[Spent]]:
    """The same by so many processes of the generator."""
    with target(storage) as base:
        jobs = [(generate, base, signed.plans[one::number], reads) for one in range(number)]
        seconds, spent = together(jobs)
    return signed.writes / seconds, spent


async def _all_done(url: str, writes: int) -> None:
    store = await open_store(url)
    async with store.read() as look:
        done = (await outbox.tally(look))[DeliveryState.DONE]
    await store.close()
    assert done == writes, (done, writes)


def contests(signed: Signed, storage: Storage) -> Iterator[str]:
    """One line of the table for each number of workers; the best of two turns of each."""
    for workers in WORKERS:
        ours, same, only = [], [], []
        for _ in range(2):
            ours.append(delivered(signed, storage, workers))
            same.append(bare(signed, storage, workers, reads=True))
            only.append(bare(signed, storage, workers, reads=False))
        rate, spent = max(ours, key=lambda one: one[0])
        rivals = [max(rate for rate, _ in found) for found in (same, only)]
        cpu = sum(one.cpu_s for one in spent) / sum(one.cpu_s for one in same[0][1])
        commits = 100 * sum(one.commits for one in spent) / signed.writes
        yield (
            f"| {signed.name} | {workers} | {rate:.1f} | {rivals[0]:.1f} | {rate / rivals[0]:.2f} "
            f"| {rivals[1]:.1f} | {rate / rivals[1]:.2f} | {commits:.0f} | {cpu:.1f} |"
        )


def durability(signed: Signed, rounds: int) -> str:
    """What FULL costs against NORMAL on a server that answers at once: A B B A, and the median."""
    costs = []
    for _ in range(rounds):
        a, b, c, d = (
            delivered(signed, Storage(), 1, level)[0]
            for level in ("FULL", "NORMAL", "NORMAL", "FULL")
        )
        costs.append(1 - (a + d) / (b + c))
    found = ", ".join(f"{cost:.0%}" for cost in costs)
    met = "met" if median(costs) <= AIM_DURABILITY else "missed"
    return (
        f"Durability (SQLite, one worker, a server that answers at once; rounds of FULL, NORMAL, "
        f"NORMAL, FULL): FULL takes {median(costs):.0%} of the rate at the median of {rounds} "
        f"rounds ({found}); the aim of {AIM_DURABILITY:.0%} or less is {met}."
    )


def durable_jobs(signed: Signed) -> str:
    """What DBOS costs: jobs that do nothing, from the row to its end."""
    with ExitStack() as stack:
        wall_ms, cpu_ms = asyncio.run(_durable_jobs(signed.copied(stack)))
    per = signed.writes / len(signed.plans)
    return (
        f"DBOS ({signed.name}; {JOBS} jobs that do nothing, queued at once): {cpu_ms:.1f} ms of "
        f"processor time and {wall_ms:.1f} ms of wall time for a job, which moves one signature; "
        f"for a delivery ({per:.0f} in a signature here) {cpu_ms / per:.1f} ms and "
        f"{wall_ms / per:.1f} ms."
    )


async def _durable_jobs(url: str) -> tuple[float, float]:
    store = await open_store(url)

    async def nothing(_subject: str) -> None:
        return None

    jobs = Jobs(store, jobs_address(url), {"deliver": nothing}, "w1", now)
    await jobs.launch()
    began, cpu = time.perf_counter(), cpu_s()
    queued = [await jobs.queue("deliver", str(number)) for number in range(JOBS)]
    for job in queued:
        await _done(jobs, job)
    wall_ms, cpu_ms = (time.perf_counter() - began) * 1000, (cpu_s() - cpu) * 1000
    await jobs.close(seconds=0)
    await store.close()
    return wall_ms / JOBS, cpu_ms / JOBS


async def _done(jobs: Jobs, job: str) -> None:
    while (await jobs.status(job)).state is not JobState.DONE:  # noqa: ASYNC110 - another process's
        await asyncio.sleep(0.05)


def measured(count: int, storage: Storage, rounds: int) -> Iterator[str]:
    """The lines of the page."""
    yield (
        f"{datetime.now(UTC).date()}, {count} patients. The server writes a resource in "
        f"{storage.write_ms:g} ms and reads one in {storage.read_ms:g} ms, one at a time: at most "
        f"{storage.most():.1f} deliveries a second with their read-back, "
        f"{storage.most(reads=0):.1f} writes without."
    )
    yield ""
    yield (
        "| store | workers | deliveries a second | bare, the same requests | ratio "
        "| bare, only the writes | ratio | commits for 100 | processor time, of bare's |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="concord-bench-")))
        embedded = stack.enter_context(sqlite(folder, count))
        shared = stack.enter_context(postgres(count))
        yield from contests(embedded, storage)
        yield from contests(shared, storage)
        for line in (
            durability(embedded, rounds),
            durable_jobs(embedded),
            durable_jobs(shared),
        ):
            yield ""
            yield line


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.delivery")
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--write-ms", type=float, default=20.0)
    parser.add_argument("--read-ms", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=5, help="of FULL against NORMAL")
    parser.add_argument("--page", type=Path, help="the page to keep the figures in")
    options = parser.parse_args(arguments)
    storage = Storage(options.write_ms, options.read_ms)
    lines = []
    for line in measured(options.patients, storage, options.rounds):
        print(line, flush=True)
        lines.append(line)
    if options.page:
        before, _, rest = options.page.read_text(encoding="utf-8").partition(BEGIN)
        _, found, after = rest.partition(END)
        if not found:
            raise ValueError(f"{options.page} has no {BEGIN} ... {END}")
        text = "\n".join(lines)
        options.page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
