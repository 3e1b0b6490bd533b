"""The files of a full RxNorm release (RRF): where they lie, of which month they are, their rows.

Source: RxNorm technical documentation, sections 3 and 12.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from service.errors import UsageError

FILES = ("RXNCONSO.RRF", "RXNREL.RRF", "RXNSAT.RRF")


Say = Callable[[str], None]


_SAYS_EVERY = 1_000_000


_VERSION = re.compile(r"_?(\d\d)(\d\d)\d\dF$")


_FOLDER = re.compile(r"RxNorm_full(?:_prescribe)?_(\d\d)\d\d(\d{4})", re.IGNORECASE)


def folder_of(given: Path) -> Path:
    """Where the RRF files lie: in the folder, or in its `rrf`.

    Raises: UsageError when a file is missing.
    """
    for folder in (given, given / "rrf"):
        if all((folder / name).is_file() for name in FILES):
            return folder
    missing = next(name for name in FILES if not (given / name).is_file())
    raise UsageError(f"{given}: there is no {missing}; give the folder of a full RxNorm release.")


def release_of(folder: Path) -> str:
    """ "2026-03": the month of the release, from RXNSAB.RRF or the folder's own name.

    Raises: UsageError when neither tells.
    """
    try:
        with (folder / "RXNSAB.RRF").open(encoding="utf-8") as lines:
            for line in lines:
                columns = line.split("|")
                if len(columns) > 6 and columns[3] == "RXNORM":
                    for text in (columns[6], columns[2]):
                        if match := _VERSION.search(text):
                            return f"20{match[1]}-{match[2]}"
    except FileNotFoundError:
        pass  # the folder's name may tell it
    for part in reversed(folder.resolve().parts):
        if match := _FOLDER.search(part):
            return f"{match[2]}-{match[1]}"
    raise UsageError(
        f"{folder}: neither RXNSAB.RRF nor the folder's name tells the release; keep the name that "
        "it was downloaded under, RxNorm_full_MMDDYYYY."
    )


def rows_of(path: Path, least: int, say: Say) -> Iterator[list[str]]:
    """The columns of each line; lines with fewer than `least` are none of this file's kind."""
    count = 0
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for count, line in enumerate(lines, start=1):
            columns = line.split("|")
            if len(columns) > least:
                yield columns
            if count % _SAYS_EVERY == 0:
                say(f"{path.name}: {count:,} lines")
    say(f"{path.name}: {count:,} lines, all")
