"""A store that is open while a test uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from service.store import Store, open_store

Use: TypeAlias = Callable[[Store], Awaitable[None]]


def on(address: str, use: Use, keys: tuple[bytes, ...] = ()) -> None:
    """Run `use` on the store at this address, and close it whatever happens."""

    async def run() -> None:
        store = await open_store(address, keys)
        try:
            await use(store)
        finally:
            await store.close()

    asyncio.run(run())
