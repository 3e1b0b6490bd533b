"""Look-ups that lie in a file: rows of three 64-bit numbers, sorted by the first, a hash.

A population does not fit in memory, its hashes do not either; a sorted file does with a handful of
pages. Rows come from many workers in any order; they are sorted bucket by bucket.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

ROW = struct.Struct(">QQQ")
_BUCKETS = 64
_SHIFT = 64 - 6
_FLUSH = 1 << 20


def hashed(*words: str) -> int:
    """64 bits of a name; equal for equal words everywhere, and spread evenly."""
    return int.from_bytes(blake2b("\x1f".join(words).encode(), digest_size=8).digest(), "big")


def sort_rows(files: Iterable[Path], target: Path) -> int:
    """All rows of `files` in one sorted file; returns how many. Memory: a 64th of the rows."""
    buckets = [target.with_name(f"{target.name}.{number:02}") for number in range(_BUCKETS)]
    held: list[bytearray] = [bytearray() for _ in buckets]
    for path in buckets:
        path.unlink(missing_ok=True)
    for file in files:
        with file.open("rb") as rows:
            while block := rows.read(ROW.size * 8192):
                for place in range(0, len(block), ROW.size):
                    held[block[place] >> (_SHIFT - 56)] += block[place : place + ROW.size]
        for path, waiting in zip(buckets, held, strict=True):
            if len(waiting) >= _FLUSH // 8:
                _append(path, waiting)
    count = 0
    with target.open("wb") as sorted_rows:
        for path, waiting in zip(buckets, held, strict=True):
            _append(path, waiting)
            body = path.read_bytes()
            rows_of = sorted(body[i : i + ROW.size] for i in range(0, len(body), ROW.size))
            sorted_rows.write(b"".join(rows_of))
            count += len(rows_of)
            path.unlink()
    return count


def _append(path: Path, waiting: bytearray) -> None:
    with path.open("ab") as bucket:
        bucket.write(waiting)
    waiting.clear()


class Lookup:
    """A sorted file of rows, mapped; `rows(hash)` are the other two numbers of each row."""

    def __init__(self, path: Path) -> None:
        self._count = path.stat().st_size // ROW.size
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if self._count else b""

    def rows(self, key: int) -> Iterator[tuple[int, int]]:
        """Every row of this hash, in order."""
        place = self._first(key)
        while place < self._count:
            found, one, other = ROW.unpack_from(self._map, place * ROW.size)
            if found != key:
                return
            yield one, other
            place += 1

    def _first(self, key: int) -> int:
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            if ROW.unpack_from(self._map, middle * ROW.size)[0] < key:
                low = middle + 1
            else:
                high = middle
        return low
