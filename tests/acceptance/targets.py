"""Servers that are written to, as the tests see them: filled, counted, killed and started again.

All over HTTP and without Concord's own client: what stands there is what the server says.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from service.sandbox.manners import PRESETS
from service.sandbox.run import running
from service.sandbox.server import Sandbox
from service.write.codes import IDENTIFIER_SYSTEM
from service.write.target import ORDER
from tests.acceptance.kept_sandbox import KeptStorage

ROOT = Path(__file__).parents[2]
_PATIENCE_S = 240.0
_END_S = 10.0
_AT_ONCE = 40
_HEADERS = {"Content-Type": "application/fhir+json", "Cache-Control": "no-cache"}


@dataclass
class Process:
    """A server of its own process, that keeps its data where a kill does not reach it.

    Args:
        command: the command for a port (0 before the first start).
    """

    command: Callable[[int], Sequence[str]]
    log: Path
    port: int = 0
    _popen: subprocess.Popen[str] | None = field(init=False, default=None)

    def start(self) -> None:
        """Starts it and waits until it says "ready PORT"."""
        with self.log.open("a", encoding="utf-8") as errors:
            self._popen = subprocess.Popen(
                list(self.command(self.port)),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        said: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_listen, args=(self._popen, said), daemon=True).start()
        try:
            line = said.get(timeout=_PATIENCE_S)
        except queue.Empty:
            line = ""
        if not line.startswith("ready "):
            self.kill()
            raise TimeoutError(f"{self.log}: {self.log.read_text('utf-8', 'replace')[-2000:]}")
        self.port = int(line.split()[1])

    def kill(self) -> None:
        """kill -9."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.communicate()

    def close(self) -> None:
        if self._popen is not None and self._popen.poll() is None:
            try:
                self._popen.communicate(timeout=_END_S)
            except subprocess.TimeoutExpired:
                self.kill()


Load = Callable[[Sequence[Mapping[str, Any]]], object]


@dataclass(frozen=True)
class Target:
    """One server.

    Args:
        keeps_its_word: nothing at all may go wrong there; elsewhere nothing unseen.
        load: puts resources there under their own ids.
        process: where it survives a kill.
    """

    name: str
    base_url: str
    keeps_its_word: bool
    load: Load
    process: Process | None = None

    def standing(self) -> dict[str, list[int]]:
        """Identifier of ours -> how many versions each resource has that carries it."""
        found: dict[str, list[int]] = {}
        with _http(self.base_url) as http:
            for kind in ORDER:
                for resource in self._all(http, kind):
                    key = our_key(resource)
                    if key:
                        history = self._all(http, f"{kind}/{resource['id']}/_history")
                        found.setdefault(key, []).append(len(list(history)))
        return found

    def _http(self) -> httpx.Client:
        return httpx.Client(base_url=self.base_url, headers=_HEADERS, timeout=120, trust_env=False)

    def _all(self, http: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
        url: str | None = f"{self.base_url}/{path}?_count=100"
        while url:
            answer = http.get(url)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            yield from (entry["resource"] for entry in page.get("entry", []))
            links = {link["relation"]: link["url"] for link in page.get("link", [])}
            url = links.get("next")


def _put(base_url: str, resources: Sequence[Mapping[str, Any]]) -> None:
    """Transactions of PUTs, people first."""
    ordered = sorted(resources, key=lambda one: one["resourceType"] != "Patient")
    with _http(base_url) as http:
        for start in range(0, len(ordered), _AT_ONCE):
            entries = [
                {"resource": one, "request": {"method": "PUT", "url": _place(one)}}
                for one in ordered[start : start + _AT_ONCE]
            ]
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
            answer = http.post("", content=json.dumps(bundle))
            assert answer.status_code == 200, answer.text


def _http(base_url: str) -> httpx.Client:
    return httpx.Client(base_url=base_url, headers=_HEADERS, timeout=120, trust_env=False)


def _place(resource: Mapping[str, Any]) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def our_key(resource: Mapping[str, Any]) -> str:
    """The identifier that Concord gave a resource, from its identifier or its tag."""
    marks = [one for one in resource.get("identifier", []) if isinstance(one, dict)]
    tags = resource.get("meta", {}).get("tag", [])
    for one, name in [*((m, "value") for m in marks), *((t, "code") for t in tags)]:
        if one.get("system") == IDENTIFIER_SYSTEM:
            return str(one.get(name))
    return ""


@contextmanager
def sandbox(name: str) -> Iterator[Target]:
    """A preset of the sandbox in a thread of this process."""
    app = Sandbox(PRESETS[name])
    with running(app) as base_url:
        yield Target(name, base_url, name == "strict", app.load)


@contextmanager
def kept_sandbox(name: str, folder: Path) -> Iterator[Target]:
    """The same in a process of its own, that finds everything again after a kill."""

    journal = folder / f"{name}.journal"

    def command(port: int) -> list[str]:
        module = "tests.acceptance.kept_sandbox"
        return [sys.executable, "-m", module, name, str(port), str(journal)]

    with started(Process(command, folder / f"{name}.log")) as process:

        def load(resources: Sequence[Mapping[str, Any]]) -> None:
            process.kill()
            with closing(KeptStorage(journal)) as storage:
                storage.load(resources)
            process.start()

        base_url = f"http://127.0.0.1:{process.port}/fhir"
        yield Target(name, base_url, name == "strict", load, process)


@contextmanager
def hapi(folder: Path) -> Iterator[Target]:
    """HAPI FHIR's JPA server with its database in a file. Raises: build.Missing."""
    from tests.servers import build

    java = build.maven("hapi", "concord.hapi.Main")
    place = folder / "hapi"

    def command(port: int) -> list[str]:
        return [*java, str(port), str(place)]

    with started(Process(command, folder / "hapi.log")) as process:
        base_url = f"http://127.0.0.1:{process.port}/fhir"
        yield Target("HAPI", base_url, True, partial(_put, base_url), process)


@contextmanager
def medplum(folder: Path) -> Iterator[Target]:
    """Medplum's router on its memory repository: a kill would lose all. Raises: build.Missing."""
    from tests.servers import build

    node = build.medplum()
    with started(Process(lambda port: [*node, str(port)], folder / "medplum.log")) as process:
        base_url = f"http://127.0.0.1:{process.port}/fhir/R4"
        yield Target("Medplum", base_url, True, partial(_put, base_url))


@contextmanager
def started(process: Process) -> Iterator[Process]:
    process.start()
    try:
        yield process
    finally:
        process.close()


def _listen(process: subprocess.Popen[str], said: queue.Queue[str]) -> None:
    """Pass on the line that says that it is ready; read the rest, so that it never blocks."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready "):
            said.put(line.strip())
    said.put("ended")
