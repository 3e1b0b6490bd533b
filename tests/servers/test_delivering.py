"""From a signature to resources on servers that nobody here wrote: once, read back, or said so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from service.app import reconcile_once, reconciled
from service.fhir.client import FhirClient
from service.fhir.wire import Limits
from service.mappings.folder import mappings_folder
from service.mappings.sources import load_sources
from service.model.review import DeliveryState, Review
from service.pipeline import review as desk
from service.pipeline.courier import Courier
from service.pipeline.deliver import deliver_due
from service.report.document import document
from service.settings import Settings
from service.store import Store, open_store
from service.store.delivery import Delivery
from service.write.deliver.recipient import Recipient, write_target
from service.write.identity import carries, search_token
from service.write.target import ORDER, WriteTarget
from tests.patients.golden import AS_OF, GoldenPatient, patients
from tests.servers.conftest import Server
from tests.servers.filled import fill
from tests.servers.signed import AT, signed

SOURCE = "psychiatry"
PROFILES = load_sources(mappings_folder(""))
DONE, CONFLICT = DeliveryState.DONE, DeliveryState.CONFLICT
_CHOSEN = ("split-regimen", "clozapine-unknown-to-primary-care")


@dataclass
class Loss:
    """Loses answers on their way back: the request arrives, the client never hears of it.

    Args:
        times: how many answers to writes are still to be lost.
    """

    times: int = 0


class _Losing(httpx.AsyncBaseTransport):
    def __init__(self, loss: Loss) -> None:
        self._loss, self._inner = loss, httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if request.method in {"POST", "PUT"} and self._loss.times:
            self._loss.times -= 1
            await response.aread()
            await response.aclose()
            raise httpx.ReadError("the connection was closed", request=request)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


@dataclass
class Bench:
    """A golden patient on the server, and a courier that delivers there."""

    client: FhirClient
    target: WriteTarget
    store: Store
    report: dict[str, Any]
    reference: str
    loss: Loss
    now: list[datetime] = field(default_factory=lambda: [AT])

    async def sign(self, report: dict[str, Any] | None = None) -> Review:
        asked = {"source": SOURCE, "reference": self.reference}
        return await signed(self.store, report or self.report, asked, [self.target], at=self.now[0])

    async def drain(self, rounds: int = 4) -> None:
        courier = Courier(
            self.store, {SOURCE: Recipient(self.client, self.target)}, "w", self.clock, _no_pause
        )
        for _ in range(rounds):
            await deliver_due(courier)
            self.now[0] += timedelta(seconds=120)

    def clock(self) -> datetime:
        return self.now[0]

    async def rows(self, review: Review) -> tuple[Delivery, ...]:
        return await desk.deliveries(self.store, review.id)

    async def versions(self, row: Delivery) -> int:
        """How many versions of what a row led to the server's history has."""
        return len(await self.client.history(row.location))

    async def standing(self, row: Delivery) -> int:
        """How many resources with the row's identifier stand on the server."""
        found = await self.client.search(row.type, [search_token(row.type, row.key)])
        return sum(carries(msgspec.json.decode(raw.body), row.key) for raw in found.resources)


async def _no_pause() -> None:
    return None


def on_bench(
    server: Server,
    patient: GoldenPatient,
    use: Callable[[Bench], Awaitable[None]],
    *,
    together: bool = True,
) -> None:
    """Runs a test with one golden patient, of whom one source is on the server.

    Args:
        together: in one transaction where the vendor's profile allows it, else one by one.
    """
    reference = fill(server.base_url, patient, SOURCE, f"-{uuid4().hex[:8]}")
    served = {**patient.sources, SOURCE: server.base_url}
    who = f"{SOURCE}:{reference}"
    report = document(reconcile_once(served, patient=who, as_of=AS_OF))

    async def run() -> None:
        loss = Loss()
        store = await open_store("sqlite://")
        try:
            async with httpx.AsyncClient(transport=_Losing(loss)) as http:
                client = FhirClient(server.base_url, http=http, limits=Limits())
                known = await client.capabilities()
                profile = PROFILES.chosen("auto", known.software, known.publisher)
                assert profile.name == server.vendor
                limit = profile.transaction_limit if together else 1
                target = write_target(
                    SOURCE, server.base_url, ORDER, known, transaction_limit=limit
                )
                await use(Bench(client, target, store, report, reference, loss))
        finally:
            await store.close()

    asyncio.run(run())


@pytest.fixture(
    params=[one for one in patients() if one.name in _CHOSEN], ids=lambda patient: patient.name
)
def patient(request: pytest.FixtureRequest) -> GoldenPatient:
    found: GoldenPatient = request.param
    return found


ways = pytest.mark.parametrize("together", [True, False], ids=["together", "in-turn"])


@ways
def test_a_signed_review_stands_there_once_in_one_version(
    server: Server, patient: GoldenPatient, together: bool
) -> None:
    async def use(bench: Bench) -> None:
        review = await bench.sign()
        await bench.drain()
        rows = [row for row in await bench.rows(review) if row.resource]
        assert {(row.state, row.reason) for row in rows} == {(DONE, "")}
        await bench.drain()
        assert [await bench.versions(row) for row in rows] == [1] * len(rows)
        assert [await bench.standing(row) for row in rows] == [1] * len(rows)

    on_bench(server, patient, use, together=together)


@ways
def test_answers_that_are_lost_double_nothing(
    server: Server, patient: GoldenPatient, together: bool
) -> None:
    async def use(bench: Bench) -> None:
        bench.loss.times = 1 if together else 3
        review = await bench.sign()
        await bench.drain(8)
        assert bench.loss.times == 0
        rows = [row for row in await bench.rows(review) if row.resource]
        assert {(row.state, row.reason) for row in rows} == {(DONE, "")}
        assert [await bench.versions(row) for row in rows] == [1] * len(rows)

    on_bench(server, patient, use, together=together)


def test_a_list_that_somebody_changed_meanwhile_is_left_alone(
    server: Server, patient: GoldenPatient
) -> None:
    async def use(bench: Bench) -> None:
        first = await bench.sign()
        await bench.drain()
        (ours,) = (row for row in await bench.rows(first) if row.type == "List")
        second = await bench.sign({**bench.report, "problems": []})
        edited = msgspec.json.decode((await bench.client.read(ours.location)).body)
        edited["title"] = "edited by somebody else"
        await bench.client.update(edited, if_match=edited["meta"]["versionId"])
        await bench.drain()
        (again,) = (row for row in await bench.rows(second) if row.type == "List")
        assert again.state is CONFLICT
        standing = msgspec.json.decode((await bench.client.read(ours.location, fresh=True)).body)
        assert standing["title"] == "edited by somebody else"
        assert await bench.versions(ours) == 2

    on_bench(server, patient, use, together=False)


def test_what_we_wrote_is_not_read_back_as_a_word_of_the_source(
    server: Server, patient: GoldenPatient
) -> None:
    async def use(bench: Bench) -> None:
        await bench.sign()
        await bench.drain()
        served = {**patient.sources, SOURCE: server.base_url}
        who = f"{SOURCE}:{bench.reference}"
        again = document(await reconciled(served, Settings(), patient=who, as_of=AS_OF))
        assert again["medications"] == bench.report["medications"]
        assert again["findings"] == bench.report["findings"]

    on_bench(server, patient, use)
