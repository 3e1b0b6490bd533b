"""Sandbox servers, a store and a courier, for tests that sign and deliver for real."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from service.fhir.client import FhirClient
from service.model.review import Disposition, Review, Target, User
from service.pipeline import review as desk
from service.pipeline.courier import Courier
from service.review.asked import Asked
from service.sandbox.manners import Manners
from service.sandbox.server import Sandbox
from service.store import Store, open_store, patients, reports
from service.store.backup import restore
from service.store.delivery import Delivery
from service.write.deliver.recipient import Recipient, write_target
from service.write.target import ORDER, WriteTarget
from tests.write.synthetic import AS_OF, AT, PHARMACIST, body, report


@dataclass
class Bench:
    """One signed review away from delivery. `now` is the clock; move it by hand."""

    store: Store
    courier: Courier
    targets: tuple[WriteTarget, ...]
    servers: Mapping[str, Sandbox]
    patient: str
    now: list[datetime] = field(default_factory=lambda: [AT])

    def later(self, seconds: float) -> None:
        self.now[0] += timedelta(seconds=seconds)

    async def restored(self, file: Path, stack: AsyncExitStack, url: str = "sqlite://") -> None:
        """Goes on with an empty store that was filled from this backup."""
        store = await open_store(url)
        stack.push_async_callback(store.close)
        await restore(store, file)
        self.store = store
        self.courier = replace(self.courier, store=store)

    async def keep(self, content: dict[str, Any]) -> reports.KeptReport:
        async with self.store.transaction() as tx:
            return await reports.keep(tx, self.patient, body(content), as_of=AS_OF, at=self.now[0])

    async def open(self, content: dict[str, Any] | None = None) -> Review:
        kept = await self.keep(content or report())
        return await desk.open_review(
            self.store, PHARMACIST, self.patient, kept.etag, at=self.now[0]
        )

    async def decide(
        self, review: Review, item: str, asked: Asked, user: User = PHARMACIST
    ) -> None:
        view = await desk.review_state(self.store, review.id)
        await desk.decide(
            self.store, user, review.id, item, asked, view.etags[item], at=self.now[0]
        )

    async def signed(self, content: dict[str, Any] | None = None) -> Review:
        """A review with everything decided, signed by the pharmacist."""
        review = await self.open(content)
        change = Asked(Disposition.CHANGE, to=Target("sertraline 50 mg"), reason="too much")
        await self.decide(review, "m-ser", change)
        await self.decide(review, "m-li", Asked(Disposition.CONTINUE))
        await self.decide(review, "f-dose", Asked(Disposition.ACCEPT, assigned_to="Dr Pract"))
        await self.decide(review, "f-low", Asked(Disposition.OVERRIDE, reason_code="monitored"))
        await desk.sign(self.store, PHARMACIST, review.id, "all", self.targets, at=self.now[0])
        return review

    async def rows(self, review: Review) -> tuple[Delivery, ...]:
        return await desk.deliveries(self.store, review.id)

    def holds(self, source: str) -> dict[str, list[dict[str, Any]]]:
        """What our types stand as on a sandbox now, by type."""
        storage = self.servers[source].storage
        found: dict[str, list[dict[str, Any]]] = {}
        for kind in ORDER:
            current = [v.resource for v in storage.live(kind) if not v.loaded]
            if current:
                found[kind] = [dict(resource) for resource in current if resource]
        return found


async def bench(
    stack: AsyncExitStack,
    *,
    url: str = "sqlite://",
    keys: tuple[bytes, ...] = (),
    allowed: tuple[str, ...] = ORDER,
    worker: str = "w1",
    servers: Mapping[str, Sandbox] | None = None,
    **manners: Any,
) -> Bench:
    """One or more sandboxes (by default one, "psychiatry") and a store, closed with the stack."""
    apps = servers or {"psychiatry": Sandbox(Manners("psychiatry", **manners))}
    store = await open_store(url, keys)
    stack.push_async_callback(store.close)
    recipients, targets = {}, []
    for name, app in apps.items():
        app.load([{"resourceType": "Patient", "id": "17"}])
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app))
        )
        client = FhirClient(f"http://{name}.test/fhir", http=http)
        said = write_target(name, client.base_url, allowed, await client.capabilities())
        target = replace(said, idempotency_header=app.manners.idempotency_header)
        recipients[name] = Recipient(client, target)
        targets.append(target)
    now = [AT]
    courier = Courier(store, recipients, worker, lambda: now[0], _no_pause)
    async with store.transaction() as tx:
        asked = {"source": "psychiatry", "reference": "Patient/17"}
        patient = await patients.ask(tx, store.key, asked, at=AT)
    return Bench(store, courier, tuple(targets), apps, patient.id, now)


def on_bench(use: Callable[[Bench], Awaitable[None]], **settings: Any) -> None:
    """Runs a test on a bench of its own; the settings are those of `bench`."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            await use(await bench(stack, **settings))

    asyncio.run(run())


async def _no_pause() -> None:
    return None
