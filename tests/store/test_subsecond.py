"""SQLite's clock to the millisecond, also where the library is older than the word for it."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from dbos._migration import sqlite_migrations

from service.jobs import Jobs
from service.store.jobs import JobState
from service.store.subsecond import Subsecond
from tests.jobs.test_jobs import ended, with_jobs

BEFORE_3_12, FROM_3_12 = "strftime('%s','now')", "unixepoch('subsec')"


def test_a_row_gets_its_moment_however_old_the_library_is() -> None:
    database = sqlite3.connect(":memory:", factory=Subsecond)
    database.execute(f"CREATE TABLE t (id INTEGER, at REAL NOT NULL DEFAULT ({FROM_3_12}))")
    before = time.time()
    database.execute("INSERT INTO t (id) VALUES (1)")
    ((moment,),) = database.execute("SELECT at FROM t").fetchall()
    database.close()
    assert before - 0.001 <= moment <= time.time() + 0.001


def test_jobs_are_done_with_the_tables_that_a_newer_python_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = [made.replace(BEFORE_3_12, FROM_3_12) for made in sqlite_migrations]
    assert any(FROM_3_12 in made for made in newer)
    monkeypatch.setattr("dbos._sys_db_sqlite.sqlite_migrations", newer)

    async def work(_subject: str) -> None:
        return

    async def use(jobs: Jobs) -> None:
        job = await jobs.queue("deliver", "sg-1")
        assert (await ended(jobs, job)).state is JobState.DONE

    with_jobs(tmp_path, {"deliver": work}, use)
