"""The `$export` conversation: kick-off, waiting, the manifest, and the end of the job.

Source: HL7 FHIR Bulk Data Access (Flat FHIR) 2.0.0, export.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

import msgspec

from service.errors import SourceError, SourceInvalid, SourceRefused, SourceUnavailable
from service.fhir.body import UNREADABLE, json_text
from service.fhir.outcome import issues
from service.fhir.policy import literal
from service.fhir.retry import RETRIED_STATUS
from service.fhir.wire import Lost, NotSent, Reply
from service.fhir.wires import Wires

NDJSON = "application/fhir+ndjson"
Say = Callable[[str], None]
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. `since` is an instant as FHIR writes it; no `types` asks for all."""

    level: Literal["system", "patient", "group"] = "patient"
    group: str = ""
    types: tuple[str, ...] = ()
    since: str = ""

    @property
    def url(self) -> str:
        """Below the base, with its query. Raises: SourceRefused for a group id that is none."""
        path = {"system": "$export", "patient": "Patient/$export"}.get(self.level)
        if path is None:
            group = literal(f"Group/{self.group}")
            if group is None:
                raise SourceRefused(f"the group {self.group[:80]!r} is no id")
            path = f"{group}/$export"
        query = {"_outputFormat": NDJSON}
        if self.since:
            query["_since"] = self.since
        if self.types:
            query["_type"] = ",".join(self.types)
        return f"{path}?{urlencode(query)}"


class File(msgspec.Struct):
    """One file of a manifest."""

    url: str
    type: str = ""
    count: int | None = None


class Manifest(msgspec.Struct):
    """What the server made. A manifest that does not say otherwise wants the token."""

    transactionTime: str = ""
    requiresAccessToken: bool = True
    output: list[File] = []
    error: list[File] = []
    deleted: list[File] = []


class JobGone(SourceError):
    """The server no longer knows the export; it has to be asked for again."""


class JobFailed(SourceRefused):
    """The server could not finish the export; someone has to look at the reason that it gives."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds between two looks at a job, and how long the whole may take.

    What a Retry-After says is kept to between `least` and `most`; without one the wait starts with
    `first` and doubles. `failures` in a row are borne.
    """

    least: float = 1.0
    first: float = 5.0
    most: float = 600.0
    whole: float = 86_400.0
    failures: int = 6
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def clamped(self, wait: float | None, turn: int) -> float:
        """How long to wait before the next look, the `turn`th without an answer that says it."""
        asked = wait if wait is not None else self.first * 2.0 ** min(turn, 20)
        return min(max(asked, self.least), self.most)


async def kick_off(wires: Wires, request: Request, patience: Patience) -> str:
    """Starts an export; returns the address at which its state is told.

    A request whose answer is lost is not sent again: it may have started a job.
    Raises: SourceUnavailable, SourceRefused (with the codes of an OperationOutcome).
    """
    headers = {"Accept": "application/fhir+json", "Prefer": "respond-async"}
    for turn in range(patience.failures):
        try:
            reply = await wires.own.send("GET", request.url, headers=headers)
        except (NotSent, Lost) as error:
            raise SourceUnavailable(f"$export: {error}") from None
        if reply.status == 202:
            where = reply.headers.get("content-location", "")
            if not where:
                raise SourceInvalid("$export: 202 without a Content-Location")
            wires.to(where, token=True)
            return where
        if reply.status not in {429, 503} or reply.wait is None:
            break
        await patience.sleep(patience.clamped(reply.wait, turn))
    message = f"$export: {_told(reply)}"
    if reply.status in RETRIED_STATUS:
        raise SourceUnavailable(message)
    raise SourceRefused(message)


async def finished(wires: Wires, status_url: str, patience: Patience, say: Say) -> Manifest:
    """The manifest, once the job is done.

    Raises: JobGone, JobFailed, SourceUnavailable (the job may go on; look again later),
        SourceInvalid.
    """
    wire = wires.to(status_url, token=True)
    waited, turn, failures = 0.0, 0, 0
    while True:
        wait: float | None = None
        try:
            reply = await wire.send("GET", status_url)
        except (NotSent, Lost) as error:
            reply, why = None, str(error)
        if reply is not None:
            if reply.status == 200:
                return _manifest(reply)
            if reply.status in {404, 410}:
                raise JobGone(f"the export is gone: {reply.words}")
            wait, why = reply.wait, _told(reply)
            if reply.status == 202:
                failures = -1
                say(progress(reply))
            elif not _may_pass(reply):
                raise JobFailed(f"the export failed: {why}")
        failures += 1
        pause = patience.clamped(wait, turn)
        if failures >= patience.failures or waited + pause > patience.whole:
            raise SourceUnavailable(f"the export is not ready ({why}); run the same command later")
        await patience.sleep(pause)
        waited, turn = waited + pause, turn + 1


def progress(reply: Reply) -> str:
    """X-Progress as it may be shown: short, and printable."""
    told = reply.headers.get("x-progress", "")[:_SHOWN]
    return "".join(letter for letter in told if letter.isprintable()) or "in progress"


def _may_pass(reply: Reply) -> bool:
    """Whether an answer to a look may change: what is transient, or says nothing of itself."""
    if reply.status not in RETRIED_STATUS:
        return False
    found = issues(reply.body)
    return reply.status in {408, 429} or all(issue.code in _PASSING for issue in found)


_PASSING = frozenset({"transient", "throttled", "timeout", "lock-error"})


def _manifest(reply: Reply) -> Manifest:
    try:
        body = json_text(reply.body)
        if issues(body):
            raise JobFailed(f"the export failed: {_told(reply)}")
        return msgspec.json.decode(body, type=Manifest)
    except UNREADABLE:
        raise SourceInvalid("the export's manifest is none that can be read") from None


def _told(reply: Reply) -> str:
    """Status and the codes of an OperationOutcome."""
    found: Sequence[str] = [issue.text for issue in issues(reply.body)]
    return f"{reply.words} ({'; '.join(found)})" if found else reply.words


async def delete_job(wires: Wires, status_url: str) -> str:
    """Tells the server that its files are no longer needed; returns why not, "" when it took it."""
    try:
        reply = await wires.to(status_url, token=True).send("DELETE", status_url)
    except (NotSent, Lost) as error:
        return str(error)
    except SourceError as error:
        return error.message
    return "" if reply.status in {200, 202, 204, 404, 410} else reply.words
