"""Codes beside RxNorm's own: `atc.tsv` (ATC) and `retired.tsv` (codes with a successor).

`mappings/rxnorm/atc.tsv` is kept by hand, each row with its source; an imported release writes both
files beside its table. What a release says of an ATC code goes before what is kept by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from service.errors import MappingError
from service.mappings.rxnorm_release import Release
from service.normalize.drug_rows import OtherCodes

ATC_FILE, RETIRED_FILE = "atc.tsv", "retired.tsv"
ATC_COLUMNS = ("atc", "atc_name", "rxcui", "name", "source")
RETIRED_COLUMNS = ("rxcui", "successor", "source")


def load_codes(kept: Path, imported: Path | None) -> OtherCodes:
    """ATC and retired codes by hand and, where a release was imported, as it tells them.

    Raises: MappingError for another header or a row that leads nowhere.
    """
    atc = _column(kept / ATC_FILE, ATC_COLUMNS, 2)
    if imported is None:
        return OtherCodes(atc)
    told = {}
    if (imported / ATC_FILE).is_file():  # a table that an earlier version imported has none
        told = _column(imported / ATC_FILE, ATC_COLUMNS, 2)
    retired = {}
    if (imported / RETIRED_FILE).is_file():
        retired = _column(imported / RETIRED_FILE, RETIRED_COLUMNS, 1)
    return OtherCodes({**atc, **told}, retired)


def write_codes(
    folder: Path,
    successors: Mapping[str, str],
    atc: Iterable[tuple[str, str, str]],
    release: Release,
) -> None:
    """Both files of an imported release; an ATC code of several ingredients names none."""
    of: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for code, name, rxcui in atc:
        of.setdefault(code, set()).add(rxcui)
        names.setdefault(code, name)
    source = f"RxNorm {release.name}"
    _write(
        folder / ATC_FILE,
        ATC_COLUMNS,
        (
            (code, names[code], rxcui, release.concepts[rxcui][1], f"{source}, SAB=ATC")
            for code, found in of.items()
            if len(found) == 1
            for rxcui in found
        ),
    )
    rows = ((old, new, source) for old, new in successors.items())
    _write(folder / RETIRED_FILE, RETIRED_COLUMNS, rows)


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    lines = ["\t".join(row) for row in (columns, *sorted(rows))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _column(path: Path, columns: tuple[str, ...], target: int) -> dict[str, str]:
    """The first column's code -> the RxCUI in another."""
    try:
        header, *lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise MappingError(path.name, "file", f"a readable UTF-8 table ({error})") from error
    if tuple(header.split("\t")) != columns:
        raise MappingError(path.name, "header", "the columns " + ", ".join(columns))
    found: dict[str, str] = {}
    for line in lines:
        cells = line.split("\t")
        if len(cells) != len(columns) or not all(cells) or cells[0] in found:
            raise MappingError(path.name, cells[0], f"{len(columns)} filled cells, each code once")
        found[cells[0]] = cells[target]
    return found
