"""What was read before, by the words that it was read from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")
_LONGEST = 2048
_MOST = 16384


class Memory(dict[_K, _V], Generic[_K, _V]):
    """Readings by what they were read from: `memory[words]` reads what is not remembered.

    Bounded in entries, and in bytes as well, as nothing longer than `longest` is kept: at most some
    30 MB of words. When it is full, the oldest quarter is forgotten; nothing is read otherwise than
    before, only again.

    Privacy: the words are those of drugs, directions and supplies, as sources write them. They
    carry no reference to a patient, stay in the process, are never logged, shown or stored, and
    what is read from them is the same for every patient.

    Args:
        read: the reading of some words; what it raises is not remembered.
        length: the bytes of some words.
    """

    def __init__(
        self,
        read: Callable[[_K], _V],
        length: Callable[[_K], int],
        *,
        most: int = _MOST,
        longest: int = _LONGEST,
    ) -> None:
        super().__init__()
        self._read, self._length = read, length
        self._most, self._longest = most, longest

    def __missing__(self, words: _K) -> _V:
        found = self._read(words)
        if self._length(words) <= self._longest:
            if len(self) >= self._most:
                for old in list(self)[: self._most // 4]:
                    self.pop(old, None)
            self[words] = found
        return found
