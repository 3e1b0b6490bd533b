"""`concord`, with a moment at which it ends or halts: what the acceptance tests start as a child.

CONCORD_TEST_KILL_AT and CONCORD_TEST_STOP_AT are "moment:passing". The service itself reads no such
variable; waits are short here so that a survivor needs no half minute to take over.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial

from service import house
from service.cli import main
from service.pipeline.courier import Courier, Patience
from service.write import crash
from service.write.crash import CrashPoint

LEASE_S = 2.0
PATIENCE = Patience(first_wait_s=0.3, longest_wait_s=5.0, most_tries=60)
TEND_S = 0.3


def armed(order: str, how: signal.Signals) -> crash.Hook:
    """A hook that sends this process a signal when a moment is passed for the n-th time."""
    name, _, passing = order.partition(":")
    point, left = CrashPoint(name), [int(passing or 1)]

    def kill(at: CrashPoint) -> None:
        if at is point:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), how)

    return kill


if __name__ == "__main__":
    house.Courier = partial(Courier, lease_s=LEASE_S, patience=PATIENCE)  # type: ignore[misc,assignment]
    house.TEND_S = TEND_S
    house.LOOK_AGAIN_S = 0.3
    for name, how in (("KILL", signal.SIGKILL), ("STOP", signal.SIGSTOP)):
        order = os.environ.get(f"CONCORD_TEST_{name}_AT", "")
        if order:
            crash.arm(armed(order, how))
    sys.exit(main())
