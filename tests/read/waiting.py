"""A loop on which only waiting takes time: what is computed takes none, however busy the machine.

A deadline is then never missed because others use the processor.
"""

from __future__ import annotations

import asyncio
import selectors
from math import inf


class _Skipping(selectors.DefaultSelector):
    """Does not wait for the time to pass: it has passed, once nothing is on its way."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self.now, self._speed = 0.0, speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else")
        ready = super().select(max(0.0, timeout) / self._speed)
        if not ready:
            self.now += max(0.0, timeout)
        return ready


class WaitingLoop(asyncio.SelectorEventLoop):
    """Its seconds are those that somebody waited.

    Args:
        speed: how many of them one second of the machine is. What goes through its sockets takes a
            moment to arrive, which so much of a wait is left for.
    """

    def __init__(self, speed: float = inf) -> None:
        self._skipping = _Skipping(speed)
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now
