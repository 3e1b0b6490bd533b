"""A running service: what a source tells, and what was planned before a stop, is read by a job."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from service import app, syncing
from service.house import House, open_house
from service.pipeline.refresh import ask
from service.sandbox.manners import Manners
from service.sandbox.run import running
from service.sandbox.server import Sandbox
from service.settings import Settings, Source, Store, Sync
from service.store import jobs, reports, syncs
from service.store.jobs import JobState
from service.web.application import create_app
from tests.patients.golden import AS_OF
from tests.pipeline.fresh_ward import LITHIUM, order, person
from tests.write.synthetic import PHARMACIST

SECRET = "a-secret-of-more-than-sixteen-characters"
SOURCES = ("pharmacy", "psychiatry")


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "LOOK_S", 0.1)
    monkeypatch.setenv("CONCORD_TEST_NOTIFICATIONS", SECRET)


def with_servers(
    folder: Path, use: Callable[[Settings, dict[str, Sandbox]], Awaitable[None]]
) -> None:
    with ExitStack() as stack:
        servers = {name: Sandbox(Manners(name)) for name in SOURCES}
        for name, server in servers.items():
            server.load([person(1), order(f"{name}-1", 1)])
        bases = {name: stack.enter_context(running(server)) for name, server in servers.items()}
        sync = Sync(notifications="env:CONCORD_TEST_NOTIFICATIONS")
        settings = Settings(
            store=Store(url=f"sqlite:///{folder / 'store.db'}"),
            sources={name: Source(base_url=base, sync=sync) for name, base in bases.items()},
        )
        asyncio.run(use(settings, servers))


async def first_report(house: House) -> str:
    asked = {"source": "psychiatry", "reference": "Patient/p1"}
    patient = await ask(house.store, asked, PHARMACIST, at=app.now())
    await house.reconcile(patient)
    return patient


async def second_report(house: House, patient: str) -> bytes:
    for _ in range(300):
        async with house.store.read() as look:
            kept = await reports.newest(look, patient)
        if kept is not None and kept.number == 2:
            return kept.body
        await asyncio.sleep(0.1)
    raise AssertionError("no second report was made")


def test_a_notification_to_a_running_service_leads_to_a_new_list(tmp_path: Path) -> None:
    async def use(settings: Settings, servers: dict[str, Sandbox]) -> None:
        async with open_house(settings, day=AS_OF) as house:
            patient = await first_report(house)
            async with house.working() as jobs:
                web = create_app(house.services(jobs, ("127.0.0.1",)))
                transport = httpx.ASGITransport(app=web)
                async with httpx.AsyncClient(transport=transport) as client:
                    new = order("new", 1, LITHIUM)
                    servers["psychiatry"].storage.add("MedicationRequest", "new", new, "PUT")
                    answer = await client.put(
                        "http://127.0.0.1/api/notifications/psychiatry/MedicationRequest/new",
                        headers={"Authorization": f"Bearer {SECRET}"},
                        json=new,
                    )
                    assert answer.status_code == 200
                assert b"lithium" in await second_report(house, patient)

    with_servers(tmp_path, use)


def test_what_was_planned_before_a_stop_is_read_after_the_next_start(tmp_path: Path) -> None:
    async def use(settings: Settings, servers: dict[str, Sandbox]) -> None:
        async with open_house(settings, day=AS_OF) as house:
            patient = await first_report(house)
            new = order("new", 1, LITHIUM)
            servers["psychiatry"].storage.add("MedicationRequest", "new", new, "PUT")
            async with house.store.transaction() as tx:
                await syncs.ask(tx, "psychiatry", [patient], at=app.now())
            (planned,) = (await house.syncing.plan()).start
        async with open_house(settings, day=AS_OF) as house, house.working():
            assert b"lithium" in await second_report(house, patient)
            for _ in range(100):
                async with house.store.read() as look:
                    job = await jobs.get(look, planned)
                if job.state is JobState.DONE:
                    break
                await asyncio.sleep(0.1)
            assert job.state is JobState.DONE
            async with house.store.read() as look:
                assert await jobs.open_of(look, "sync") == ()

    with_servers(tmp_path, use)
