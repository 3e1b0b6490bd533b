"""Rows sorted into parts on disk: many writers, each part read by one reader.

A writer fills one file after the other, each ordered by part, with the offsets of the parts in its
head; so there are as many files as there was input, not as input times parts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

_LENGTH = struct.Struct(">I")
_OFFSET = struct.Struct(">Q")
FILL = 8_000_000
"""Bytes of rows that a writer holds before it writes a file."""


class Writer:
    """Takes rows for parts 0 to `parts` - 1; call `close` at the end.

    Args:
        stem: beginning of the files' path; they are named stem-000.rows, stem-001.rows and so on.
    """

    def __init__(self, stem: Path, parts: int, fill: int = FILL) -> None:
        self._stem, self._parts, self._fill = stem, parts, fill
        self._rows: dict[int, list[bytes]] = {}
        self._held = 0
        self._files = 0

    def add(self, part: int, row: bytes) -> None:
        held = self._rows.setdefault(part, [])
        held.append(_LENGTH.pack(len(row)))
        held.append(row)
        self._held += len(row)
        if self._held >= self._fill:
            self.close()

    def close(self) -> None:
        """Writes what is held."""
        if not self._rows:
            return
        offsets = [_OFFSET.size * (self._parts + 1)]
        for part in range(self._parts):
            offsets.append(offsets[-1] + sum(map(len, self._rows.get(part, ()))))
        path = self._stem.with_name(f"{self._stem.name}-{self._files:03}.rows")
        with path.open("wb") as file:
            file.write(b"".join(map(_OFFSET.pack, offsets)))
            for part in range(self._parts):
                file.writelines(self._rows.get(part, ()))
        self._rows, self._held = {}, 0
        self._files += 1


def rows(files: Iterable[Path], part: int) -> Iterator[bytes]:
    """Every row of one part, in the order of the files and of their writing."""
    for path in files:
        with path.open("rb") as file:
            file.seek(_OFFSET.size * part)
            start, end = struct.unpack(">QQ", file.read(2 * _OFFSET.size))
            if start == end:
                continue
            file.seek(start)
            body = file.read(end - start)
        place = 0
        while place < len(body):
            (size,) = _LENGTH.unpack_from(body, place)
            place += _LENGTH.size
            yield body[place : place + size]
            place += size
