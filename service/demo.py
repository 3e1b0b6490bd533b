"""`concord demo`: three sandbox FHIR servers, the service and its page, with synthetic patients.

Everything stays on loopback. The golden patients live on three servers with manners of their own
(psychiatry, primary care, pharmacy), in a process apart from the service, as in life. The demo
stands on the day for which the patients were invented.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from service import app, log
from service.errors import SetupError
from service.house import House, open_house
from service.mappings.folder import shipped
from service.model.review import User, UserRole
from service.pipeline.refresh import ask
from service.run import serve_house
from service.sandbox.process import apart
from service.settings import Settings, Source, Store, Web
from service.write.target import ORDER

DAY = date(2026, 11, 15)
PHARMACIST = User("demo-pharmacist", "Dana Demo, PharmD", UserRole.PHARMACIST, "Demo Hospital")
AT_ONCE = 4
"""Patients read at the same time: enough to fill the waits for the database and the servers."""

SERVERS = ("psychiatry", "primary-care", "pharmacy")


class PortTaken(SetupError):
    """The port of the review page is taken; give another one with --port."""


def run(*, port: int, store: Path | None, say: app.Say) -> int:
    """Runs until Ctrl-C; the data is gone afterwards unless `store` names a file."""
    log.configure("WARNING")
    _require_free(port)
    with tempfile.TemporaryDirectory(prefix="concord-demo-") as folder:
        file = store or Path(folder) / "demo.db"
        try:
            asyncio.run(_demo(port, file, say))
        except KeyboardInterrupt:
            say("Stopped; nothing is left running.")
    return 0


async def _demo(port: int, file: Path, say: app.Say) -> None:
    say("Starting three FHIR servers and filling them with invented patients ...")
    folders = {name: sorted(_patients().glob(f"*/sources/{name}")) for name in SERVERS}
    with apart(folders) as servers:
        for name, server in servers.items():
            say(f"  {name:<13}{server.base_url}  ({server.resources} resources)")
        addresses = {name: server.base_url for name, server in servers.items()}
        settings = demo_settings(addresses, file, port)
        async with open_house(settings, day=DAY, demo_user=PHARMACIST) as house:
            await _reconcile_everyone(house, say)
            ready = (
                f"\nThe review page:  http://127.0.0.1:{port}/\nSigned in as {PHARMACIST.name}. "
                "Everything is invented, on this machine only. Ctrl-C ends it."
            )
            await serve_house(house, say=say, ready=lambda: say(ready))


def _require_free(port: int) -> None:
    """Before anything is started. Raises: PortTaken."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except (OSError, OverflowError):
        raise PortTaken from None


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
