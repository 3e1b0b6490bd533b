"""A house on sandbox servers that hold one golden patient, without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import msgspec

from service import app
from service.fhir.client import FhirClient
from service.house import House
from service.mappings.folder import mappings_folder
from service.mappings.sources import load_sources
from service.model.review import Disposition, Review
from service.pipeline import review as desk
from service.pipeline.reconcile import Knowledge
from service.pipeline.refresh import ask
from service.read.server import ServerReader
from service.review.asked import Asked
from service.sandbox.manners import Manners
from service.sandbox.server import Sandbox
from service.settings import Settings, Source, role_of
from service.store import open_store, reports
from service.store.reports import KeptReport
from service.store.reviews import Signature
from service.write.target import ORDER
from tests.patients.golden import AS_OF, ROOT
from tests.write.synthetic import PHARMACIST

SOURCES = ("pharmacy", "primary-care", "psychiatry")


@cache
def knowledge() -> Knowledge:
    return app.knowledge(Settings())


@dataclass
class Ward:
    """A house with one patient asked for."""

    house: House
    servers: dict[str, Sandbox]
    patient: str

    async def report(self) -> dict[str, Any]:
        return msgspec.json.decode((await self.newest()).body)

    async def newest(self) -> KeptReport:
        async with self.house.store.read() as look:
            kept = await reports.newest(look, self.patient)
        assert kept is not None
        return kept

    async def opened(self) -> Review:
        kept = await self.newest()
        return await desk.open_review(
            self.house.store, PHARMACIST, self.patient, kept.etag, at=app.now()
        )

    async def decide(self, review: Review, item: str, asked: Asked) -> None:
        view = await desk.review_state(self.house.store, review.id)
        store, etag = self.house.store, view.etags[item]
        await desk.decide(store, PHARMACIST, review.id, item, asked, etag, at=app.now())

    async def decide_rest(self, review: Review) -> None:
        """Everything that is still open: go on with what is taken, accept what was found."""
        view = await desk.review_state(self.house.store, review.id)
        for item in view.undecided_medications:
            await self.decide(review, item, Asked(Disposition.CONTINUE))
        for item in view.undecided_high:
            await self.decide(review, item, Asked(Disposition.ACCEPT))

    async def sign(self, review: Review, scope: str = "all") -> Signature:
        await self.house.unchanged(review.id)
        targets = await self.house.targets()
        return await desk.sign(
            self.house.store, PHARMACIST, review.id, scope, targets, at=app.now()
        )


def in_ward(use: Callable[[Ward], Awaitable[None]], patient: str = "sertraline-two-doses") -> None:
    """Runs a test with three sandboxes that hold this golden patient."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            store = await open_store("sqlite://")
            stack.push_async_callback(store.close)
            profiles = load_sources(mappings_folder(""))
            servers: dict[str, Sandbox] = {}
            clients: dict[str, FhirClient] = {}
            for name in SOURCES:
                servers[name] = Sandbox(Manners(name))
                servers[name].load_folder(Path(ROOT / patient / "sources" / name))
                http = await stack.enter_async_context(
                    httpx.AsyncClient(transport=httpx.ASGITransport(app=servers[name]))
                )
                clients[name] = FhirClient(f"http://{name}.test/fhir", http=http)
            settings = Settings(
                sources={n: Source(base_url=c.base_url, write=ORDER) for n, c in clients.items()}
            )
            readers = [
                ServerReader(name, role_of(name, settings), client, profiles)
                for name, client in clients.items()
            ]
            house = House(
                settings=settings,
                store=store,
                knowledge=knowledge(),
                clients=clients,
                readers=readers,
                profiles=profiles,
                worker="w1",
                day=AS_OF,
            )
            (record,) = servers["psychiatry"].storage.live("Patient")
            asked = {"source": "psychiatry", "reference": record.reference}
            id_ = await ask(store, asked, PHARMACIST, at=app.now())
            await house.reconcile(id_)
            await use(Ward(house, servers, id_))

    asyncio.run(run())
