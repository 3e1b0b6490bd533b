"""`concord demo`: three sandbox FHIR servers, the service and its page, with synthetic patients.

Everything runs in one process on loopback. The golden patients live on three servers with manners
of their own (psychiatry, primary care, pharmacy); what patients keep themselves is read from files.
The demo stands on the day for which the patients were invented.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path

from service import app, log
from service.errors import SetupError
from service.house import House, open_house
from service.mappings.folder import shipped
from service.model.review import User, UserRole
from service.pipeline.refresh import ask
from service.run import serve_house
from service.sandbox.manners import PHARMACY, PRIMARY_CARE, PSYCHIATRY, Manners
from service.sandbox.run import serving
from service.sandbox.server import Sandbox
from service.settings import Settings, Source, Store, Web
from service.write.target import ORDER

DAY = date(2026, 11, 15)
PHARMACIST = User("demo-pharmacist", "Dana Demo, PharmD", UserRole.PHARMACIST, "Demo Hospital")
AT_ONCE = 4
"""Patients read at the same time: enough to fill the waits for the database and the servers."""

SERVERS: Mapping[str, Manners] = {
    "psychiatry": PSYCHIATRY,
    "primary-care": PRIMARY_CARE,
    "pharmacy": PHARMACY,
}


class PortTaken(SetupError):
    """The port of the review page is taken; give another one with --port."""


def run(*, port: int, store: Path | None, say: app.Say) -> int:
    """Runs until Ctrl-C; the data is gone afterwards unless `store` names a file."""
    log.configure("WARNING")
    with tempfile.TemporaryDirectory(prefix="concord-demo-") as folder:
        file = store or Path(folder) / "demo.db"
        try:
            asyncio.run(_demo(port, file, say))
        except KeyboardInterrupt:
            say("Stopped; nothing is left running.")
    return 0


async def _demo(port: int, file: Path, say: app.Say) -> None:
    async with AsyncExitStack() as stack:
        say("Starting three FHIR servers and filling them with invented patients ...")
        folder = _patients()
        addresses = {}
        for name, manners in SERVERS.items():
            sandbox = Sandbox(manners)
            loaded = sum(sandbox.load_folder(f) for f in sorted(folder.glob(f"*/sources/{name}")))
            addresses[name] = await stack.enter_async_context(serving(sandbox))
            say(f"  {name:<13}{addresses[name]}  ({loaded} resources)")
        settings = demo_settings(addresses, file, port)
        house = await stack.enter_async_context(open_house(settings, day=DAY, demo_user=PHARMACIST))
        await _reconcile_everyone(house, say)
        page = f"http://127.0.0.1:{port}/"
        ready = (
            f"\nThe review page:  {page}\nSigned in as {PHARMACIST.name}. Everything is invented, "
            "on this machine only. Ctrl-C ends it."
        )
        await serve_house(house, say=say, ready=lambda: say(ready))


def _patients() -> Path:
    packaged = shipped("patients")
    return packaged if packaged.is_dir() else shipped("fixtures/patients")


def demo_settings(addresses: Mapping[str, str], file: Path, port: int) -> Settings:
    """The three servers as sources; writing is switched on for everything that Concord writes."""
    return Settings(
        store=Store(url=f"sqlite:///{file}"),
        sources={
            name: Source(base_url=address, write=ORDER) for name, address in addresses.items()
        },
        web=Web(host="127.0.0.1", port=port),
    )


async def _reconcile_everyone(house: House, say: app.Say) -> None:
    """Asks for every patient that the psychiatry server holds, and makes their first reports."""
    found = await house.clients["psychiatry"].search("Patient", ())
    say(f"Reading and reconciling {len(found.resources)} patients from three servers ...")
    turns = asyncio.Semaphore(AT_ONCE)

    async def first_report(reference: str) -> None:
        asked = {"source": "psychiatry", "reference": reference}
        async with turns:
            patient = await ask(house.store, asked, PHARMACIST, at=app.now())
            await house.reconcile(patient)
        say(f"  {reference}")

    async with asyncio.TaskGroup() as group:
        for raw in found.resources:
            group.create_task(first_report(raw.reference))
