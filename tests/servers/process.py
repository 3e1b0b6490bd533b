"""A server or tool of another language as a child process that cannot outlive the test run."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HOST = "127.0.0.1"
_END_S = 10.0


class NotStarted(Exception):
    """The process ended, or did not say that it is ready; the message has its last words."""


@contextmanager
def talking(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[str]]:
    """Runs a process that ends when its standard input is closed.

    Args:
        log: gets what it says on standard error.
    """
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            ["nice", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
        ) as process,
    ):
        assert process.stdin is not None
        try:
            yield process
        finally:
            process.stdin.close()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def serving(command: Sequence[str], log: Path, patience_s: float) -> Iterator[int]:
    """Runs a server that says "ready PORT" on standard output; yields its loopback port.

    Raises: NotStarted when it does not say so in time.
    """
    with talking(command, log) as process:
        said: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_listen, args=(process, said), daemon=True).start()
        try:
            line = said.get(timeout=patience_s)
        except queue.Empty:
            line = ""
        if not line.startswith("ready "):
            raise NotStarted(f"{command[0]}: {log.read_text(encoding='utf-8')[-2000:]}")
        yield int(line.split()[1])


def _listen(process: subprocess.Popen[str], said: queue.Queue[str]) -> None:
    """Pass on the line that says that it is ready; read the rest, so that it never blocks."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready "):
            said.put(line.strip())
    said.put("ended")
