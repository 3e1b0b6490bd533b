"""What one source's folder holds: NDJSON files, cut into spans, and whether they are all.

A folder that `concord export` wrote is taken by its manifest: what that says is missing is missing
here. Any other folder is complete when all of its files were read whole.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

import msgspec

from service.errors import UsageError
from service.model.source import Role, State

MANIFEST = "manifest.json"
MANIFEST_SCHEMA = "concord/export/1"
UNFINISHED = "export.json"
"""Where `concord export` notes how far it is, until it has all."""
SPAN = 16_000_000
"""Bytes of a file that one worker takes at a time."""
LINE_CAP = 32_000_000
"""Bytes of one line beyond which it is not read."""

_NAMES = (".ndjson", ".jsonl")
_OTHER = (".json", ".json.gz", ".xml")
_EXPORT_LOG = "log.ndjson"  # the event log that other bulk clients write beside their files
_GZIP_GROWTH = 10
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Span:
    """The lines of one file that begin in [start, end); a gzipped file is one span."""

    source: str
    file: str
    path: str
    start: int
    end: int
    gzipped: bool


@dataclass(frozen=True, slots=True)
class Export:
    """One source's folder. `reasons` say why it is not `complete`; `size` is in bytes, plain."""

    name: str
    role: Role
    folder: str
    spans: tuple[Span, ...]
    state: State
    reasons: tuple[str, ...]
    size: int
    stamp: tuple[tuple[str, int, int], ...]

    @property
    def label(self) -> str:
        """The folder's own name, as messages show it."""
        return Path(self.folder).name


class _File(msgspec.Struct):
    name: str
    bytes: int = -1


class Manifest(msgspec.Struct):
    """What `concord export` says about the files that it wrote."""

    schema: str = ""
    state: str = ""
    reasons: tuple[str, ...] = ()
    since: str = ""
    files: list[_File] = []


def opened(name: str, role: Role, folder: Path) -> Export:
    """The export in a folder.

    Raises: UsageError when there is no such folder, or no NDJSON file in it.
    """
    if not folder.is_dir():
        raise UsageError(
            f"--source {name}: there is no folder {str(folder)!r}; give one with NDJSON files, "
            "such as `concord export` writes."
        )
    manifest = _manifest(folder)
    if manifest is None:
        files, reasons = _listed(folder)
    else:
        files, reasons = _promised(folder, manifest)
    if not files and not reasons:
        raise UsageError(f"--source {name}: there is no NDJSON file in {str(folder)!r}.")
    spans: list[Span] = []
    size = 0
    stamp = []
    for path in files:
        status = path.stat()
        file = path.relative_to(folder).as_posix()
        stamp.append((file, status.st_size, status.st_mtime_ns))
        gzipped = path.name.endswith(".gz")
        size += status.st_size * (_GZIP_GROWTH if gzipped else 1)
        step = max(1, status.st_size) if gzipped else SPAN
        for start in range(0, status.st_size, step):
            end = min(start + step, status.st_size)
            spans.append(Span(name, file, str(path), start, end, gzipped))
    return Export(
        name,
        role,
        str(folder),
        tuple(spans),
        State.PARTIAL if reasons else State.COMPLETE,
        tuple(reasons),
        size,
        tuple(stamp),
    )


def _manifest(folder: Path) -> Manifest | None:
    try:
        found = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if found.schema == MANIFEST_SCHEMA else None


def _promised(folder: Path, manifest: Manifest) -> tuple[list[Path], list[str]]:
    """The files of a manifest that are there, and what the manifest or the folder lacks."""
    reasons = list(manifest.reasons)
    if manifest.state != State.COMPLETE.value and not reasons:
        reasons.append("the export did not end")
    if manifest.since:
        reasons.append(f"the export holds only what changed since {manifest.since}")
    files: list[Path] = []
    for file in manifest.files:
        path = folder / Path(file.name).name
        if not path.is_file():
            reasons.append(f"{path.name}: the manifest names it, the folder lacks it")
            continue
        if path.stat().st_size != file.bytes:
            reasons.append(f"{path.name}: another size than the manifest says")
        files.append(path)
    return sorted(files), reasons


def _listed(folder: Path) -> tuple[list[Path], list[str]]:
    """Every NDJSON file below a folder, and the files of FHIR that are none."""
    files: list[Path] = []
    reasons: list[str] = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or not path.is_file() or path.name in {_EXPORT_LOG, MANIFEST}:
            continue
        if path.name == UNFINISHED:
            reasons.append("the export into this folder has not ended; run it again")
        elif path.name.lower().removesuffix(".gz").endswith(_NAMES):
            files.append(path)
        elif path.name.lower().endswith(_OTHER):
            reasons.append(f"{path.relative_to(folder).as_posix()}: no NDJSON, not read")
    return files, reasons


def lines(span: Span, reasons: list[str]) -> Iterator[bytes]:
    """Each line of a span that is not blank, without its end; `reasons` gets what was not read."""
    try:
        if span.gzipped:
            with gzip.open(span.path, "rb") as file:
                yield from _lines(file, span, reasons)
        else:
            with open(span.path, "rb") as file:
                yield from _lines(file, span, reasons)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        reasons.append(f"{span.file}: the compressed file is broken or cut off")
    except OSError as error:
        reasons.append(f"{span.file}: {error.strerror or 'cannot be read'}")


def _lines(file: BufferedIOBase, span: Span, reasons: list[str]) -> Iterator[bytes]:
    place = span.start
    if place:
        # The line that covers the byte before the span belongs to the span before it.
        file.seek(place - 1)
        place += _rest_of_line(file) - 1
    while span.gzipped or place < span.end:
        line = file.readline(LINE_CAP + 1)
        if not line:
            return
        size = len(line)
        if size > LINE_CAP:
            reasons.append(f"{span.file} at byte {place}: a line over {LINE_CAP // 1_000_000} MB")
            size += 0 if line.endswith(b"\n") else _rest_of_line(file)
        elif text := (line.removeprefix(b"\xef\xbb\xbf") if not place else line).strip():
            yield text
        place += size


def _rest_of_line(file: BufferedIOBase) -> int:
    """Bytes up to the end of the line that the file stands in, passed over a piece at a time."""
    skipped = 0
    while piece := file.readline(_PIECE):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped
