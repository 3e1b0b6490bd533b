"""Look-ups that lie in a file: rows of three 64-bit numbers, sorted by the first, a hash.

A population does not fit in memory, its hashes do not either; a sorted file does with one block.
Rows come from many workers in any order; they are sorted bucket by bucket.
"""

from __future__ import annotations

import os
import struct
import weakref
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

ROW = struct.Struct(">QQQ")
_BUCKETS = 64
_SHIFT = 64 - 6
_FLUSH = 1 << 20
_BLOCK = ROW.size * 64
_READ = ROW.size * 8192


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
            while block := rows.read(_READ):
                for place in range(0, len(block), ROW.size):
                    held[block[place] >> (_SHIFT - 56)] += block[place : place + ROW.size]
        for path, waiting in zip(buckets, held, strict=True):
            if len(waiting) >= _FLUSH // 8:
                with path.open("ab") as bucket:
                    bucket.write(waiting)
                waiting.clear()
    count = 0
    with target.open("wb") as sorted_rows:
        for path, waiting in zip(buckets, held, strict=True):
            body = (path.read_bytes() if path.is_file() else b"") + waiting
            rows_of = sorted(body[i : i + ROW.size] for i in range(0, len(body), ROW.size))
            sorted_rows.write(b"".join(rows_of))
            count += len(rows_of)
            path.unlink(missing_ok=True)
    return count


class Lookup:
    """A sorted file of rows; `rows(hash)` are the other two numbers of each row.

    The file is read, not mapped: mapped pages would count as memory of the process. One hash in
    sixty-four is held, so that a look-up reads one block.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        size = os.fstat(self._file).st_size
        self._first = array("Q")
        for place in range(0, size, _BLOCK):
            self._first.append(int.from_bytes(os.pread(self._file, 8, place), "big"))

    def rows(self, key: int) -> Iterator[tuple[int, int]]:
        """Every row of this hash, in order."""
        block = max(0, bisect_left(self._first, key) - 1)
        while block < len(self._first) and self._first[block] <= key:
            for found, one, other in ROW.iter_unpack(os.pread(self._file, _BLOCK, block * _BLOCK)):
                if found == key:
                    yield one, other
                elif found > key:
                    return
            block += 1


def rows_from(path: Path, place: int) -> Iterator[tuple[int, int, int]]:
    """Every row from the `place`th on, read ahead by blocks."""
    with path.open("rb") as file:
        file.seek(place * ROW.size)
        while block := file.read(_READ):
            yield from ROW.iter_unpack(block)
