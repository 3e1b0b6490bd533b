"""A whole store as one file, and back: the same format from SQLite and from PostgreSQL.

Gzipped JSON lines: first what it is and at which migration it stands, then each row, last how many
there were, so that a file that was cut short is found out. Payloads stay encrypted as they rest.
A restored store may be older than what it has written since: nothing of it is sent again before
the servers were asked whether it stands there already.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection as SyncConnection
from sqlalchemy import MetaData, delete, func, insert, inspect, select, text, update

from service.errors import SettingsError, StoreError
from service.model.review import DeliveryState
from service.store.database import HEAD, Store
from service.store.migrate import upgrade
from service.store.tables import metadata

FORMAT = "concord/backup/1"
_LEFT_OUT = frozenset({"leases", "alembic_version"})
_BATCH = 500


async def backup(store: Store, file: Path) -> int:
    """Writes everything as of one moment beside the service's own work; gives the rows written.

    Raises: SettingsError when the file is there already.
    """
    async with store.read() as look:
        return await look.run_sync(_write, file)


async def restore(store: Store, file: Path) -> int:
    """Fills an empty store from a backup and leads it to the newest tables; gives the rows read.

    Raises: SettingsError for a store that holds something or a file that is no whole backup.
    """
    async with store.transaction() as tx:
        rows = await tx.run_sync(_fill, file)
    await store.take_key()
    return rows


def _write(connection: SyncConnection, file: Path) -> int:
    """The file appears under its name once it is whole."""
    if file.exists():
        raise SettingsError(f"{file}: is there already; name a new file.")
    unfinished = file.with_name(file.name + ".part")
    with _private(unfinished) as raw, gzip.GzipFile(fileobj=raw, mode="wb") as out:
        rows = _dump(connection, out)
    unfinished.replace(file)
    return rows


def _private(file: Path) -> IO[bytes]:
    """A new file that only its owner may read."""
    return os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb")


def _tables(connection: SyncConnection) -> MetaData:
    """The tables as the database has them, their columns as they rest."""
    found = MetaData()
    found.reflect(connection)
    return found


def _dump(connection: SyncConnection, out: gzip.GzipFile) -> int:
    at = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    _line(out, {"format": FORMAT, "migration": at})
    rows = 0
    for table in _tables(connection).sorted_tables:
        if table.name in _LEFT_OUT or table.name not in metadata.tables:
            continue
        for row in connection.execution_options(yield_per=_BATCH).execute(select(table)):
            _line(out, {"table": table.name, "row": {k: _out(v) for k, v in row._mapping.items()}})
            rows += 1
    _line(out, {"rows": rows})
    return rows


def _fill(connection: SyncConnection, file: Path) -> int:
    lines = _lines(file)
    head = next(lines, {})
    if head.get("format") != FORMAT:
        raise SettingsError(f"{file}: is no backup of Concord.")
    _holds_nothing(connection)
    older = str(head["migration"]) != HEAD
    if older:
        _tables(connection).drop_all(connection)
        upgrade(connection, str(head["migration"]))
    else:
        connection.execute(delete(metadata.tables["keys"]))
    tables = _tables(connection)
    rows, waiting, current = 0, list[dict[str, Any]](), ""
    for line in lines:
        if "rows" in line:
            _insert(connection, tables, current, waiting)
            if line["rows"] != rows:
                raise SettingsError(f"{file}: is cut short; take another backup.")
            break
        if line["table"] != current or len(waiting) >= _BATCH:
            _insert(connection, tables, current, waiting)
            current, waiting = line["table"], []
        waiting.append({name: _in(value) for name, value in line["row"].items()})
        rows += 1
    else:
        raise SettingsError(f"{file}: is cut short; take another backup.")
    if older:
        upgrade(connection)
    _numbers_go_on(connection)
    _in_doubt(connection)
    return rows


def _holds_nothing(connection: SyncConnection) -> None:
    """Raises: SettingsError for a store that somebody has used."""
    known = inspect(connection).get_table_names()
    if "patients" in known and connection.execute(text("SELECT 1 FROM patients")).first():
        raise SettingsError("store.url: this store holds something; restore into an empty one.")


def _numbers_go_on(connection: SyncConnection) -> None:
    """PostgreSQL counts beside the rows: let it go on after the highest number restored."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        counter = func.pg_get_serial_sequence(table.name, column.name)
        if connection.scalar(select(counter)) is not None:
            highest = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
            connection.execute(select(func.setval(counter, highest, text("false"))))


def _in_doubt(connection: SyncConnection) -> None:
    """What was on its way when the backup was taken may have arrived since: look first."""
    deliveries = metadata.tables["deliveries"]
    connection.execute(
        update(deliveries)
        .where(deliveries.c.state == DeliveryState.PLANNED.value)
        .values(state=DeliveryState.SENDING.value)
    )


def _insert(
    connection: SyncConnection, tables: MetaData, name: str, rows: list[dict[str, Any]]
) -> None:
    if rows:
        connection.execute(insert(tables.tables[name]), rows)


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    try:
        with gzip.open(file, "rb") as lines:
            for line in lines:
                yield json.loads(line)
    except (OSError, EOFError, ValueError) as error:
        raise SettingsError(f"{file}: cannot be read as a backup of Concord.") from error


def _line(out: gzip.GzipFile, value: dict[str, Any]) -> None:
    out.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")


def _out(value: object) -> object:
    if isinstance(value, bytes | memoryview):
        return {"b": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, datetime):
        raise StoreError("a column holds a moment in a form that no backup knows")
    return {"d": value.isoformat()} if isinstance(value, date) else value


def _in(value: Any) -> object:
    if isinstance(value, dict):
        return base64.b64decode(value["b"]) if "b" in value else date.fromisoformat(value["d"])
    return value
