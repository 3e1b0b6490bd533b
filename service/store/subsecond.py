"""A SQLite connection that tells the time to the millisecond, however old the library is.

From Python 3.12 on DBOS asks for `unixepoch('subsec')`, which SQLite knows from 3.42 on and older
ones answer with NULL; Debian 12 has 3.40. Source: SQLite, Date And Time Functions (2023-05-16).
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

KNOWN_FROM = (3, 42)


class Subsecond(sqlite3.Connection):
    """Opened as `sqlite3.connect(file, factory=Subsecond)`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if sqlite3.sqlite_version_info < KNOWN_FROM:
            self.create_function("unixepoch", 1, _unixepoch)


def _unixepoch(asked: str) -> float | None:
    """Seconds since 1970 with their fraction; NULL for what was not asked of an older library."""
    return time.time() if asked == "subsec" else None
