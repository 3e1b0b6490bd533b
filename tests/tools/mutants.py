"""Takes away one safeguard of writing back at a time: the tests must notice each of them.

    python -m tests.tools.mutants            all of them
    python -m tests.tools.mutants if-match   only those whose name holds this word
    python -m tests.tools.mutants --missing  only those that have not been run yet

Each runs on a copy of the tree. Which test noticed is kept in `safeguards.ndjson` beside this file,
from which docs/write-guarantees.md is made. Ends with 1 when a mutant survives.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.tools.safeguards import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
RUNS = Path(__file__).with_name("safeguards.ndjson")
_FAILED = re.compile(r"^FAILED (\S+?\.py)::(\w+)", re.MULTILINE)
_TESTS_FAILED = 1


def noticed_by(mutant: Mutant, folder: Path) -> tuple[str, str]:
    """File and name of the first test that fails without the safeguard; "" when all pass.

    Raises: LookupError where the safeguard no longer stands, RuntimeError when the tests did not
    run at all (that is not noticing).
    """
    for part in ("service", "tests", "mappings", "fixtures"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    file = folder / mutant.file
    text = file.read_text(encoding="utf-8")
    if mutant.safeguard not in text:
        raise LookupError(f"{mutant.name}: {mutant.file} no longer holds {mutant.safeguard!r}")
    file.write_text(text.replace(mutant.safeguard, mutant.without), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONPATH": str(folder), "CONCORD_TEST_SCALE": "slice"}
    tests = subprocess.run(
        [*command, *mutant.noticed_by],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if tests.returncode == 0:
        return "", ""
    failed = _FAILED.search(tests.stdout)
    if tests.returncode != _TESTS_FAILED or failed is None:
        raise RuntimeError(f"{mutant.name}: {tests.stdout[-2000:]}{tests.stderr[-2000:]}")
    return failed[1], failed[2]


def runs() -> Mapping[str, Mapping[str, str]]:
    """The newest run of each safeguard that is still listed, by name."""
    lines = RUNS.read_text(encoding="utf-8").splitlines() if RUNS.exists() else []
    found = {row["name"]: row for row in map(json.loads, lines)}
    return {one.name: found[one.name] for one in MUTANTS if one.name in found}


def table() -> str:
    """How many were run, and what noticed each, for the page."""
    found = runs()
    noticed = [row for row in found.values() if row["test"]]
    lines = [
        f"{len(MUTANTS)} safeguards are listed, {len(found)} were taken away, {len(noticed)} times "
        "a test failed.",
        "",
        "| Safeguard | where | first test that fails without it | last run |",
        "|---|---|---|---|",
    ]
    for one in MUTANTS:
        if one.name in found:
            row = found[one.name]
            test = row["test"].removeprefix("test_").replace("_", " ") or "**none**"
            lines.append(f"| {one.name} | `{one.file}` | {test} | {row['day']} |")
    return "\n".join(lines) + "\n"


def main(words: list[str]) -> int:
    before, missing = runs(), "--missing" in words
    words = [word for word in words if word != "--missing"]
    survivors = []
    for mutant in MUTANTS:
        if words and not any(word in mutant.name for word in words):
            continue
        if missing and mutant.name in before:
            continue
        with tempfile.TemporaryDirectory(prefix="concord-mutant-") as folder:
            file, test = noticed_by(mutant, Path(folder))
        print(f"{'noticed ' if test else 'SURVIVES'}  {mutant.name}  {test}", flush=True)
        row = {"name": mutant.name, "file": file, "test": test, "day": _today()}
        with RUNS.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")
        survivors += [] if test else [mutant.name]
    return 1 if survivors else 0


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
