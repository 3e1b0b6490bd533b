"""`concord`, with a moment at which it ends or halts: what the acceptance tests start as a child.

Each child is a process of its own that runs the whole command, forked from one that has imported
the service already: thousands of kills would else spend their time on imports. The service itself
knows no such moments; waits are short here so that a survivor needs no half minute to take over.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from service import house
from service.cli import main
from service.pipeline.courier import Courier, Patience
from service.write import crash
from service.write.crash import CrashPoint

LEASE_S = 2.0
PATIENCE = Patience(first_wait_s=0.3, longest_wait_s=2.0, most_tries=10_000)
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


def run(
    arguments: Sequence[str], log: Path, kill_at: str, stop_at: str, hurried: bool = True
) -> None:
    """One command in this process, with what it says in a file.

    Args:
        kill_at, stop_at: "moment:passing", or nothing.
        hurried: with short waits; else with those that are shipped.
    """
    from tests.acceptance.warm import KNOWLEDGE  # the fork's parent has it already

    for name in [name for name in os.environ if name.startswith("CONCORD_")]:
        del os.environ[name]
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(out, descriptor)
    if hurried:
        house.Courier = partial(Courier, lease_s=LEASE_S, patience=PATIENCE)  # type: ignore[misc,assignment]
        house.TEND_S = TEND_S
        house.LOOK_AGAIN_S = 0.3
    house.app.knowledge = lambda _settings: KNOWLEDGE  # type: ignore[attr-defined]
    for order, how in ((kill_at, signal.SIGKILL), (stop_at, signal.SIGSTOP)):
        if order:
            crash.arm(armed(order, how))
    sys.exit(main(arguments))
