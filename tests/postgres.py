"""Empty databases for the tests: SQLite files, and a PostgreSQL of their own.

The server is the one that is named, else Debian's, started for this run alone.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

NAMED = "CONCORD_TEST_POSTGRES"
_DEBIAN = Path("/usr/lib/postgresql")
_START_S = "30"


def _binaries() -> Path | None:
    """The newest folder with both `initdb` and `pg_ctl`."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(_DEBIAN.glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "initdb").exists() and (f / "pg_ctl").exists()), None)


def _as_owner(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: there it runs as the user `postgres`."""
    if os.geteuid() != 0:
        return []
    owner = pwd.getpwnam("postgres")
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server on which databases may be made; skips where there is none."""
    try:
        with server() as address:
            yield address
    except LookupError as none:
        pytest.skip(str(none))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Gives the address of another empty database, each time of the same kind."""
    if request.param == "sqlite":
        numbers = count(1)
        yield lambda: f"sqlite:///{tmp_path / f'store-{next(numbers)}.db'}"
        return
    named: str = request.getfixturevalue("postgres_server")
    with ExitStack() as stack:
        yield lambda: stack.enter_context(empty_database(named))


@pytest.fixture
def store_url(new_store: Callable[[], str]) -> str:
    """The address of an empty database of either kind."""
    return new_store()


@contextmanager
def server() -> Iterator[str]:
    """The named server, else one of this machine's package. Raises: LookupError without both."""
    named = os.environ.get(NAMED)
    if named:
        yield named
        return
    binaries = _binaries()
    if binaries is None:
        raise LookupError(f"{NAMED} names no PostgreSQL and none is installed (apt: postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="concord-pg-", dir="/tmp"))
    wrap, data = _as_owner(folder), folder / "data"

    def run(*command: str) -> None:
        subprocess.run(
            [*wrap, *command],
            check=True,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    run(str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "concord", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
    control = (str(binaries / "pg_ctl"), "-D", str(data), "-w", "-t", _START_S)
    run(*control, "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://concord@/postgres?host={folder}"
    finally:
        run(*control, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def empty_database(server: str, like: str = "") -> Iterator[str]:
    """The address of a database of its own, gone afterwards; `like` is one to copy."""
    url = make_url(server).set(drivername="postgresql+psycopg")
    name = f"concord_test_{uuid4().hex}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        template = f" TEMPLATE {make_url(like).database}" if like else ""
        connection.execute(text(f"CREATE DATABASE {name}{template}"))
    try:
        mine = url.set(drivername="postgresql", database=name)
        yield mine.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
