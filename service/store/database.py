"""The store itself: an engine, its transactions, and one key; SQLite or PostgreSQL behind it.

SQLite runs in WAL with synchronous FULL: what `transaction` committed survives a power cut.
Writers take the write lock when they begin (BEGIN IMMEDIATE), so that a transaction that read
before it wrote cannot fail half way with "database is locked".
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import Connection as SyncConnection
from sqlalchemy import event, insert, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from service.errors import SettingsError, StoreConflict, StoreUnavailable
from service.store.columns import VAULT, WORDS
from service.store.hidden import Words
from service.store.tables import keys, metadata
from service.store.vault import Vault

HEAD = "0011"
"""The newest migration; a test holds it against `migrations/versions`."""

Connection = AsyncConnection
"""What the functions of this folder take: the open transaction or look of one `Store`."""

_WRITES = "concord_writes"
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
_MIGRATION_LOCK = 7_266_772_673_100
_BUSY_MS = 10_000
"""How long anything waits for a lock before the store counts as unavailable."""
_ASLEEP_MS = 15_000
"""After which PostgreSQL ends the transaction of a process that says nothing: less than a lease, so
that a halted machine does not keep the rows that its survivor needs."""
_KEY_BYTES = 32
_SERIALIZATION = frozenset({"40001", "40P01"})


class Store:
    """All that survives. `read` for looking, `transaction` for changing; never one in the other.

    `key` is the secret from which identifiers are derived (HMAC); it is drawn once per store and
    kept in it, so that a restored backup names the same things the same way.
    """

    def __init__(self, engine: AsyncEngine, key: bytes) -> None:
        self._engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        self._in_memory = isinstance(engine.pool, StaticPool)
        self._turn = asyncio.Lock()
        self.key = key

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Everything inside is kept when the block ends well, nothing when it does not.

        Raises: StoreConflict when another writer was first, StoreUnavailable when the database
        cannot be reached, is full, locked or read-only.
        """
        async with AsyncExitStack() as stack:
            if self._sqlite:
                await stack.enter_async_context(self._turn)
            stack.enter_context(_as_store_errors())
            connection = await stack.enter_async_context(self._engine.connect())
            await connection.execution_options(**{_WRITES: True})
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One consistent look at the store; nothing in the block may change it."""
        async with AsyncExitStack() as stack:
            if self._in_memory:
                await stack.enter_async_context(self._turn)
            stack.enter_context(_as_store_errors())
            connection = await stack.enter_async_context(self._engine.connect())
            if not self._sqlite:
                await connection.execution_options(isolation_level="REPEATABLE READ")
            async with connection.begin():
                yield connection

    async def alive(self) -> bool:
        """Whether the database answers now."""
        try:
            async with self.read() as look:
                await look.execute(select(keys.c.name).limit(1))
        except StoreUnavailable:
            return False
        return True

    @property
    def vault(self) -> Vault:
        """How patient data rests in this store."""
        found: Vault = getattr(self._engine.dialect, VAULT)
        return found

    async def shrink(self) -> None:
        """Give the room of what was deleted back to the disk, and with it the last traces of it.

        PostgreSQL does so by itself (autovacuum).
        """
        if not self._sqlite or self._in_memory:
            return
        async with self._turn:
            with _as_store_errors():
                async with self._engine.connect() as connection:
                    raw = await connection.get_raw_connection()
                    driver: Any = raw.driver_connection
                    await driver.execute("VACUUM")
                    await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def take_key(self) -> None:
        """Go on with the key that stands in the tables, after they were restored."""
        async with self.transaction() as tx:
            self.key = await _identifier_key(tx, self.vault)
        setattr(self._engine.dialect, WORDS, Words(self.key if self.vault.keys else b""))

    async def close(self) -> None:
        await self._engine.dispose()


async def open_store(url: str, keys: tuple[bytes, ...] = ()) -> Store:
    """The store at this address, migrated to the newest tables.

    Args:
        url: "sqlite:///file.db", "sqlite://" (in memory, for tests) or "postgresql://...".
        keys: for the encryption of patient data at rest, the newest first (`vault.key_ring`).
    Raises: SettingsError for an address of another kind or a store that a newer version has
        migrated, StoreUnavailable when it does not answer.
    """
    address = _address(url)
    engine = _engine(address)
    vault = Vault(keys)
    setattr(engine.dialect, VAULT, vault)
    async with AsyncExitStack() as unless_opened:
        unless_opened.push_async_callback(engine.dispose)
        with _as_store_errors():
            key = await _opened(engine, vault)
        setattr(engine.dialect, WORDS, Words(key if keys else b""))
        unless_opened.pop_all()
    return Store(engine, key)


async def _opened(engine: AsyncEngine, vault: Vault) -> bytes:
    """Bring the tables up to date, one process at a time; gives the store's key."""
    async with engine.connect() as connection:
        await connection.execution_options(**{_WRITES: True})
        async with connection.begin():
            if engine.dialect.name != "sqlite":
                await connection.execute(text("SET LOCAL lock_timeout = 0"))
                await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                lock = text("SELECT pg_advisory_xact_lock(:lock)")
                await connection.execute(lock, {"lock": _MIGRATION_LOCK})
            await connection.run_sync(_bring_up_to_date)
            return await _identifier_key(connection, vault)


