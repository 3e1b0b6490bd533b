"""Two servers with one invented patient, a store, and a clock that all of them share.

Answers wait for each other in rounds: all requests that are under way at once are one round trip.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx

from service.fhir.client import FhirClient
from service.pipeline.fresh import EVERYTHING, Ages, Reading
from service.pipeline.keeping import Refreshed
from service.pipeline.refresh import ask, refresh
from service.pipeline.sync import Rhythm, Syncing
from service.read.server import ServerReader
from service.read.subject import subjects_of
from service.sandbox.manners import Manners
from service.sandbox.server import Sandbox
from service.sandbox.storage import Storage
from service.settings import role_of
from service.store import Store, open_store, reports, syncs
from service.store.reports import ReportEntry
from service.store.syncs import Freshness
from tests.acceptance.hospital import order as prescribed
from tests.patients.golden import AS_OF
from tests.pipeline.wards import Settings, knowledge
from tests.write.synthetic import PHARMACIST

SOURCES = ("pharmacy", "psychiatry")
START = datetime(2026, 3, 10, 8, tzinfo=UTC)
MRN = "https://example.org/mrn"
SERTRALINE = ("312940", "sertraline 25 MG Oral Tablet")
LITHIUM = ("197889", "lithium carbonate 300 MG Oral Capsule")


def person(number: int, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": f"p{number}",
        "identifier": [{"system": MRN, "value": f"T-{number:05d}"}],
        "name": [{"family": f"Testperson{number}", "given": ["Uma"]}],
        "birthDate": "1980-02-03",
        "gender": "female",
        **more,
    }


def order(id_: str, number: int, drug: tuple[str, str] = SERTRALINE, **more: Any) -> dict[str, Any]:
    """An order under an id of its own."""
    return prescribed(number, *drug, 1) | {"id": id_} | more


@dataclass
class Line(httpx.AsyncBaseTransport):
    """The way to one server: every request that begins before the others are answered is of one
    round; the Date of an answer is the shared clock's. While `down` nothing gets through."""

    inner: httpx.AsyncBaseTransport
    now: Callable[[], datetime]
    down: bool = False
    rounds: int = 0
    requests: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    _open: asyncio.Event | None = None

    def forget(self) -> None:
        self.rounds = self.requests = 0
        self.begun.clear()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        self.begun.set()
        if self._open is None:
            self.rounds += 1
            self._open = asyncio.Event()
            asyncio.get_running_loop().create_task(self._round(self._open))
        await self._open.wait()
        if self.down:
            raise httpx.ConnectError("refused", request=request)
        response = await self.inner.handle_async_request(request)
        response.headers["Date"] = format_datetime(self.now(), usegmt=True)
        return response

    async def _round(self, opened: asyncio.Event) -> None:
        """Opens once no further request has come for many turns of the loop."""
        seen = -1
        while seen != self.requests:
            seen = self.requests
            for _ in range(100):
                await asyncio.sleep(0)
        self._open = None
        opened.set()


@dataclass
class FreshWard:
    """Everything, with the clock in `now`; `later` moves it."""

    store: Store
    servers: dict[str, Sandbox]
    lines: dict[str, Line]
    readers: list[ServerReader]
    now: list[datetime]
    patient: str = ""
    ages: Ages = field(default_factory=Ages)
    rhythms: dict[str, Rhythm] = field(default_factory=dict)

    def later(self, **span: float) -> None:
        self.now[0] += timedelta(**span)
        for reader in self.readers:
            wire = reader.client.wire
            if wire._clock is not None:
                there, then = wire._clock
                wire._clock = there + timedelta(**span), then

    async def asked_for(self, number: int = 1) -> str:
        asked = {"source": "psychiatry", "reference": f"Patient/p{number}"}
        return await ask(self.store, asked, PHARMACIST, at=self.now[0])

    async def read(self, reading: Reading = EVERYTHING, patient: str = "") -> Refreshed:
        return await refresh(
            self.store,
            self.readers,
            knowledge(),
            patient or self.patient,
            as_of=AS_OF,
            at=self.now[0],
            reading=reading,
            ages=self.ages,
        )

    async def changes(self, *only: str) -> Refreshed:
        """As a sync of these sources (all without names) reads."""
        return await self.read(Reading(frozenset(only) if only else None, by_itself=True))

    @property
    def syncing(self) -> Syncing:
        async def about(source: str, reference: str) -> tuple[str, ...]:
            client = next(one.client for one in self.readers if one.name == source)
            return await subjects_of(client, reference)

        return Syncing(
            store=self.store,
            readers=self.readers,
            knowledge=knowledge(),
            rhythms=self.rhythms,
            about=about,
            clock=lambda: self.now[0],
            ages=self.ages,
            day=AS_OF,
        )

    async def rows(self) -> dict[str, Freshness]:
        async with self.store.read() as look:
            return await syncs.of_patient(look, self.patient)

    async def history(self) -> tuple[ReportEntry, ...]:
        async with self.store.read() as look:
            return await reports.history(look, self.patient)

    async def newest(self) -> bytes:
        async with self.store.read() as look:
            kept = await reports.newest(look, self.patient)
        assert kept is not None
        return kept.body

    def put(self, source: str, resource: dict[str, Any]) -> None:
        """A write on the server itself, stamped with the clock's time."""
        self.servers[source].storage.add(resource["resourceType"], resource["id"], resource, "PUT")

    def forget(self) -> None:
        """Count requests and rounds anew."""
        for line in self.lines.values():
            line.forget()

    @property
    def rounds(self) -> dict[str, int]:
        return {name: line.rounds for name, line in self.lines.items()}


def in_fresh_ward(
    use: Callable[[FreshWard], Awaitable[None]], *, read: bool = True, **manners: Any
) -> None:
    """Runs a test; `read` reads the patient once before."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            store = await open_store("sqlite://")
            stack.push_async_callback(store.close)
            now = [START]
            ward = FreshWard(store, {}, {}, [], now)
            for name in SOURCES:
                app = Sandbox(Manners(name, **manners), Storage(clock=lambda: now[0]))
                app.load([person(1), order(f"{name}-1", 1)])
                line = Line(httpx.ASGITransport(app=app), lambda: now[0])
                http = await stack.enter_async_context(httpx.AsyncClient(transport=line))
                client = FhirClient(f"http://{name}.test/fhir", http=http)
                ward.servers[name], ward.lines[name] = app, line
                ward.readers.append(ServerReader(name, role_of(name, Settings()), client))
            ward.patient = await ward.asked_for()
            ward.later(minutes=10)
            if read:
                await ward.read()
                ward.forget()
            await use(ward)

    asyncio.run(run())
