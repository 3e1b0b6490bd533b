"""What people and scripts are told while the store is locked, full, read-only or being migrated."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, event, text

from service.errors import StoreUnavailable
from service.store import database
from tests.postgres import empty_database
from tests.store.test_migrating import engine_of
from tests.web.office import Office, in_office
from tests.write.synthetic import SCHEDULER

Away = Callable[[Office, Path], AbstractContextManager[None]]
SAID = "Nothing was half done; try again in a moment."


@contextmanager
def locked(_office: Office, file: Path) -> Iterator[None]:
    """Another process holds the write lock, as a migration does for as long as it takes."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@contextmanager
def obeying(office: Office, order: str, afterwards: str) -> Iterator[None]:
    """Every connection is given this order when it begins, and another one from then on."""
    said = [order]

    def obey(connection: Connection) -> None:
        connection.exec_driver_sql(said[0])

    event.listen(office.store._engine.sync_engine, "begin", obey)
    yield
    said[0] = afterwards


def read_only(office: Office, _file: Path) -> AbstractContextManager[None]:
    return obeying(office, "PRAGMA query_only=ON", "PRAGMA query_only=OFF")


def told(answer: httpx.Response) -> None:
    """503, a sentence, when to come back, and no word of what is behind it."""
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert SAID in " ".join(answer.text.split())
    assert not {"sqlite", "psycopg", "Traceback", "deliveries"} & set(answer.text.split())


async def everybody_is_told(office: Office, patient: str) -> None:
    signed_in, looks_after = office.bearer(), office.bearer(SCHEDULER)
    for page in ("/patients", f"/patients/{patient}", "/operations"):
        person = looks_after if page == "/operations" else signed_in
        answer = await office.client.get(page, headers=person)
        told(answer)
        assert answer.headers["content-type"].startswith("text/html")
        assert "<h1>" in answer.text
    answer = await office.client.get("/api/patients", headers=signed_in)
    told(answer)
    assert answer.headers["content-type"] == "application/problem+json"
    headers = signed_in | {"If-Match": '"0"'}
    told(await office.client.post(f"/api/patients/{patient}/reviews", headers=headers))


@pytest.mark.parametrize("away", [locked, read_only])
def test_while_the_store_is_away_everybody_is_told_so_and_then_goes_on(
    away: Away, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_MS", 50)
    file = tmp_path / "store.db"

    async def use(office: Office) -> None:
        patient = await office.patient()
        before = await office.audited()
        with away(office, file):
            await everybody_is_told(office, patient)
        assert await office.audited() == before
        page = await office.client.get(f"/patients/{patient}", headers=office.bearer())
        assert page.status_code == 200

    in_office(use, url=f"sqlite:///{file}")


def test_while_the_disk_is_full_everybody_is_told_so_and_then_goes_on(tmp_path: Path) -> None:
    async def use(office: Office) -> None:
        patient, answers = await office.patient(), list[httpx.Response]()
        with obeying(office, "PRAGMA max_page_count=1", "PRAGMA max_page_count=100000"):
            for _ in range(200):
                answers.append(await office.client.get("/patients", headers=office.bearer()))
        refused = [answer for answer in answers if answer.status_code != 200]
        assert refused
        for answer in refused:
            told(answer)
        page = await office.client.get(f"/patients/{patient}", headers=office.bearer())
        assert page.status_code == 200

    in_office(use, url=f"sqlite:///{tmp_path / 'store.db'}")


@pytest.mark.postgres
def test_while_postgresql_is_migrated_nobody_waits_longer_than_for_a_lock(
    postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_MS", 1000)
    with empty_database(postgres_server) as url:

        async def use(office: Office) -> None:
            patient = await office.patient()
            engine = engine_of(url)
            with engine.begin() as at_it:
                for table in ("audit", "patients", "worklist"):
                    at_it.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
                told(await office.client.get("/patients", headers=office.bearer()))
                told(await office.client.get("/api/patients", headers=office.bearer()))
            engine.dispose()
            page = await office.client.get(f"/patients/{patient}", headers=office.bearer())
            assert page.status_code == 200

        in_office(use, url=url)


def test_when_no_connection_is_free_in_time_it_counts_as_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(office: Office) -> None:
        engine = office.store._engine
        pool: Any = engine.pool
        held = [await engine.connect() for _ in range(pool.size() + pool._max_overflow)]
        monkeypatch.setattr(pool, "_timeout", 0.05)
        with pytest.raises(StoreUnavailable):
            async with office.store.read():
                pass
        for one in held:
            await one.close()
        async with office.store.read():
            pass

    in_office(use, url=f"sqlite:///{tmp_path / 'store.db'}")