def _address(url: str) -> URL:
    try:
        address = make_url(url)
        driver = _DRIVERS[address.drivername.split("+")[0]]
    except (ArgumentError, NoSuchModuleError, KeyError) as error:
        raise SettingsError(
            "store.url: expected sqlite:///FILE or postgresql://HOST/DATABASE"
        ) from error
    return address.set(drivername=driver)


def _engine(address: URL) -> AsyncEngine:
    if address.drivername != _DRIVERS["sqlite"]:
        return _postgresql(address)
    in_memory = address.database in (None, "", ":memory:")
    pool: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {"pool_size": 4}
    engine = create_async_engine(address, **pool)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: SyncConnection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(address: URL) -> AsyncEngine:
    engine = create_async_engine(
        address,
        pool_size=5,
        max_overflow=5,
        pool_pre_ping=True,
        pool_timeout=_BUSY_MS / 1000,
        connect_args={"connect_timeout": _BUSY_MS // 1000},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {_BUSY_MS}")
        cursor.execute(f"SET idle_in_transaction_session_timeout = {_ASLEEP_MS}")
        cursor.close()
        connection.commit()

    return engine


def _bring_up_to_date(connection: SyncConnection) -> None:
    """Create a fresh SQLite store from the tables and stamp it; migrate every other one.

    A fresh embedded store needs no Alembic (it costs half a second to import); a test keeps the
    tables and the migrations equal.
    Raises: SettingsError for a store that a newer version has migrated already.
    """
    known = inspect(connection).get_table_names()
    if "alembic_version" in known:
        at = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if at == HEAD:
            return
        if at is not None and at > HEAD:
            raise SettingsError(
                f"store.url: the store stands at migration {at}, newer than {HEAD}, the newest "
                "that this version of Concord knows; start the newer version."
            )
    elif connection.dialect.name == "sqlite" and not known:
        metadata.create_all(connection)
        connection.exec_driver_sql(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
        connection.execute(
            text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD}
        )
        return
    from service.store.migrate import upgrade

    upgrade(connection)


async def _identifier_key(connection: AsyncConnection, vault: Vault) -> bytes:
    """The store's key, drawn when it is new; it rests encrypted where the site gives a key."""
    found = await connection.scalar(select(keys.c.value).where(keys.c.name == "identifier"))
    if found is not None:
        rests = bytes(found)
        return rests if len(rests) == _KEY_BYTES else vault.unpack(rests)
    drawn = secrets.token_bytes(_KEY_BYTES)
    rests = vault.pack(drawn) if vault.keys else drawn
    await connection.execute(insert(keys).values(name="identifier", value=rests))
    return drawn


@contextmanager
def _as_store_errors() -> Iterator[None]:
    """Turn what the drivers raise into the two errors that the callers know how to answer."""
    try:
        yield
    except IntegrityError as error:
        raise StoreConflict from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _SERIALIZATION:
            raise StoreConflict from error
        raise StoreUnavailable from error
    except (OSError, NoConnectionFree) as error:
        raise StoreUnavailable from error
