"""Who delivers from this process, to which servers, and how patiently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.store import Store
from service.write.deliver.look_up import Pause
from service.write.deliver.recipient import Recipient

LEASE_S = 24.0
"""A survivor may take over a dead worker's group after this long; no single request lasts so."""

AT_ONCE = 4
"""Groups, or resources of one group, that one process moves at the same time on one server."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a write is tried again: each try waits twice as long, up to the longest wait.

    A try is a claim: a write over which workers die again and again is given up too.
    """

    first_wait_s: float = 5.0
    longest_wait_s: float = 3600.0
    most_tries: int = 12

    def after(self, tries: int) -> timedelta:
        """The wait after so many tries, one at least."""
        return timedelta(seconds=min(self.first_wait_s * 2 ** (tries - 1), self.longest_wait_s))


@dataclass(frozen=True, slots=True)
class Courier:
    """Who delivers, with what.

    Args:
        worker: a stable name of this process, the holder of its leases.
        clock: gives the moment now, aware.
        pause: waits between two looks at a server (beyond its search cache).
        lease_s: how long a group is this process's own without a word from it.
        patience: with servers that do not answer.
    """

    store: Store
    recipients: Mapping[str, Recipient]
    worker: str
    clock: Callable[[], datetime]
    pause: Pause
    lease_s: float = LEASE_S
    patience: Patience = Patience()
