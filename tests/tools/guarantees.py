"""Kills the service and its servers in every way that the tests know, and keeps what was counted.

    python -m tests.tools.guarantees --store sqlite --targets sandboxes --moments 0:25
    python -m tests.tools.guarantees --store postgres --targets servers --random 200
    python -m tests.tools.guarantees --store sqlite --targets sandboxes --write-backs 5000
    python -m tests.tools.guarantees --store postgres --halts 1 --take-overs 5

Each run adds lines to `write-guarantees.ndjson` beside this file, and the page is made of them by
`pytest tests/write/test_write_faults.py --update-docs`: what stands there was run. Ends with an
error when a count that promises nothing is not 0.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from service.write.crash import CrashPoint
from tests.acceptance.hospital import PRIMARY_CARE, PSYCHIATRY, Count, Hospital, hospital
from tests.acceptance.kills import (
    HALTS,
    counts,
    drained,
    halt_at_moment,
    kill_again_and_again,
    kill_at_moments,
    kill_at_random,
    never_lost_nor_doubled,
    orders,
    take_over,
    targets_die_too,
)
from tests.acceptance.targets import Target, hapi, kept_sandbox, medplum
from tests.postgres import empty_database, server
from tests.tools import interleavings, mutants

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "write-guarantees.md"
HEAD = HERE / "write-guarantees.head.md"
RUNS = HERE / "write-guarantees.ndjson"
TAKE_OVERS = HERE / "take-overs.ndjson"
WRITES_OF_A_PATIENT = 14
WORKER_LIVES_S, SANDBOX_LIVES_S, JAVA_LIVES_S = (0.2, 2.0), (5.0, 40.0), (40.0, 90.0)


@dataclass(frozen=True)
class Run:
    """One row of the table: what was killed how often, and what stood on one server afterwards."""

    what: str
    store: str
    target: str
    kills: int
    day: str
    count: Count


@contextmanager
def built(store: str, targets: str) -> Iterator[Hospital]:
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="concord-kills-")
        folder = Path(stack.enter_context(temporary))
        url = ""
        if store == "postgres":
            url = stack.enter_context(empty_database(stack.enter_context(server())))
        both: Mapping[str, Target] = {
            PSYCHIATRY: stack.enter_context(
                kept_sandbox("strict", folder) if targets == "sandboxes" else hapi(folder)
            ),
            PRIMARY_CARE: stack.enter_context(
                kept_sandbox("weak", folder) if targets == "sandboxes" else medplum(folder)
            ),
        }
        yield stack.enter_context(hospital(folder, both, store_url=url))


def at_moments(house: Hospital, seeds: Iterable[int]) -> int:
    kills = 0
    for seed in seeds:
        chosen = orders(list(CrashPoint), random.Random(seed))
        house.prepare(len(chosen))
        survived = kill_at_moments(house, chosen)
        assert survived == [], survived
        kills += len(chosen)
    return kills


def at_random(house: Hospital, number: int) -> int:
    house.prepare(number)
    kill_at_random(house, house.reviews, random.Random(number))
    return number


def halted(house: Hospital, rounds: int) -> int:
    """A worker sleeps past its lease at each named moment of delivering, and is woken."""
    points = HALTS * rounds
    for point in points:
        house.prepare(1)
        house.sign_here()
        assert halt_at_moment(house, point), point
    return len(points)


def taken_over(store: str, times: int) -> None:
    """Measures how long a survivor takes over the work of the dead, and keeps it."""
    with built(store, "sandboxes") as house:
        for _ in range(times):
            house.prepare(1)
            house.sign_here()
            row = {"store": store, "seconds": round(take_over(house), 1), "day": today()}
            never_lost_nor_doubled(house, counts(house))
            with TAKE_OVERS.open("a", encoding="utf-8") as out:
                out.write(json.dumps(row) + "\n")
            print(row, flush=True)


def take_overs() -> str:
    """What was measured, in a sentence for each store."""
    found: dict[str, list[float]] = {}
    lines = TAKE_OVERS.read_text(encoding="utf-8").splitlines() if TAKE_OVERS.exists() else []
    for row in map(json.loads, lines):
        found.setdefault(row["store"], []).append(row["seconds"])
    said = [
        f"{store}: {len(times)} times, median {median(times):.1f} s, at most {max(times):.1f} s"
        for store, times in sorted(found.items())
    ]
    return "; ".join(said) or "not measured yet"


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def everybody(house: Hospital, write_backs: int) -> int:
    """Workers and servers die again and again until everything is written."""
    house.prepare(-(-write_backs // WRITES_OF_A_PATIENT))
    house.sign_here()
    rng = random.Random(write_backs)
    java = any(target.name == "HAPI" for target in house.targets.values())
    with targets_die_too(house, rng, lives_s=JAVA_LIVES_S if java else SANDBOX_LIVES_S) as died:
        workers = kill_again_and_again(house, rng, lives_s=WORKER_LIVES_S)
    print(f"{workers} workers and {len(died)} servers died", flush=True)
    return workers + len(died)


def run(what: str, store: str, targets: str, kill: Callable[[Hospital], int]) -> None:
    """Kills, lets everything end, counts, and keeps the counts."""
    with built(store, targets) as house:
        kills = kill(house)
        found = drained(house)
        never_lost_nor_doubled(house, found)
        day = today()
        with RUNS.open("a", encoding="utf-8") as out:
            for source, target in house.targets.items():
                row = asdict(Run(what, store, target.name, kills, day, found[source]))
                out.write(json.dumps(row) + "\n")
                print(row, flush=True)


def runs() -> list[Run]:
    """What was run, those of the same kind added up."""
    added: dict[tuple[str, str, str], Run] = {}
    for line in RUNS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        one = Run(**row | {"count": Count(**row["count"])})
        at = (one.what, one.store, one.target)
        before = added.get(at)
        if before is None:
            added[at] = one
        else:
            both = (before.count, one.count)
            total = {f.name: sum(getattr(c, f.name) for c in both) for f in fields(Count)}
            added[at] = Run(*at, before.kills + one.kills, one.day, Count(**total))
    return sorted(added.values(), key=lambda one: (one.what, one.store, one.target))


def table(found: list[Run]) -> str:
    names = [field.name.replace("_", " ") for field in fields(Count)]
    lines = [
        "| Killed | store | server | kills | " + " | ".join(names) + " | last run |",
        "|---|---|---|---|" + "---|" * len(names) + "---|",
    ]
    for one in found:
        counts = " | ".join(str(number) for number in asdict(one.count).values())
        head = f"| {one.what} | {one.store} | {one.target} | {one.kills} |"
        lines.append(f"{head} {counts} | {one.day} |")
    return "\n".join(lines) + "\n"


def render(faults: Iterable[str]) -> str:
    """The page: the kills that were run, and the lines of the fault catalogue."""
    interleaved = interleavings.added()
    parts = {
        "{kills}\n": table(runs()),
        "{take-overs}": take_overs(),
        "{sequences}": str(interleaved["sequences"]),
        "{steps}": str(interleaved["steps"]),
        "{safeguards}\n": mutants.table(),
        "{faults}": "\n".join(faults),
    }
    page = HEAD.read_text(encoding="utf-8")
    for name, text in parts.items():
        page = page.replace(name, text)
    return page


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.guarantees")
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--targets", choices=["sandboxes", "servers"], default="sandboxes")
    parser.add_argument("--moments", default="", help="FIRST:LAST seed of every named moment")
    parser.add_argument("--random", type=int, default=0, help="kills at random moments")
    parser.add_argument("--write-backs", type=int, default=0, help="while everybody is killed")
    parser.add_argument("--halts", type=int, default=0, help="rounds of all moments, asleep")
    parser.add_argument("--take-overs", type=int, default=0, help="measured with shipped waits")
    options = parser.parse_args(arguments)
    store, targets = options.store, options.targets
    first, _, last = options.moments.partition(":")
    seeds = range(int(first or 0), int(last or 0))
    if seeds:
        run("worker, at every named moment", store, targets, lambda house: at_moments(house, seeds))
    if options.random:
        run(
            "worker, at random moments",
            store,
            targets,
            lambda house: at_random(house, options.random),
        )
    if options.halts:
        what = "worker asleep past its lease at every named moment, then woken"
        run(what, store, targets, lambda house: halted(house, options.halts))
    if options.take_overs:
        taken_over(store, options.take_overs)
    if options.write_backs:
        what = "worker every 0.2 to 2 s, and the server"
        run(what, store, targets, lambda house: everybody(house, options.write_backs))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
