"""How fast Concord starts and how much the demo holds: `python -m tests.benchmarks.start`.

Each figure is the median of several cold processes on this machine, the targets beside it.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENT = ROOT / "fixtures" / "patients" / "lithium-new-ace-inhibitor" / "sources"
RUNS = 7
CONCORD = (sys.executable, "-m", "service")


def seconds(*command: str) -> float:
    """Wall time of one cold process."""
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def median(*command: str) -> float:
    return statistics.median(seconds(*command) for _ in range(RUNS))


def three_files(folder: Path) -> tuple[str, ...]:
    """The command that reconciles one patient from one file for each source."""
    sources = []
    for name in ("psychiatry", "primary-care", "pharmacy"):
        bundle = folder / f"{name}.ndjson"
        lines = [
            " ".join(file.read_text(encoding="utf-8").split("\n"))
            for file in sorted((PATIENT / name).rglob("*.json"))
        ]
        lines += [
            file.read_text(encoding="utf-8").strip()
            for file in sorted((PATIENT / name).rglob("*.ndjson"))
        ]
        bundle.write_text("\n".join(lines) + "\n", encoding="utf-8")
        sources.append(f"--source={name}={bundle}")
    return (*CONCORD, "reconcile", *sources, "--as-of", "2026-11-15")


def held_bytes(process: int) -> int:
    """Proportional set size of a process and its children, in bytes (Linux)."""
    found = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    own = next(int(line.split()[1]) for line in found.splitlines() if line.startswith("Pss:"))
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return own * 1024 + sum(held_bytes(int(child)) for child in children)


def demo() -> tuple[float, int]:
    """Seconds until the demo says its address, and bytes that it holds then."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = time.perf_counter()
    process = subprocess.Popen(
        (*CONCORD, "demo", "--port", str(port)),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "review page" in line:
            break
    ready = time.perf_counter() - started
    held = held_bytes(process.pid)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    return ready, held


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cold = median(*three_files(Path(folder)))
    bare = median(sys.executable, "-c", "pass")
    command_line = median(sys.executable, "-c", "import service.cli")
    ready, held = demo()
    print(f"reconcile on three files, cold process   {cold:6.2f} s   (1.5 s or less)")
    print(
        f"import of service.cli                    {command_line - bare:6.2f} s   (0.6 s or less)"
    )
    print(f"demo ready                               {ready:6.2f} s   (10 s or less)")
    print(f"demo holds (PSS)                         {held / 1e6:6.0f} MB  (250 MB or less)")


if __name__ == "__main__":
    main()
