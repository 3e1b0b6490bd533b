"""`concord demo` as a process of its own on free ports, for tests that look at its pages."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

START_S = 90
STOP_S = 15


@dataclass
class Demo:
    """A running demo: where its pages are, and what it has said so far."""

    url: str
    said: list[str] = field(default_factory=list)


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running() -> Iterator[Demo]:
    """The demo until the end of the block. Raises: RuntimeError with its words when it ends."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "demo", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    demo = Demo(f"http://127.0.0.1:{port}")
    ready = threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            demo.said.append(line)
            if demo.url in line:
                ready.set()
        ready.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        if not ready.wait(START_S) or process.poll() is not None:
            raise RuntimeError(f"the demo did not start: {''.join(demo.said)}")
        yield demo
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        listener.join(STOP_S)
        assert process.stdout is not None
        process.stdout.close()
