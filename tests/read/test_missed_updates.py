"""Nothing is missed by asking for changes alone, however late and skewed a server commits.

A server of several nodes stamps a change by the clock of the node that takes it, shows it some time
later, and answers from any node. While stamp and showing lie no further apart than the overlap, a
chain of readings of changes ends with exactly what the server holds; what lies further apart is
found by reading everything. `CONCORD_TEST_SCALE=full` tries 10,000 orders, otherwise a slice.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx

from service.fhir.client import FhirClient
from service.fhir.wire import Limits
from service.model.source import Role, SourceRead, State
from service.read.server import ServerReader
from service.read.since import OVERLAP, Since, merged_reads
from tests.read.chart import request

FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"
ORDERS = 10_000 if FULL else 60
BASE = "https://ehr.example/fhir"
START = datetime(2026, 3, 10, 8, tzinfo=UTC)
WINDOW_S = int(OVERLAP.total_seconds())


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of a line: stamped at `stamp`, seen by searches from `shown` on (seconds)."""

    line: int
    version: int
    stamp: int
    shown: int


@dataclass
class Server:
    """What searches see at `now` (seconds); `clock` is by how much its Date is off the stamps."""

    commits: list[Commit]
    now: int = 0
    clock: int = 0
    asked_since: int = 0
    pages: int = field(default=3)

    def seen(self) -> dict[int, Commit]:
        newest: dict[int, Commit] = {}
        for one in self.commits:
            if one.shown <= self.now and one.version >= newest.get(one.line, one).version:
                newest[one.line] = one
        return newest

    def answer(self, asked: httpx.Request) -> httpx.Response:
        date = START + timedelta(seconds=self.now + self.clock)
        return httpx.Response(
            200,
            json=self.body(asked),
            headers={"Date": format_datetime(date, usegmt=True)},
        )

    def body(self, asked: httpx.Request) -> dict[str, Any]:
        path, query = asked.url.path.removeprefix("/fhir/"), dict(asked.url.params)
        if path == "metadata":
            line = {
                "type": "MedicationRequest",
                "versioning": "versioned",
                "searchParam": [{"name": "patient"}, {"name": "_lastUpdated"}],
            }
            return {
                "resourceType": "CapabilityStatement",
                "fhirVersion": "4.0.1",
                "rest": [{"mode": "server", "resource": [{"type": "Patient"}, line]}],
            }
        if path == "Patient/1":
            return {"resourceType": "Patient", "id": "1"}
        found = sorted(self.seen().values(), key=lambda one: one.line)
        since = query.get("_lastUpdated", "")
        if since:
            self.asked_since += 1
            moment = (datetime.fromisoformat(since.removeprefix("ge")) - START).total_seconds()
            found = [one for one in found if one.stamp >= moment]
        page = int(query.get("page", 0))
        link = [{"relation": "self", "url": str(asked.url)}]
        if len(found) > (page + 1) * self.pages:
            link.append(
                {"relation": "next", "url": str(asked.url.copy_merge_params({"page": page + 1}))}
            )
        here = found[page * self.pages : (page + 1) * self.pages]
        return {
            "resourceType": "Bundle",
            "type": "searchset",
            "link": link,
            "entry": [{"resource": _resource(one), "search": {"mode": "match"}} for one in here],
        }


def _resource(one: Commit) -> dict[str, Any]:
    stamp = (START + timedelta(seconds=one.stamp)).isoformat(timespec="milliseconds")
    return request(f"m{one.line}") | {
        "meta": {"versionId": str(one.version), "lastUpdated": stamp},
        "note": [{"text": str(one.version)}],
    }


def commits(draw: random.Random, lag_s: int) -> list[Commit]:
    """Up to 24 versions of 6 lines over four hours, each shown up to `lag_s` after its stamp.

    The versions of one line follow each other in stamp and showing, as a server keeps its own order
    within a resource; those of different lines overtake each other freely.
    """
    found: list[Commit] = []
    for line in range(6):
        stamp = shown = 0
        for version in range(1, draw.randint(1, 4) + 1):
            stamp += draw.randint(1, 4_000)
            stamp = max(stamp, shown - lag_s)
            shown = max(shown, stamp + draw.choice((0, draw.randint(0, lag_s), lag_s)))
            found.append(Commit(line, version, stamp, shown))
    return found


