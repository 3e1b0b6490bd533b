"""Files of FHIR JSON, opened: Bundles of any type, single resources, arrays, NDJSON, gzipped.

What cannot be read is told per file, and harms no other file. Nothing here knows about patients.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from service.errors import SourceInvalid
from service.fhir import bundle as bundles
from service.fhir.body import UNREADABLE, inflated_file, json_text
from service.fhir.bundle import Peek
from service.fhir.outcome import issues
from service.fhir.release import READ, Release
from service.model.source import RawResource

FILE_CAP = 256_000_000
"""Inflated size of one file, in bytes, beyond which it is not read."""

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_NAMES = (".json", ".ndjson", ".jsonl", ".fhir")
_LINES = (".ndjson", ".jsonl")
_NOT_READ = (".xml",)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_BUNDLE_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Item:
    """One resource of a file, and the little that was looked at."""

    resource: RawResource
    seen: Peek
    shape: Release


@dataclass(slots=True)
class Document:
    """One file: its resources, and why something of it could not be read."""

    name: str
    items: list[Item] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    pages: set[str] = field(default_factory=set)
    next_pages: set[str] = field(default_factory=set)

    @property
    def release(self) -> Release:
        """What the marked resources say the whole is: R4 first, UNKNOWN without any mark."""
        return overall(item.shape for item in self.items)


def overall(shapes: Iterable[Release]) -> Release:
    """The release of a set of resources that belong together, by those that carry a mark."""
    marks = set(shapes)
    for release in (Release.R4, Release.STU3, Release.DSTU2, Release.R5):
        if release in marks:
            return release
    return Release.UNKNOWN


def documents(location: Path) -> tuple[Document, ...]:
    """All files at a location (a file, or a folder with all below it), sorted by path.

    In a folder, files are taken by their names (.json, .ndjson, .jsonl, each also .gz); FHIR XML
    is told as not read, anything else is no FHIR and left alone. A file named directly is read
    whatever its name.
    """
    if not location.is_dir():
        return (document(location, location.name),)
    found: list[Document] = []
    for folder, inner, files in os.walk(location):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for file in sorted(files):
            path = Path(folder, file)
            name = path.relative_to(location).as_posix()
            plain = file.lower().removesuffix(".gz")
            if file.startswith("."):
                continue
            if plain.endswith(_NAMES):
                found.append(document(path, name))
            elif plain.endswith(_NOT_READ):
                found.append(Document(name, reasons=[f"{name}: XML is not read, only FHIR JSON"]))
    return tuple(found)


def document(path: Path, name: str) -> Document:
    """One file, opened; never raises for what stands in it."""
    opened = Document(name)
    try:
        body = _read(path)
    except OSError as error:
        opened.reasons.append(f"{name}: {error.strerror or 'cannot be opened'}")
        return opened
    except SourceInvalid as error:
        opened.reasons.append(f"{name}: {error.message}")
        return opened
    if not body.strip():
        opened.reasons.append(f"{name}: empty")
    elif name.lower().removesuffix(".gz").endswith(_LINES) or _looks_like_lines(body):
        for number, line in enumerate(body.split(b"\n"), start=1):
            if line.strip():
                _take(opened, line, f"{name} line {number}")
    else:
        _take(opened, body, name)
    return opened


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        gzipped = file.read(2) == _GZIP
        file.seek(0)
        return inflated_file(iter(lambda: file.read(_CHUNK), b""), gzipped=gzipped, cap=FILE_CAP)


def _looks_like_lines(body: bytes) -> bool:
    """Whether the first line is a whole JSON object and more follows, as in NDJSON."""
    first, _, rest = body.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")
    if not rest.strip().startswith(b"{") or not first.rstrip().endswith(b"}"):
        return False
    try:
        bundles.peek(first)
    except SourceInvalid:
        return False
    return True


def _take(opened: Document, body: bytes, where: str) -> None:
    try:
        text = json_text(body)
        parts = _array(text) if text.lstrip()[:1] == b"[" else [text]
    except SourceInvalid as error:
        opened.reasons.append(f"{where}: {error.message}")
        return
    for number, part in enumerate(parts, start=1):
        _resource(opened, part, "", where if len(parts) == 1 else f"{where} item {number}", 0)


def _array(text: bytes) -> list[bytes]:
    try:
        return [bytes(raw) for raw in _ARRAY.decode(text)]
    except UNREADABLE:
        raise SourceInvalid("no readable JSON (broken or cut off)") from None


def _resource(opened: Document, body: bytes, full_url: str, where: str, depth: int) -> None:
    try:
        seen = bundles.peek(body)
        if seen.resourceType == "Bundle":
            if depth >= _BUNDLE_DEPTH:
                raise SourceInvalid("Bundles within Bundles without end")
            _bundle(opened, bundles.decode_bundle(body), where, depth)
            return
    except SourceInvalid as error:
        opened.reasons.append(f"{where}: {error.message}")
        return
    resource = bundles.raw_resource(seen, full_url, body)
    opened.items.append(Item(resource, seen, bundles.shape(seen, body)))


def _bundle(opened: Document, bundle: bundles.Bundle, where: str, depth: int) -> None:
    newest: set[str] = set()
    count = 0
    for number, entry in enumerate(bundle.entries(), start=1):
        count += 1
        if entry is None:
            opened.reasons.append(f"{where} entry {number}: not readable")
            continue
        _answered(opened, entry, f"{where} entry {number}")
        if not entry.resource:
            continue
        body = bytes(entry.resource)
        if bundle.type == "history" and not _is_newest(entry, body, newest):
            continue
        _outcome(opened, body, f"{where} entry {number}", bundle.type)
        _resource(opened, body, entry.fullUrl, f"{where} entry {number}", depth + 1)
    if bundle.type == "searchset":
        own, further = bundle.link_to("self"), bundle.link_to("next")
        opened.pages |= {own} if own else set()
        opened.next_pages |= {further} if further else set()
        alone = further is None and bundle.link_to("previous") is None
        if alone and bundle.total is not None and bundle.total > count:
            opened.reasons.append(f"{where}: total says {bundle.total}, {count} are in it")


def _answered(opened: Document, entry: bundles.Entry, where: str) -> None:
    """Note what a batch-response or searchset says went wrong on the server that wrote it."""
    code = entry.response.status[:3] if entry.response else ""
    if code in {"401", "403"}:
        opened.withheld.append(f"{where}: {code}")
    elif code.startswith(("4", "5")):
        opened.reasons.append(f"{where}: {code}")


def _outcome(opened: Document, body: bytes, where: str, bundle_type: str) -> None:
    if bundle_type == "searchset":
        for issue in issues(body):
            if issue.severity in {"error", "fatal"} or issue.code == "incomplete":
                opened.reasons.append(f"{where}: OperationOutcome {issue.text}")


def _is_newest(entry: bundles.Entry, body: bytes, newest: set[str]) -> bool:
    """Whether this is the first (newest) version of its resource in a history Bundle."""
    try:
        seen = bundles.peek(body)
    except SourceInvalid:
        return True
    reference = f"{seen.resourceType}/{bundles.identity(seen, entry.fullUrl, body)}"
    first = reference not in newest
    newest.add(reference)
    return first


def readable(opened: tuple[Document, ...]) -> tuple[list[Item], list[str]]:
    """The resources in a release that Concord reads, and one sentence per file with others.

    A resource without a mark of its own goes with its file, a file without any with the rest.
    """
    whole = overall(item.shape for one in opened for item in one.items)
    kept: list[Item] = []
    refused: list[str] = []
    for one in opened:
        around = one.release if one.release is not Release.UNKNOWN else whole
        others: dict[Release, int] = {}
        for item in one.items:
            release = item.shape if item.shape is not Release.UNKNOWN else around
            if release is Release.UNKNOWN:
                release = Release.R4
            if release in READ:
                kept.append(_in_release(item, release))
            else:
                others[release] = others.get(release, 0) + 1
        refused += [
            f"{one.name}: FHIR {release.value} is not read ({number} resources); "
            "ask the source for R4"
            for release, number in others.items()
        ]
    return kept, refused


def _in_release(item: Item, release: Release) -> Item:
    resource = msgspec.structs.replace(item.resource, fhir=release.value)
    return replace(item, resource=resource)
