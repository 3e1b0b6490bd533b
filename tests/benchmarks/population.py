"""How fast whole populations are, and how much memory they take: ratios of one run.

    python -m tests.benchmarks.population [--lines N] [--scales 10000,100000] [--json]

The same NDJSON exports of three sources (synthetic patients, about 40 lines each) are only decoded,
line by line, and then run through `concord population` with one and with two workers, in processes
of their own. Decoding alone is measured three ways: by orjson, which is what the aim of half its
speed is about (by json of the standard library where orjson is not installed, and the figure says
so), by msgspec without types, and by models of fhir.resources (a share of the lines). Microseconds
of a line are told step by step. Seconds are processor seconds unless they are called wall: other
work on the machine then disturbs less. With CONCORD_TEST_SCALE=full the scales go to a million
lines.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any

import msgspec

from service.app import knowledge
from service.model.source import Role
from service.population import run, tasks
from service.settings import Settings
from tests.population.crowd import SOURCES, write_exports

AS_OF = date(2026, 11, 15)
_MODELLED = 40
"""Of so many lines one is made a model: it takes a hundred times as long as decoding."""
STAGES = ("scan", "alike", "settle", "place", "report")
_MEASURED = """
import json, resource, sys, time
from service.cli import main
started = time.perf_counter()
status = main(sys.argv[1:])
wall = time.perf_counter() - started
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({
    "status": status, "wall_s": wall, "cpu_s": sum(u.ru_utime + u.ru_stime for u in used),
    "largest_mb": max(u.ru_maxrss for u in used) / 1024,
}))
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.population")
    parser.add_argument("--lines", type=int, default=60_000)
    full = os.environ.get("CONCORD_TEST_SCALE") == "full"
    scales = "10000,100000,1000000" if full else "10000,100000"
    parser.add_argument("--scales", default=scales, help="lines at which memory is taken")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    figures = measured(chosen.lines, [int(scale) for scale in chosen.scales.split(",")])
    if chosen.json:
        json.dump(figures, sys.stdout, indent=1)
    else:
        for name, value in figures.items():
            print(f"{name:42} {value:,.3f}" if isinstance(value, float) else f"{name:42} {value}")
    return 0


def measured(lines: int, scales: Sequence[int]) -> dict[str, Any]:
    """Every figure by its name."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as work:
        exports, out = Path(work, "exports"), Path(work, "out")
        figures["lines"] = write_exports(exports, 0, lines=lines)
        figures["megabytes"] = sum(f.stat().st_size for f in exports.rglob("*.ndjson")) / 1e6
        plain = "orjson" if find_spec("orjson") else "json of the standard library"
        decoders: dict[str, Callable[[bytes], object]] = {
            plain: import_module("orjson").loads if plain == "orjson" else json.loads,
            "msgspec": msgspec.json.decode,
        }
        decoding = {name: _decoding(exports, decode) for name, decode in decoders.items()}
        _decoding(exports, _model, every=_MODELLED)  # its modules are loaded
        decoding["fhir.resources"] = _decoding(exports, _model, every=_MODELLED) * _MODELLED
        figures |= {f"decode {name} s": seconds for name, seconds in decoding.items()}
        stages = _staged(exports, out)
        figures |= {f"stage {name} s": seconds for name, seconds in stages.items()}
        figures |= {
            f"stage {name}, us a line": seconds * 1e6 / figures["lines"]
            for name, seconds in stages.items()
            if name in STAGES
        }
        alone, beside = (_run(exports, out, workers) for workers in (1, 2))
        figures["one worker s"], figures["two workers s"] = alone["cpu_s"], beside["cpu_s"]
        figures["one worker wall s"], figures["two workers wall s"] = (
            alone["wall_s"],
            beside["wall_s"],
        )
        patients = json.loads((out / "summary.json").read_text())["patients"]
        figures["patients a second and core"] = patients / alone["cpu_s"]
        figures |= {
            f"of decoding alone ({name})": seconds / alone["cpu_s"]
            for name, seconds in decoding.items()
        }
        figures["efficiency on two cores, by wall"] = alone["wall_s"] / (2 * beside["wall_s"])
        figures["efficiency on two cores, by work"] = alone["cpu_s"] / beside["cpu_s"]
    for scale in scales:
        with tempfile.TemporaryDirectory() as work:
            write_exports(Path(work, "exports"), 0, lines=scale)
            found = _run(Path(work, "exports"), Path(work, "out"), 2)
            figures[f"largest process at {scale:,} lines, MB"] = found["largest_mb"]
    return figures


def _decoding(exports: Path, decode: Callable[[bytes], object], *, every: int = 1) -> float:
    """Processor seconds to read and decode each line (or one of so many), keeping none."""
    started = process_time()
    for file in sorted(exports.rglob("*.ndjson")):
        with file.open("rb") as lines:
            for line in islice(lines, 0, None, every):
                decode(line)
    return process_time() - started


def _model(line: bytes) -> object:
    """A validated model of fhir.resources R4B."""
    kind = json.loads(line)["resourceType"]
    model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    found: object = model.model_validate_json(line)
    return found


def _staged(exports: Path, out: Path) -> dict[str, float]:
    """Processor seconds of each step, in this process."""
    spent = dict.fromkeys((*STAGES, "tables"), 0.0)
    originals = {name: getattr(tasks, name) for name in STAGES}

    def timed(name: str, *arguments: Any) -> Any:
        started = process_time()
        try:
            return originals[name](*arguments)
        finally:
            spent[name] += process_time() - started

    started = process_time()
    tables = knowledge(Settings())
    spent["tables"] = process_time() - started
    try:
        for name in STAGES:
            setattr(tasks, name, partial(timed, name))
        folders = {name: (Role.OTHER, exports / name) for name in SOURCES}
        planned = run.plan(folders, out, as_of=AS_OF, today=AS_OF)
        run.run(planned, lambda: tables, workers=1, say=lambda _: None)
    finally:
        for name, original in originals.items():
            setattr(tasks, name, original)
    shutil.rmtree(out)
    return spent


def _run(exports: Path, out: Path, workers: int) -> dict[str, Any]:
    """The command in a process of its own: status, wall and processor seconds, memory."""
    shutil.rmtree(out, ignore_errors=True)
    sources = [f"--source={name}={exports / name}" for name in SOURCES]
    options = ["--out", str(out), "--as-of", AS_OF.isoformat(), "--workers", str(workers)]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, "population", *sources, *options],
        capture_output=True,
        check=False,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout or '{"status": 1}')
    if found["status"] not in (0, 3):
        raise RuntimeError(done.stderr)
    return found


if __name__ == "__main__":
    sys.exit(main())