Use = Callable[[Server, Callable[[Since | None], Awaitable[SourceRead]]], Awaitable[None]]


def with_server(server: Server, use: Use) -> None:
    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(server.answer)) as http:
            client = FhirClient(BASE, http=http, limits=Limits(deadline_s=5, attempts=1))
            reader = ServerReader("clinic", Role.OTHER, client)

            async def pull(since: Since | None) -> SourceRead:
                # An answer of this moment: virtual hours went by since the last one.
                await client.get("Patient/1")
                return await reader.pull(("1",), since=since)

            await use(server, pull)

    asyncio.run(run())


def held(read: SourceRead) -> dict[str, str | None]:
    return {one.id: one.version for one in read.resources if one.type == "MedicationRequest"}


def truth(server: Server) -> dict[str, str | None]:
    return {f"m{one.line}": str(one.version) for one in server.seen().values()}


def test_no_update_is_missed_while_it_is_shown_within_the_overlap() -> None:
    asked_since = 0
    for seed in range(ORDERS):
        draw = random.Random(seed)
        # Date and stamps may disagree too: lag and skew together stay within the window.
        skew = draw.randint(0, WINDOW_S // 2)
        server = Server(commits(draw, WINDOW_S - skew), clock=draw.choice((-skew, 0, skew)))
        times = [*sorted(draw.sample(range(16_000), draw.randint(3, 8))), 40_000]

        async def use(
            server: Server, pull: Any, times: list[int] = times, seed: int = seed
        ) -> None:
            kept: SourceRead | None = None
            for server.now in times:
                fresh = await pull(Since.after(kept) if kept else None)
                kept = merged_reads(kept, fresh) if kept else fresh
                assert kept.state is State.COMPLETE, (seed, kept.certificates)
                assert held(kept) == truth(server), (seed, server.now)

        with_server(server, use)
        asked_since += server.asked_since
    assert asked_since > ORDERS


def test_what_is_shown_later_than_the_overlap_is_found_by_reading_everything() -> None:
    late = Commit(0, 1, stamp=1_000, shown=1_000 + 3 * WINDOW_S)
    server = Server([late, Commit(1, 1, stamp=100, shown=100)])

    async def use(server: Server, pull: Any) -> None:
        server.now = 1_500
        kept = await pull(None)
        server.now = late.shown + 10
        kept = merged_reads(kept, await pull(Since.after(kept)))
        assert held(kept) == {"m1": "1"}
        whole = merged_reads(kept, await pull(None))
        assert held(whole) == truth(server) == {"m0": "1", "m1": "1"}

    with_server(server, use)


def test_changes_of_which_a_page_is_lost_never_make_a_complete_read() -> None:
    server = Server([Commit(line, 1, stamp=10, shown=10) for line in range(6)])

    async def use(server: Server, pull: Any) -> None:
        server.now = 2_000
        kept = await pull(None)
        server.commits += [Commit(line, 2, stamp=3_000, shown=3_000) for line in range(6)]
        server.now = 3_500
        plain = server.body

        def broken(asked: httpx.Request) -> dict[str, Any]:
            return (
                {"resourceType": "OperationOutcome"} if "page" in str(asked.url) else plain(asked)
            )

        server.body = broken  # type: ignore[method-assign]
        both = merged_reads(kept, await pull(Since.after(kept)))
        assert both.state is State.PARTIAL
        assert held(both).keys() == held(kept).keys()
        server.body = plain  # type: ignore[method-assign]
        since = Since.after(both)
        assert since is None or since.of("MedicationRequest") is None
        assert held(merged_reads(both, await pull(since))) == truth(server)

    with_server(server, use)
