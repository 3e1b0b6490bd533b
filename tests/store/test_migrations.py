"""The tables of a fresh store and those that the migrations lead to are the same tables."""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from service.store import database, open_store
from service.store.migrate import config, upgrade
from service.store.tables import metadata


def test_migrations_lead_to_the_tables_that_the_code_uses() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_stamp_of_a_fresh_store_is_the_newest_migration() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        scripts = ScriptDirectory.from_config(config(connection))
        assert scripts.get_heads() == [database.HEAD]
    engine.dispose()


def test_a_fresh_store_and_a_migrated_one_have_the_same_schema(tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.db"
    asyncio.run(_open_and_close(f"sqlite:///{fresh}"))
    migrated = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    with migrated.begin() as connection:
        upgrade(connection)
    created = create_engine(f"sqlite:///{fresh}")
    assert _columns(created) == _columns(migrated)
    created.dispose()
    migrated.dispose()


def test_an_emptied_older_store_is_migrated_when_it_is_opened(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'older.db'}"
    older = create_engine(url)
    with older.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
    older.dispose()
    asyncio.run(_open_and_close(url))
    opened = create_engine(url)
    assert set(metadata.tables) <= set(inspect(opened).get_table_names())
    opened.dispose()


async def _open_and_close(url: str) -> None:
    store = await open_store(url)
    await store.close()


def _columns(engine: object) -> dict[str, list[tuple[str, str, bool]]]:
    look = inspect(engine)
    return {
        table: sorted(
            (str(c["name"]), str(c["type"]), bool(c["nullable"])) for c in look.get_columns(table)
        )
        for table in look.get_table_names()
    }
