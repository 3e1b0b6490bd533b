"""What a full RxNorm release says of codes that it no longer has, and of ATC codes.

RXNATOMARCHIVE names for each archived atom the concept that it was merged into, RXNCUI for each
retired concept the one that took its place. Followed are only RxNorm's own (SAB=RXNORM) and only
where all rows lead to one code that the release still has: a concept that was split has no one
successor.
Source: RxNorm technical documentation, section 12 (files RXNATOMARCHIVE and RXNCUI).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from service.mappings.rxnorm_rrf import Say, rows_of

ARCHIVE, HISTORY = "RXNATOMARCHIVE.RRF", "RXNCUI.RRF"
_LONGEST_CHAIN = 10


def successors(folder: Path, known: Collection[str], say: Say) -> dict[str, str]:
    """Retired code -> the one code of the release that took its place; empty without the files."""
    merged: dict[str, set[str]] = {}
    for name, least, code, source, into in ((ARCHIVE, 15, 12, 13, 15), (HISTORY, 4, 0, None, 4)):
        if not (folder / name).is_file():
            continue
        for columns in rows_of(folder / name, least, say):
            old, new = columns[code], columns[into]
            if source is not None and columns[source] != "RXNORM":
                continue
            if old != new and old not in known and old.isdecimal() and new.isdecimal():
                merged.setdefault(old, set()).add(new)
    found = {old: _followed(old, merged, known) for old in merged}
    return {old: new for old, new in found.items() if new}


def _followed(old: str, merged: Mapping[str, set[str]], known: Collection[str]) -> str:
    """Where a chain of mergers ends; "" where it splits, circles or leads nowhere."""
    code = old
    for _ in range(_LONGEST_CHAIN):
        if code in known:
            return code
        following = merged.get(code, set())
        if len(following) != 1:
            return ""
        (code,) = following
    return ""
