"""What the disk and the system do to the store: a clean error, no half state, nothing lost."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from service.errors import StoreUnavailable
from service.store import Store, audit, open_store
from tests.store.opened import on
from tests.write.synthetic import AT
from tests.write.write_faults import no_room

FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"
ROOT = Path(__file__).parents[2]
NOBODY = 65534
UNAVAILABLE = 7
ROWS_IN_ONE = 20
"""Rows of one transaction: all of them are there, or none."""

WRITER = """
import asyncio, sys
from service.store import audit, open_store
from tests.write.synthetic import AT

async def write():
    store = await open_store(sys.argv[1])
    for number in range(100_000):
        async with store.transaction() as tx:
            for part in range(int(sys.argv[2])):
                await audit.record(tx, None, "act", f"{number}-{part}", at=AT)
        print(number, flush=True)

asyncio.run(write())
"""


async def act(store: Store, subject: str) -> None:
    async with store.transaction() as tx:
        for part in range(ROWS_IN_ONE):
            await audit.record(tx, None, "act", f"{subject}-{part}", at=AT)


async def acts(store: Store) -> int:
    async with store.read() as look:
        return await look.scalar(text("SELECT count(*) FROM audit")) or 0


def sound(file: Path) -> int:
    """Checks the whole file; gives the rows of the audit trail, all of whole transactions."""
    database = sqlite3.connect(file)
    try:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (rows,) = database.execute("SELECT count(*) FROM audit").fetchone()
    finally:
        database.close()
    assert rows % ROWS_IN_ONE == 0
    return int(rows)


def test_a_store_on_a_disk_waits_for_the_disk_at_each_commit(tmp_path: Path) -> None:
    async def use(store: Store) -> None:
        async with store.transaction() as tx:
            assert await tx.scalar(text("PRAGMA journal_mode")) == "wal"
            assert await tx.scalar(text("PRAGMA synchronous")) == 2

    on(f"sqlite:///{tmp_path / 'store.db'}", use)


def test_without_room_nothing_is_half_kept_and_it_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    async def use(store: Store) -> None:
        await act(store, "before")
        with no_room(), pytest.raises(StoreUnavailable):
            await act(store, "lost")
        assert await acts(store) == ROWS_IN_ONE
        await act(store, "after")
        assert await acts(store) == 2 * ROWS_IN_ONE

    on(f"sqlite:///{tmp_path / 'store.db'}", use)
    assert sound(tmp_path / "store.db") == 2 * ROWS_IN_ONE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may not write")
def test_a_read_only_folder_is_unavailable_and_keeps_what_it_has(tmp_path: Path) -> None:
    """As a user who may read the files and not write them, in a process of its own."""
    folder = Path("/tmp") / f"concord-read-only-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        file = folder / "store.db"
        on(f"sqlite:///{file}", lambda store: act(store, "before"))
        for one in folder.iterdir():
            one.chmod(0o444)
        folder.chmod(0o555)
        pid = os.fork()
        if not pid:
            _open_as_nobody(f"sqlite:///{file}")
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == UNAVAILABLE
        folder.chmod(0o755)
        assert sound(file) == ROWS_IN_ONE
    finally:
        shutil.rmtree(folder)


def _open_as_nobody(url: str) -> None:
    """Ends this process with what became of it."""
    code = 1
    os.setuid(NOBODY)
    try:
        asyncio.run(open_store(url))
        code = 0
    except StoreUnavailable:
        code = UNAVAILABLE
    finally:
        os._exit(code)


@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_a_damaged_file_is_unavailable_and_no_traceback(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "store.db"
    on(f"sqlite:///{file}", lambda store: act(store, "before"))
    raw = bytearray(file.read_bytes())
    if damage == "flipped":
        raw[:100] = bytes(100)
    file.write_bytes(raw if damage == "flipped" else raw[: len(raw) // 2])
    with pytest.raises(StoreUnavailable):
        on(f"sqlite:///{file}", lambda store: act(store, "after"))


def test_a_power_cut_at_any_write_leaves_the_state_before_or_after(tmp_path: Path) -> None:
    """What was not yet synced is dropped, cut, holed or reordered; what was synced before stays.

    The bytes that a commit adds to the log are kept in part only in a copy, as a disk leaves them
    when the power goes before they are synced.
    """
    file, log = tmp_path / "store.db", tmp_path / "store.db-wal"
    rng = random.Random(9)
    runs = 1000 if FULL else 60

    async def use(store: Store) -> None:
        await act(store, "before")
        done = ROWS_IN_ONE
        for number in range(runs):
            synced = log.read_bytes()
            await act(store, str(number))
            written = log.read_bytes()
            whole = file.read_bytes()
            if not written.startswith(synced):
                done += ROWS_IN_ONE
                continue
            cut = tmp_path / "cut.db"
            cut.write_bytes(whole)
            torn = _torn(written, len(synced), rng)
            (tmp_path / "cut.db-wal").write_bytes(torn)
            kept = sound(cut)
            assert kept in {done, done + ROWS_IN_ONE}
            assert kept == done + ROWS_IN_ONE or torn != written
            done += ROWS_IN_ONE
            _forget(cut)

    on(f"sqlite:///{file}", use)
    assert sound(file) == (runs + 1) * ROWS_IN_ONE


def _forget(file: Path) -> None:
    for one in file.parent.glob(f"{file.name}*"):
        one.unlink()


def _torn(written: bytes, synced: int, rng: random.Random) -> bytes:
    """The log with everything after `synced` dropped, cut, holed or in another order."""
    new = bytearray(written[synced:])
    at = rng.randrange(len(new))
    match rng.choice(["dropped", "cut", "hole", "reordered"]):
        case "dropped":
            new.clear()
        case "cut":
            del new[at:]
        case "hole":
            new[at : at + 512] = bytes(len(new[at : at + 512]))
        case "reordered":
            new[:at] = bytes(at)
    return written[:synced] + bytes(new)


def test_a_kill_in_the_middle_of_committing_loses_nothing_that_was_answered(
    tmp_path: Path,
) -> None:
    file = tmp_path / "store.db"
    for _ in range(25 if FULL else 2):
        before = sound(file) if file.exists() else 0
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, f"sqlite:///{file}", str(ROWS_IN_ONE)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(random.uniform(0.05, 0.3))
        child.send_signal(signal.SIGKILL)
        answered = 1 + len(child.stdout.readlines())
        child.communicate()
        assert sound(file) - before >= answered * ROWS_IN_ONE
