"""A whole export into a folder: asked for, waited for, downloaded, and gone on with after a crash.

`export.json` in the folder is the state while the export lasts; a file counts when its digest is
noted there. `manifest.json` is what the folder holds at the end, and whether that is all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from service.errors import StoreUnavailable, UsageError
from service.fhir.bulk import (
    JobFailed,
    JobGone,
    Manifest,
    Patience,
    Request,
    Say,
    delete_job,
    finished,
    kick_off,
)
from service.fhir.download import Downloaded, content
from service.fhir.fetching import PLACES, Files
from service.fhir.kept import write_whole
from service.fhir.outcome import issues
from service.fhir.wires import Wires

SCHEMA = "concord/export/1"
STATE = "export.json"
MANIFEST = "manifest.json"
_LONGEST_LINE = 1_000_000


class _State(msgspec.Struct):
    """How far an export is. `done` are whole files by their names in the folder."""

    request: Request
    base_url: str
    status_url: str = ""
    transaction_time: str = ""
    done: dict[str, Downloaded] = {}


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of an export: `complete` when all that the server made is in the folder."""

    complete: bool
    files: int
    lines: int
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Export:
    """One source's export into one folder.

    Args:
        packed: write the files gzipped.
        at_once: files that are fetched side by side.
        not_offered: types that were not asked for because the server does not have them.
    """

    source: str
    wires: Wires
    request: Request
    folder: Path
    say: Say
    patience: Patience = field(default_factory=Patience)
    packed: bool = False
    at_once: int = 4
    not_offered: tuple[str, ...] = ()

    async def run(self) -> Exported:
        """Downloads everything; run again, it goes on where it was.

        Raises: UsageError (the folder holds something else), StoreUnavailable (it cannot be
            written), SourceUnavailable, SourceRefused, SourceInvalid.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            ours = (self.folder / STATE).is_file() or (self.folder / MANIFEST).is_file()
            if not ours and any(self.folder.iterdir()):
                raise UsageError(f"--out: {self.folder} holds something else; choose another.")
            state, manifest = await self._made()
            return await self._fetched(state, manifest)
        except OSError as error:
            said = error.strerror or type(error).__name__
            raise StoreUnavailable(f"{self.folder}: cannot be written: {said}") from None

    async def _made(self) -> tuple[_State, Manifest]:
        """The job's manifest: of the job that a run before began, else of a new one."""
        state = self._known()
        if state.status_url:
            self.say("going on with an earlier export")
            try:
                return self._belonging(state, await self._finished(state))
            except (JobGone, JobFailed) as error:
                self.say(f"{error.message}; asking for a new one")
                state = self._anew()
        state.status_url = await kick_off(self.wires, self.request, self.patience)
        self._save(state)
        return self._belonging(state, await self._finished(state))

    async def _finished(self, state: _State) -> Manifest:
        try:
            return await finished(self.wires, state.status_url, self.patience, self.say)
        except (JobGone, JobFailed):
            (self.folder / STATE).unlink(missing_ok=True)
            raise

    def _known(self) -> _State:
        """The state of an earlier run of the same request, else a new one in a cleared folder."""
        try:
            state = msgspec.json.decode((self.folder / STATE).read_bytes(), type=_State)
        except (OSError, msgspec.MsgspecError):
            return self._anew()
        same = state.request == self.request and state.base_url == self._base_url
        return state if same else self._anew()

    @property
    def _base_url(self) -> str:
        return self.wires.own.endpoint.base_url

    def _anew(self) -> _State:
        """Files of two exports never stand side by side: what an earlier one left is removed."""
        for place in PLACES.values():
            for path in (self.folder / place).glob("*.ndjson*"):
                path.unlink()
        for name in (STATE, MANIFEST):
            (self.folder / name).unlink(missing_ok=True)
        return _State(self.request, self._base_url)

    def _belonging(self, state: _State, manifest: Manifest) -> tuple[_State, Manifest]:
        """The state without files of another moment, should the server have started over."""
        if state.transaction_time and state.transaction_time != manifest.transactionTime:
            url = state.status_url
            state = self._anew()
            state.status_url = url
        state.transaction_time = manifest.transactionTime
        self._save(state)
        return state, manifest

    async def _fetched(self, state: _State, manifest: Manifest) -> Exported:
        files = Files(
            self.folder, self.wires, manifest, self.patience, self.say, self.packed, self.at_once
        )
        reasons = await files.fetched(state.done, lambda: self._save(state))
        lost = bool(reasons)
        reasons += self._errors(state)
        exported = self._closed(state, files, reasons)
        if not lost:
            why = await delete_job(self.wires, state.status_url)
            if why:
                self.say(f"the server kept its files: {why}")
            (self.folder / STATE).unlink()
        return exported

    def _errors(self, state: _State) -> list[str]:
        """What the server itself says is missing, from its error files."""
        counted: Counter[str] = Counter()
        for name in sorted(state.done):
            if not name.startswith("errors/"):
                continue
            rest = b""
            for piece in content(self.folder / name):
                *lines, rest = (rest + piece).split(b"\n")
                rest = rest[:_LONGEST_LINE]
                for line in lines:
                    counted.update(_grave(line))
            counted.update(_grave(rest))
        return [f"the server reports {n} x {text}" for text, n in sorted(counted.items())]

    def _closed(self, state: _State, made: Files, reasons: list[str]) -> Exported:
        """Writes our manifest."""
        files: list[dict[str, Any]] = []
        apart: dict[str, list[dict[str, Any]]] = {"errors": [], "deleted": []}
        for name, file in made.named.items():
            if name in state.done:
                done = state.done[name]
                entry = {
                    "name": name,
                    "type": file.type,
                    "lines": done.lines,
                    "bytes": done.bytes,
                    "sha256": done.sha256,
                }
                apart.get(name.partition("/")[0], files).append(entry)
        content_ = {
            "schema": SCHEMA,
            "source": self.source,
            "base_url": state.base_url,
            "level": self.request.level,
            "group": self.request.group or None,
            "types": list(self.request.types),
            "not_offered": list(self.not_offered),
            "since": self.request.since,
            "transaction_time": state.transaction_time,
            "state": "partial" if reasons else "complete",
            "reasons": reasons,
            "files": files,
            **apart,
        }
        write_whole(
            self.folder / MANIFEST, msgspec.json.format(msgspec.json.encode(content_)) + b"\n"
        )
        lines = sum(entry["lines"] for entry in files)
        return Exported(not reasons, len(files), lines, tuple(reasons))

    def _save(self, state: _State) -> None:
        write_whole(self.folder / STATE, msgspec.json.encode(state))


def _grave(line: bytes) -> list[str]:
    return [
        f"OperationOutcome {issue.text}"
        for issue in issues(line)
        if issue.severity in {"error", "fatal"} or issue.code == "incomplete"
    ]
