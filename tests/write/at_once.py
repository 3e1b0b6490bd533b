"""Empty stores in memory by the thousand: two, used in turn, without a thread beside them.

Each is made as a new one once; afterwards its memory is set back, and what SQLAlchemy has compiled
for it is kept. The end of a transaction still takes a turn of the event loop, as it does with a
thread, so that two workers take turns.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from aiosqlite import core

from service.store import Store, open_store
from tests.write import bench

_ENDS = frozenset({"commit", "rollback"})
Asked = tuple["asyncio.Future[object] | None", Callable[[], object]]


class AtOnce:
    """Stands where the queue of a connection's thread stands; that thread ends as it begins."""

    def put_nowait(self, asked: Asked) -> None:
        future, function = asked
        try:
            result = function()
        except Exception as error:  # noqa: BLE001 - handed on, as the thread does
            if future is not None:
                core.set_exception(future, error)
            return
        if future is None:
            return
        if getattr(getattr(function, "func", None), "__name__", "") in _ENDS:
            future.get_loop().call_soon(core.set_result, future, result)
        else:
            core.set_result(future, result)

    def get(self) -> Asked:
        return None, lambda: core._STOP_RUNNING_SENTINEL


class Kept(Store):
    """A store that is not closed at the end of its use: another follows in the same place."""

    async def close(self) -> None:
        return None


class Stores:
    """Stores that are as empty as new when they are given out, one after the other."""

    def __init__(self) -> None:
        self._made: list[tuple[Store, Any, bytes]] = []
        self._turns = itertools.count()
        self._memory: Any = None

    async def empty(self, _url: str = "", _keys: tuple[bytes, ...] = ()) -> Store:
        turn = next(self._turns)
        if turn < 2:
            self._made.append(await _new())
        store, self._memory, _content = self._made[turn % 2]
        first, _memory, content = self._made[0]
        self.fill(content)
        return Kept(store._engine, first.key)

    def content(self) -> bytes:
        """What the store that was given out last holds now."""
        found: bytes = self._memory.serialize()
        return found

    def fill(self, content: bytes) -> None:
        """The store that was given out last holds this from now on."""
        self._memory.deserialize(content)


async def _new() -> tuple[Store, Any, bytes]:
    """A store, its connection, and what an empty one holds."""
    with patch.object(core, "SimpleQueue", AtOnce):
        store = await open_store("sqlite://")
        async with store._engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
    return store, driver._conn, driver._conn.serialize()


STORES = Stores()


@contextmanager
def empty_stores() -> Iterator[None]:
    """Every bench that is set up inside, and every restored one, stands on such a store."""
    with patch.object(bench, "open_store", STORES.empty):
        yield
