"""The processes: `concord serve`, `concord work`, and the small commands around a store."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

import uvicorn

from service import app, log
from service.errors import SettingsError
from service.house import House, open_house
from service.model.review import User, UserRole
from service.store import Store, leases
from service.store import backup as backups
from service.store.purge import purge as purged
from service.store.rekey import rekey as rekeyed
from service.store.seals import Checked, check, checkpoint
from service.web.application import create_app
from service.web.people.auth import Issuer

T = TypeVar("T")

GRACE_S = 8
"""How long a stop waits for answers under way."""


def serve(config: Path | None, *, say: app.Say) -> int:
    """The API and the review page, with a worker in the same process."""
    settings = app.settings_of(config)
    log.configure()
    if not any(source.base_url for source in settings.sources.values()):
        raise SettingsError("sources: name at least one server, [sources.NAME] base_url = ...")

    async def run() -> None:
        async with open_house(settings) as house:
            await serve_house(house, say=say)

    asyncio.run(run())
    return 0


async def serve_house(
    house: House, *, say: app.Say, ready: Callable[[], None] | None = None
) -> None:
    """Serves a house until it is told to stop. `ready` is called once the page answers."""
    web = house.settings.web
    public = web.public_url.partition("://")[2].partition("/")[0].partition(":")[0]
    hosts = tuple(name for name in ("127.0.0.1", "localhost", web.host, public) if name)
    async with house.working() as jobs:
        app.settle()
        application = create_app(house.services(jobs, hosts))
        server = _Server(
            uvicorn.Config(
                application,
                host=web.host,
                port=web.port,
                http="h11",  # bounds a request's head, as uvicorn does not with httptools
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=GRACE_S,
                proxy_headers=False,
            ),
            ready or (lambda: say(f"Concord listens on http://{web.host}:{web.port}")),
        )
        await server.serve()


class _Server(uvicorn.Server):
    """uvicorn that says when it answers, and lets everything else be closed after it was stopped.

    Its own way is to send itself the signal again once it has ended, which ends the process there
    and then: with jobs under way and the store open.
    """

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stops answering at SIGINT or SIGTERM; the handlers from before stand again afterwards."""
        stops = (signal.SIGINT, signal.SIGTERM)
        before = {stop: signal.signal(stop, self.handle_exit) for stop in stops}
        try:
            yield
        finally:
            for stop, handler in before.items():
                signal.signal(stop, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def work(config: Path | None, *, say: app.Say) -> int:
    """A worker beside others on the same store, until it is told to stop."""
    settings = app.settings_of(config)
    log.configure()

    async def run() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        async with open_house(settings) as house, house.working():
            app.settle()
            say(f"Concord works on the jobs of the store as {house.worker}.")
            await stop.wait()

    asyncio.run(run())
    return 0


def alive(config: Path | None) -> bool:
    """Whether the store answers and a process of this host has said lately that it works."""

    async def lives(store: Store) -> bool:
        async with store.read() as look:
            held = await leases.named(look, f"worker/{socket.gethostname()}-")
        return any(lease.until > app.now() for lease in held)

    return asyncio.run(_with_store(config, lives))


def token(config: Path | None, *, user: str, role: str) -> str:
    """A bearer token for one hour, from the store's own key."""
    settings = app.settings_of(config)

    async def made() -> str:
        store = await app.opened_store(settings)
        try:
            return Issuer(store.key, app.now).token(User(user, user, UserRole(role)))
        finally:
            await store.close()

    return asyncio.run(made())


def backup(config: Path | None, file: Path) -> int:
    """Writes the whole store into a new file, beside a running service; gives the rows."""
    return asyncio.run(_with_store(config, lambda store: backups.backup(store, file)))


def restore(config: Path | None, file: Path) -> int:
    """Fills an empty store from a backup; gives the rows."""
    return asyncio.run(_with_store(config, lambda store: backups.restore(store, file)))


def rekey(config: Path | None) -> int:
    """Encrypts everything under the newest key, beside a running service; gives the values."""
    return asyncio.run(_with_store(config, rekeyed))


def purge(config: Path | None, day: date) -> tuple[int, int]:
    """Deletes unreviewed reports and readings from before this day; gives how many of each."""
    before = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return asyncio.run(
        _with_store(config, lambda store: purged(store, before=before, at=app.now()))
    )


def audit_checkpoint(config: Path | None) -> str:
    """The newest seal of the audit trail, signed: a line to keep on another machine."""
    return asyncio.run(_with_store(config, lambda store: checkpoint(store, at=app.now())))


def audit_checked(config: Path | None, file: Path | None) -> Checked:
    """What the audit trail's chain says, compared with a checkpoint where one is given."""
    try:
        line = file.read_text(encoding="utf-8") if file else ""
    except OSError:
        raise SettingsError(f"{file}: cannot be read.") from None
    return asyncio.run(_with_store(config, lambda store: check(store, line)))


async def _with_store(config: Path | None, do: Callable[[Store], Awaitable[T]]) -> T:
    store = await app.opened_store(app.settings_of(config))
    try:
        return await do(store)
    finally:
        await store.close()
