"""How patient data rests: encrypted, under keys that change, in files that can be restored."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from service.errors import SettingsError, StoreError, StoreUnavailable
from service.store import Store, audit, patients, reports
from service.store.backup import backup, restore
from service.store.rekey import rekey
from service.store.vault import Vault, key_ring, new_key
from tests.store.opened import on
from tests.write.synthetic import AS_OF, AT, PHARMACIST

CANARY = "CANARY-Mustermann-4711"
OLD, NEW = key_ring(f"{new_key()}\n{new_key()}\n")


async def fill(store: Store) -> None:
    async with store.transaction() as tx:
        asked = {"identifier": f"http://hospital.example/mrn|{CANARY}"}
        patient = await patients.ask(tx, store.key, asked, at=AT)
        body = f'{{"name": "{CANARY}"}}'.encode()
        await reports.keep(tx, patient.id, body, as_of=AS_OF, at=AT)


async def read(store: Store) -> list[bytes]:
    async with store.read() as look:
        ids = await patients.all_ids(look)
        kept = [await reports.newest(look, id_) for id_ in ids]
    return [one.body for one in kept if one]


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


@pytest.mark.parametrize("size", [0, 1, 15, 100_000])
def test_what_is_packed_comes_back_and_one_changed_byte_is_found_out(size: int) -> None:
    vault = Vault((NEW, OLD))
    body = os.urandom(size)
    packed = vault.pack(body)
    assert vault.unpack(packed) == body
    assert vault.unpack(Vault((OLD,)).pack(body)) == body
    assert Vault().unpack(Vault().pack(body)) == body
    for at in (5, len(packed) // 2, len(packed) - 1):
        broken = packed[:at] + bytes([packed[at] ^ 1]) + packed[at + 1 :]
        with pytest.raises(StoreError):
            vault.unpack(broken)


def test_the_same_text_never_rests_in_the_same_bytes() -> None:
    vault = Vault((NEW,))
    assert vault.pack(b"x" * 100) != vault.pack(b"x" * 100)


@pytest.mark.parametrize("text", ["short", new_key()[:-4], "ä" * 44])
def test_a_key_that_is_none_is_refused_in_words(text: str) -> None:
    with pytest.raises(SettingsError, match=r"store\.key"):
        key_ring(text)


def test_no_file_of_an_encrypted_store_holds_a_name_nor_its_own_key(tmp_path: Path) -> None:
    keys: list[bytes] = []

    async def use(store: Store) -> None:
        keys.append(store.key)
        await fill(store)
        assert CANARY.encode() in (await read(store))[0]

    on(f"sqlite:///{tmp_path / 'store.db'}", use, (NEW,))
    found = everything(tmp_path)
    assert CANARY.encode() not in found
    assert keys[0] not in found


def test_without_its_key_a_store_does_not_open(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    on(url, fill, (OLD,))
    with pytest.raises(StoreError, match="key"):
        on(url, fill, (NEW,))
    with pytest.raises(StoreError, match="key"):
        on(url, fill)


def test_a_key_is_rotated_and_the_old_one_may_go(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    on(url, fill)

    async def turn(store: Store) -> None:
        assert await rekey(store) > 1
        await fill(store)

    async def look(store: Store) -> None:
        assert CANARY.encode() in (await read(store))[0]

    on(url, turn, (OLD,))
    on(url, turn, (NEW, OLD))
    on(url, look, (NEW,))


@pytest.mark.parametrize("keys", [(), (NEW,)])
def test_a_backup_gives_back_every_row_and_the_key(tmp_path: Path, keys: tuple[bytes, ...]) -> None:
    file = tmp_path / "backup.gz"
    before: list[object] = []

    async def take(store: Store) -> None:
        await fill(store)
        before.extend([store.key, await read(store)])
        assert await backup(store, file) > 2

    async def give(store: Store) -> None:
        await restore(store, file)

    async def look(store: Store) -> None:
        assert [store.key, await read(store)] == before
        with pytest.raises(SettingsError, match="empty"):
            await restore(store, file)

    on(f"sqlite:///{tmp_path / 'one.db'}", take, keys)
    on(f"sqlite:///{tmp_path / 'two.db'}", give, keys)
    on(f"sqlite:///{tmp_path / 'two.db'}", look, keys)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_backup_that_was_cut_short_restores_nothing(tmp_path: Path) -> None:
    file, cut = tmp_path / "backup.gz", tmp_path / "cut.gz"

    async def take(store: Store) -> None:
        await fill(store)
        await backup(store, file)

    async def give(store: Store) -> None:
        with pytest.raises(SettingsError, match=r"cut|backup"):
            await restore(store, cut)
        assert await read(store) == []

    on(f"sqlite:///{tmp_path / 'one.db'}", take)
    cut.write_bytes(file.read_bytes()[:-40])
    on(f"sqlite:///{tmp_path / 'two.db'}", give)


@pytest.mark.postgres
def test_a_backup_of_one_database_fills_the_other(postgres_server: str, tmp_path: Path) -> None:
    from tests.postgres import empty_database

    file = tmp_path / "backup.gz"
    before: list[object] = []

    async def take(store: Store) -> None:
        await fill(store)
        async with store.transaction() as tx:
            await audit.record(tx, PHARMACIST, "act", "x", at=AT)
        before.extend([store.key, await read(store)])
        await backup(store, file)

    async def give(store: Store) -> None:
        await restore(store, file)

    async def look(store: Store) -> None:
        assert [store.key, await read(store)] == before
        async with store.transaction() as tx:
            await audit.record(tx, PHARMACIST, "after", "y", at=AT)
        async with store.read() as looking:
            assert [row.action for row in await audit.rows(looking)] == ["after", "act"]

    on(f"sqlite:///{tmp_path / 'one.db'}", take, (NEW,))
    with empty_database(postgres_server) as url:
        on(url, give, (NEW,))
        on(url, look, (NEW,))


def test_a_full_disk_is_unavailable_and_keeps_nothing_half(tmp_path: Path) -> None:
    async def use(store: Store) -> None:
        await fill(store)
        engine = store._engine.sync_engine

        @event.listens_for(engine, "begin")
        def limit(connection: Connection) -> None:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")

        async def keep_more() -> None:
            async with store.transaction() as tx:
                (patient,) = await patients.all_ids(tx)
                await reports.keep(tx, patient, os.urandom(200_000), as_of=AS_OF, at=AT)

        with pytest.raises(StoreUnavailable):
            await keep_more()
        assert len(await read(store)) == 1
        assert CANARY.encode() in (await read(store))[0]

    on(f"sqlite:///{tmp_path / 'store.db'}", use)


def test_a_store_that_may_only_be_read_is_unavailable_for_writing(tmp_path: Path) -> None:
    async def use(store: Store) -> None:
        await fill(store)
        engine = store._engine.sync_engine

        @event.listens_for(engine, "begin")
        def read_only(connection: Connection) -> None:
            connection.exec_driver_sql("PRAGMA query_only=ON")

        with pytest.raises(StoreUnavailable):
            async with store.transaction() as tx:
                await audit.record(tx, None, "act", "x", at=AT)
        assert len(await read(store)) == 1

    on(f"sqlite:///{tmp_path / 'store.db'}", use)


def test_a_store_locked_by_somebody_else_is_unavailable_and_works_again_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    monkeypatch.setattr("service.store.database._BUSY_MS", 50)
    file = tmp_path / "store.db"

    async def use(store: Store) -> None:
        await fill(store)
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            async with store.transaction() as tx:
                await audit.record(tx, None, "act", "x", at=AT)
        other.execute("ROLLBACK")
        other.close()
        async with store.transaction() as tx:
            await audit.record(tx, None, "act", "y", at=AT)
        async with store.read() as look:
            assert [row.subject for row in await audit.rows(look)] == ["y"]

    on(f"sqlite:///{file}", use)
