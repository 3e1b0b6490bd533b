"""How many facts of a mappings folder ship without their source having been looked up.

Such a fact says so where it stands: its source begins with `unverified`. It is used like the
others, and a person of the site looks it up before relying on it.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from pathlib import Path

UNVERIFIED = "unverified"
_COLUMN = "source"


def unverified(folder: Path) -> dict[str, int]:
    """Facts whose source begins with `unverified`, by file, in the order of names.

    Read are the tables and TOML files beside the rules, which have a status of their own.
    """
    counts: dict[str, int] = {}
    for path in sorted((*folder.glob("*.toml"), *folder.glob("rxnorm/*.toml"))):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        counts[str(path.relative_to(folder))] = sum(map(_unverified, _sources(content)))
    for path in sorted(folder.glob("rxnorm/*.tsv")):
        with path.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            if _COLUMN in (rows.fieldnames or ()):
                found = sum(_unverified(row[_COLUMN]) for row in rows)
                counts[str(path.relative_to(folder))] = found
    return {name: count for name, count in counts.items() if count}


def _unverified(source: str) -> bool:
    return source.startswith(UNVERIFIED)


def _sources(content: object) -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            if key == _COLUMN and isinstance(value, str):
                yield value
            else:
                yield from _sources(value)
    elif isinstance(content, list):
        for value in content:
            yield from _sources(value)
