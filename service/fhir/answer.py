"""What a server answered to one read or write, and which error a failed write is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from service.errors import (
    SourceInvalid,
    SourceRefused,
    SourceUnavailable,
    WriteConflict,
    WriteRejected,
    WriteUnavailable,
    WriteUnknown,
)
from service.fhir import bundle as bundles
from service.fhir.body import json_text
from service.fhir.outcome import issues as issues_in
from service.fhir.wire import Lost, NotSent, Reply, Wire

_ETAG = re.compile(r'(?:W/)?"?([^"]*)"?\Z')


@dataclass(frozen=True, slots=True)
class EntryAnswer:
    """What became of one entry of a transaction (Bundle.entry.response)."""

    status: int
    location: str | None
    version: str | None
    issues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: `issues` are "severity: code" of an OperationOutcome, never free text."""

    status: int
    body: bytes
    version: str | None
    location: str | None
    issues: tuple[str, ...] = ()
    entries: tuple[EntryAnswer, ...] = ()


async def sent(
    wire: Wire, method: str, target: str, headers: Mapping[str, str], content: bytes
) -> Answer:
    """The answer of a write that took place; it is sent once, whatever becomes of it.

    Args:
        target: relative to the base, "" for a transaction.
    Raises: WriteUnavailable (surely not written), WriteUnknown (the answer was lost),
        WriteConflict, WriteRejected.
    """
    what = f"{method} {target or 'transaction'}"
    headers = {"Prefer": "return=representation", **headers}
    try:
        reply = await wire.send(method, target, headers=headers, content=content)
    except NotSent as error:
        raise WriteUnavailable(f"{what}: {error}; nothing was sent") from None
    except Lost as error:
        raise WriteUnknown(f"{what}: {error}; it may have been written") from None
    except SourceUnavailable as error:
        raise WriteUnavailable(f"{what}: {error.message}; nothing was sent") from None
    except SourceRefused as error:
        raise WriteRejected(f"{what}: {error.message}") from None
    except SourceInvalid as error:
        raise WriteUnknown(f"{what}: {error.message}; it may have been written") from None
    return _written(reply, what)


def _written(reply: Reply, what: str) -> Answer:
    """The answer of a write that took place. Raises: WriteError for every other answer."""
    answer = answer_of(reply)
    if reply.status in {200, 201, 204}:
        return answer
    told = f" ({'; '.join(answer.issues)})" if answer.issues else ""
    message = f"{what}: {reply.words}{told}"
    if reply.status in {409, 412}:
        raise WriteConflict(message)
    if reply.status in {429, 503}:
        raise WriteUnavailable(f"{message}; nothing was written")
    if reply.status in {202, 408} or reply.status >= 500:
        raise WriteUnknown(f"{message}; it may have been written")
    raise WriteRejected(message)


def _etag(value: str | None) -> str | None:
    match = _ETAG.match(value.strip()) if value else None
    return match[1] or None if match else None


def answer_of(reply: Reply) -> Answer:
    """What an answer says, as far as body and headers can be read."""
    issues: tuple[str, ...] = ()
    version = _etag(reply.headers.get("etag"))
    entries: tuple[EntryAnswer, ...] = ()
    try:
        text = json_text(reply.body)
        seen = bundles.peek(text)
        issues = tuple(issue.text for issue in issues_in(text))
        version = bundles.version(seen) or version
        if seen.resourceType == "Bundle":
            entries = _entries(text)
    except SourceInvalid:
        pass  # an answer need not have a body; its status and headers say enough
    return Answer(reply.status, reply.body, version, reply.headers.get("location"), issues, entries)


def _entries(body: bytes) -> tuple[EntryAnswer, ...]:
    """One EntryAnswer per entry, in order; status 0 where the server says nothing of it."""
    answers = []
    for entry in bundles.decode_bundle(body).entries():
        response = entry.response if entry else None
        if response is None:
            answers.append(EntryAnswer(0, None, None))
            continue
        code = response.status[:3]
        issues = issues_in(response.outcome) if response.outcome else ()
        answers.append(
            EntryAnswer(
                status=int(code) if code.isascii() and code.isdigit() else 0,
                location=response.location or None,
                version=_etag(response.etag) or _version_in(response.location),
                issues=tuple(issue.text for issue in issues),
            )
        )
    return tuple(answers)


def _version_in(location: str) -> str | None:
    return location.rpartition("/_history/")[2] or None if "/_history/" in location else None
