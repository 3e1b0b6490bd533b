"""`concord serve` and `concord work` as children of a test, and a pharmacist at their door."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx

from service import app
from service.store import open_store
from service.web.people.auth import Issuer
from tests.acceptance.armed import run
from tests.acceptance.hospital import PHARMACIST, Hospital

READY_S = 30.0
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["tests.acceptance.armed", "tests.acceptance.warm"])


@dataclass
class Child:
    """One process of Concord; killed, never asked to stop, unless a test says so."""

    process: BaseProcess

    def kill(self) -> None:
        self.process.kill()
        self.process.join(10)
        self.process.close()

    @property
    def stopped(self) -> bool:
        """Whether it halts (state T of proc(5)), alive but not running."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text("ascii", "replace")
        return stat.rpartition(")")[2].split()[0] == "T"

    def halt(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    @property
    def _pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def killed(self) -> bool:
        """Whether it ended itself at its armed moment."""
        return self.process.exitcode == -signal.SIGKILL

    def ends_within(self, seconds: float) -> bool:
        self.process.join(seconds)
        return self.process.exitcode is not None


def start(
    hospital: Hospital,
    command: str,
    *,
    kill_at: str = "",
    stop_at: str = "",
    says: str,
    name: str = "child",
    hurried: bool = True,
) -> Child:
    """The command as a process of its own, once it says that it is up (or has ended)."""
    log = hospital.folder / f"{name}.log"
    log.write_bytes(b"")
    arguments = [command, "--config", str(hospital.config)]
    process = FORKS.Process(target=run, args=(arguments, log, kill_at, stop_at, hurried))
    process.start()
    child = Child(process)
    until = time.monotonic() + READY_S
    while process.exitcode is None and says not in log.read_text("utf-8", "replace"):
        if time.monotonic() > until:
            child.kill()
            raise TimeoutError(log.read_text("utf-8", "replace")[-2000:])
        time.sleep(0.02)
    return child


def serve(hospital: Hospital, *, kill_at: str = "") -> Child:
    return start(hospital, "serve", kill_at=kill_at, says="Concord listens", name="serve")


def work(
    hospital: Hospital,
    *,
    kill_at: str = "",
    stop_at: str = "",
    name: str = "work",
    hurried: bool = True,
) -> Child:
    return start(
        hospital,
        "work",
        kill_at=kill_at,
        stop_at=stop_at,
        says="Concord works",
        name=name,
        hurried=hurried,
    )


def sign(hospital: Hospital, review: str) -> int:
    """Signs over the API: 202, or 0 where the service died under it."""
    bearer = token(hospital)
    try:
        answer = httpx.post(
            f"http://127.0.0.1:{hospital.port}/api/reviews/{review}/sign",
            json={"scope": "all"},
            headers={"Authorization": f"Bearer {bearer}"},
            timeout=20,
            trust_env=False,
        )
    except httpx.TransportError:
        return 0
    assert answer.status_code == 202, answer.text
    return answer.status_code


def token(hospital: Hospital) -> str:
    """A bearer token of the pharmacist, for an hour."""
    return asyncio.run(_token(hospital.store_url))


async def _token(store_url: str) -> str:
    store = await open_store(store_url)
    try:
        return Issuer(store.key, app.now).token(PHARMACIST)
    finally:
        await store.close()
