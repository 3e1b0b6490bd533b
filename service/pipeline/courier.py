"""Who delivers from this process, to which servers, and how patiently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from service.store import Store
from service.write.deliver.look_up import Pause
from service.write.deliver.recipient import Recipient

LEASE_S = 24.0
"""A survivor may take over a dead worker's group after this long; no single request lasts so."""

AT_ONCE = 4
"""Groups, or resources of one group, that one process moves at the same time on one server."""

MOST_ATTEMPTS = 12
FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Courier:
    """Who delivers, with what.

    Args:
        worker: a stable name of this process, the holder of its leases.
        clock: gives the moment now, aware.
        pause: waits between two looks at a server (beyond its search cache).
        lease_s: how long a group is this process's own without a word from it.
        first_wait_s: before the second try; each further one waits twice as long.
    """

    store: Store
    recipients: Mapping[str, Recipient]
    worker: str
    clock: Callable[[], datetime]
    pause: Pause
    lease_s: float = LEASE_S
    first_wait_s: float = FIRST_WAIT_S
