"""Migrations while work is in flight: killed between two statements, and beside older processes."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, inspect, text
from sqlalchemy.engine import make_url

from service.errors import SettingsError, StoreUnavailable
from service.model.review import DeliveryState, Review
from service.pipeline.deliver import deliver_due
from service.store import database, open_store
from service.store.delivery import Delivery
from service.store.migrate import config, upgrade
from tests.write.bench import Bench, bench
from tests.write.ways import EXPECTED, counts, versions

FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"
FIRST = "0003"
"""The earliest that there is a way back to."""

IN_SLICE = 4
"""Statements after which the migration is killed, spread over all of them."""


def engine_of(url: str) -> Engine:
    """A plain engine whose transactions begin with the write lock, as the service's own do."""
    address = make_url(url)
    if address.drivername == "sqlite":
        made = create_engine(address)

        @event.listens_for(made, "connect")
        def manual(connection: object, _record: object) -> None:
            connection.isolation_level = None  # type: ignore[attr-defined]

        @event.listens_for(made, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return made
    return create_engine(address.set(drivername="postgresql+psycopg"))


def led_back(url: str, to: str) -> None:
    """The store as an earlier release left it, with its rows."""
    engine = engine_of(url)
    with engine.begin() as connection:
        command.downgrade(config(connection), to)
    engine.dispose()


def statements(url: str) -> int:
    """How many statements lead from here to the newest tables; nothing is kept of them."""
    engine, seen = engine_of(url), [0]

    @event.listens_for(engine, "after_cursor_execute")
    def count(*_: object) -> None:
        seen[0] += 1

    with engine.connect() as connection, connection.begin() as transaction:
        upgrade(connection)
        transaction.rollback()
    engine.dispose()
    return seen[0]


def killed_after(url: str, statement: int) -> None:
    """Migrates in a process of its own that dies after so many statements."""
    pid = os.fork()
    if not pid:
        left = [statement]

        def die(*_: object) -> None:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            engine = engine_of(url)
            event.listen(engine, "after_cursor_execute", die)
            with engine.begin() as connection:
                upgrade(connection)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)


def tables(url: str) -> dict[str, list[str]]:
    engine = engine_of(url)
    look = inspect(engine)
    found = {
        name: sorted(str(column["name"]) for column in look.get_columns(name))
        for name in look.get_table_names()
    }
    engine.dispose()
    return found


async def signed_and_not_sent(url: str) -> None:
    async with AsyncExitStack() as stack:
        made = await bench(stack, url=url)
        await made.signed()


async def delivered(url: str) -> None:
    """Goes on with what was signed before the migration, on a server of its own."""
    async with AsyncExitStack() as stack:
        made = await bench(stack, url=url)
        await deliver_due(made.courier)
        assert counts(made) == EXPECTED
        async with made.store.read() as look:
            found = await look.execute(text("SELECT DISTINCT state FROM deliveries"))
            assert list(found.scalars()) == [DeliveryState.DONE.value]


def test_a_migration_that_is_killed_is_done_at_the_next_start_and_nothing_signed_is_lost(
    store_url: str,
) -> None:
    asyncio.run(signed_and_not_sent(store_url))
    newest = tables(store_url)
    led_back(store_url, FIRST)
    older = tables(store_url)
    assert older != newest
    number = statements(store_url)
    assert tables(store_url) == older
    step = 1 if FULL else max(1, number // IN_SLICE)
    for statement in range(1, number + 1, step):
        killed_after(store_url, statement)
        assert tables(store_url) == older
    asyncio.run(delivered(store_url))
    assert tables(store_url) == newest


def test_an_older_process_goes_on_beside_a_newer_one(store_url: str) -> None:
    """What the release before writes still fits: no column is gone, new ones ask for nothing."""
    asyncio.run(signed_and_not_sent(store_url))
    engine = engine_of(store_url)
    with engine.connect() as connection:
        scripts = ScriptDirectory.from_config(config(connection))
        before = scripts.get_revision(database.HEAD).down_revision
    led_back(store_url, str(before))
    older = {
        name: {c["name"] for c in inspect(engine).get_columns(name)} for name in tables(store_url)
    }
    store = asyncio.run(open_store(store_url))
    asyncio.run(store.close())
    look = inspect(engine)
    for name, columns in older.items():
        now = {column["name"]: column for column in look.get_columns(name)}
        assert columns <= now.keys(), name
        for added in now.keys() - columns:
            assert now[added]["nullable"] or now[added]["default"] is not None, (name, added)
    engine.dispose()


def test_rows_as_an_older_release_writes_them_are_read_and_delivered_by_this_one(
    store_url: str,
) -> None:
    """Every row is put into the newest tables with the older columns alone, as a process of the
    older release goes on doing until it is replaced."""
    asyncio.run(signed_and_not_sent(store_url))
    led_back(store_url, FIRST)
    engine = engine_of(store_url)
    older = MetaData()
    older.reflect(engine)
    written = [table for table in older.sorted_tables if table.name != "alembic_version"]
    with engine.connect() as connection:
        rows = {t.name: [dict(r._mapping) for r in connection.execute(t.select())] for t in written}
    assert rows["deliveries"]
    asyncio.run(asyncio.wait_for(closed_again(store_url), 60))
    with engine.begin() as connection:
        for table in reversed(written):
            connection.execute(table.delete())
        for table in written:
            if rows[table.name]:
                connection.execute(table.insert(), rows[table.name])
    engine.dispose()
    asyncio.run(delivered(store_url))


async def closed_again(url: str) -> None:
    await (await open_store(url)).close()


def test_a_store_that_a_newer_release_has_migrated_is_refused_in_words(store_url: str) -> None:
    asyncio.run(closed_again(store_url))
    engine = engine_of(store_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SettingsError, match=r"9999.*start the newer version"):
        asyncio.run(closed_again(store_url))
    engine.dispose()


def test_a_worker_that_delivers_while_a_newer_release_migrates_loses_and_doubles_nothing(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is told that the store is away, and goes on when it is there again."""
    monkeypatch.setattr(database, "_BUSY_MS", 1000)
    begun, refused = threading.Event(), [0]

    def migrates() -> None:
        engine = engine_of(store_url)
        for number in range(2):
            with engine.begin() as connection:
                connection.execute(text(f"ALTER TABLE deliveries ADD COLUMN later_{number} TEXT"))
                connection.execute(text(f"ALTER TABLE leases ADD COLUMN later_{number} TEXT"))
                connection.execute(text(f"CREATE TABLE later_{number} (id INTEGER PRIMARY KEY)"))
                begun.set()
                time.sleep(1.5)
        engine.dispose()

    async def use() -> None:
        async with AsyncExitStack() as stack:
            made = await bench(stack, url=store_url)
            review = await made.signed()
            newer = threading.Thread(target=migrates)
            newer.start()
            await asyncio.to_thread(begun.wait)
            while newer.is_alive() or any(
                row.state is not DeliveryState.DONE for row in await rows_now(made, review)
            ):
                try:
                    await deliver_due(made.courier)
                except StoreUnavailable:
                    refused[0] += 1
                made.later(30)
            newer.join()
            assert counts(made) == EXPECTED
            assert versions(made) == {1}

    asyncio.run(asyncio.wait_for(use(), 60))
    assert refused[0]


async def rows_now(made: Bench, review: Review) -> Sequence[Delivery]:
    try:
        return await made.rows(review)
    except StoreUnavailable:
        return ()
