"""Runs so many random sequences of the state machine of writing back, and keeps how many they were.

    python -m tests.tools.interleavings 10000 --seed 1

Adds a line to `interleavings.ndjson` beside this file for every fifty that ended well, from which
docs/write-guarantees.md is made. Ends with the shortest sequence that breaks a promise.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis.stateful import get_state_machine_test

RUNS = Path(__file__).with_name("interleavings.ndjson")
AT_A_TIME, STEPS = 50, 20


def added() -> Mapping[str, int]:
    """Sequences and steps of all runs together."""
    lines = RUNS.read_text(encoding="utf-8").splitlines() if RUNS.exists() else []
    rows = [json.loads(line) for line in lines]
    return {name: sum(row[name] for row in rows) for name in ("sequences", "steps")}


def run(seed: int) -> None:
    """Fifty sequences from this seed. Raises: AssertionError, with the shortest of all."""
    from tests.write.test_interleavings import SEEN, Interleavings

    SEEN.clear()
    chosen = settings(
        max_examples=AT_A_TIME,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    seeded(seed)(get_state_machine_test(Interleavings, settings=chosen))()
    row = dict(SEEN) | {"seed": seed, "day": datetime.now(UTC).date().isoformat()}
    with RUNS.open("a", encoding="utf-8") as out:
        out.write(json.dumps(row) + "\n")
    print(row, flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.interleavings")
    parser.add_argument("number", type=int)
    parser.add_argument("--seed", type=int, default=1, help="of the first fifty")
    options = parser.parse_args(arguments)
    for turn in range(-(-options.number // AT_A_TIME)):
        run(options.seed + turn)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
