"""Kills the service in every way that the tests know, and writes docs/write-guarantees.md.

    python -m tests.tools.guarantees [--seeds 25] [--random 200] [--patients 360] [--out FILE]

The figures are of one run on one machine; the counts are what matters, and every one of them that
promises nothing must be 0. Ends with 1 otherwise.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import astuple, fields
from datetime import UTC, datetime
from pathlib import Path

from service.write.crash import CrashPoint
from tests.acceptance.hospital import Count, Hospital, hospital
from tests.acceptance.kills import (
    drained,
    kill_again_and_again,
    kill_at_moments,
    kill_at_random,
    never_lost_nor_doubled,
    orders,
)

OUT = Path(__file__).parents[2] / "docs" / "write-guarantees.md"
NAMES = {"psychiatry": "strict", "primary-care": "weak"}
HEAD = Path(__file__).with_name("write-guarantees.head.md")


def table(rows: list[tuple[str, int, str, Count]]) -> str:
    names = [field.name.replace("_", " ") for field in fields(Count)]
    lines = [
        "| Kills | how many | server | " + " | ".join(names) + " |",
        "|---|---|---|" + "---|" * len(names),
    ]
    lines += [
        f"| {what} | {kills} | {server} | " + " | ".join(str(n) for n in astuple(found)) + " |"
        for what, kills, server, found in rows
    ]
    return "\n".join(lines) + "\n"


def run(patients: int, kill: Callable[[Hospital], int]) -> tuple[int, dict[str, Count]]:
    with (
        tempfile.TemporaryDirectory(prefix="concord-kills-") as folder,
        hospital(Path(folder)) as built,
    ):
        built.prepare(patients)
        kills = kill(built)
        return kills, drained(built)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.guarantees")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--random", type=int, default=10)
    parser.add_argument("--patients", type=int, default=20)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    rows: list[tuple[str, int, str, Count]] = []

    def keep(what: str, patients: int, kill: Callable[[Hospital], int]) -> None:
        kills, found = run(patients, kill)
        never_lost_nor_doubled(found)
        rows.extend((what, kills, NAMES[server], one) for server, one in found.items())
        print(what, kills, found, flush=True)

    for seed in range(options.seeds):
        chosen = orders(list(CrashPoint), random.Random(seed))

        def at_moments(built: Hospital, chosen: list[str] = chosen) -> int:
            survived = kill_at_moments(built, chosen)
            assert survived == [], survived
            return len(chosen)

        keep(f"every named moment, seed {seed}", len(chosen), at_moments)

    def at_random(built: Hospital) -> int:
        kill_at_random(built, built.reviews, random.Random(7))
        return len(built.reviews)

    keep("random moments after a signature", options.random, at_random)
    keep(
        "a worker every 0.2 to 2 s",
        options.patients,
        lambda built: kill_again_and_again(built, random.Random(13)),
    )
    day = datetime.now(UTC).date().isoformat()
    options.out.write_text(
        f"{HEAD.read_text(encoding='utf-8')}\nRun of {day}.\n\n{table(rows)}", encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
