"""`concord import-rxnorm`: a full release into a drug table of the site's own.

The new table has everything of the release, and what the table in use has beyond it: codes that
RxNorm retired stand in old records still, and keep the name of the release that they came from.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from service.errors import UsageError
from service.mappings.rxnorm_archive import successors
from service.mappings.rxnorm_codes import write_codes
from service.mappings.rxnorm_reference import Names
from service.mappings.rxnorm_release import read_release
from service.mappings.rxnorm_rows import COLUMNS, ndc_rows, table_rows, write_tables
from service.mappings.rxnorm_rrf import Say, folder_of, release_of

TABLES = tuple(COLUMNS)
Rows = list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed, in codes. `left_out` could not be read from their relations."""

    release: str
    rows: Mapping[str, int]
    new: int
    renamed: int
    retired: int
    left_out: int
    unknown_forms: tuple[str, ...]
    successors: int = 0
    atc: int = 0

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a person should know after an import."""
        told = [
            f"RxNorm {self.release}: "
            + ", ".join(f"{n:,} {name}" for name, n in self.rows.items()),
            f"{self.new:,} new codes, {self.renamed:,} with another name, {self.retired:,} that "
            "the release no longer has (kept, for old records)",
        ]
        told.append(f"{self.successors:,} retired codes with a successor, {self.atc:,} ATC codes")
        if self.left_out:
            told.append(f"{self.left_out:,} concepts left out: their parts are not told")
        if self.unknown_forms:
            some = ", ".join(self.unknown_forms[:5])
            told.append(f"{len(self.unknown_forms)} dose forms without a row in dose_forms: {some}")
        return tuple(told)


def import_release(given: Path, current: Path, target: Path, forms: Path, say: Say) -> Imported:
    """Writes the table of a release into `target`, in the place of what was there.

    Args:
        given: folder of the RRF files.
        current: folder of the drug table in use.
        forms: `dose_forms.tsv`, which tells what RxNorm's dose forms are.
    Raises: UsageError for a folder that holds no release, or an older one than the table's.
    """
    folder = folder_of(given)
    name = release_of(folder)
    before = {table: _read(current / table) for table in TABLES}
    newest = max((row[-1] for row in before["ingredients.tsv"]), default="")
    if name < newest:
        raise UsageError(f"The release {name} is older than the table in use ({newest}).")
    release = read_release(folder, name, say)
    rows = release.rows()
    known = {row.rxcui for row in rows}
    # What the table in use has beyond the release is kept only where it still hangs together.
    fresh = table_rows(rows, Names(rows), release.generic)
    fresh["ndc.tsv"] = [*ndc_rows(release.ndcs, known)]
    tables = _with_retired(fresh, before, known)
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    write_tables(unfinished, tables)
    succeeded = successors(folder, known, say)
    write_codes(unfinished, succeeded, release.atc, release)
    _swap(unfinished, target)
    told = {line.split("\t", 1)[0] for line in forms.read_text(encoding="utf-8").splitlines()}
    written = {row.dose_form for row in rows if row.dose_form}
    return Imported(
        name,
        {table.removesuffix(".tsv"): len(content) for table, content in tables.items()},
        *_changes(before, fresh, tables),
        left_out=release.left_out.total(),
        unknown_forms=tuple(sorted(written - told)),
        successors=len(succeeded),
        atc=len({row[0] for row in release.atc}),
    )


def _read(path: Path) -> Rows:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [tuple(line.split("\t")) for line in lines[1:]]


def _with_retired(
    fresh: Mapping[str, Rows], before: Mapping[str, Rows], known: set[str]
) -> dict[str, Rows]:
    """The release's rows and, of the table before, those that it lacks and that still have all
    that they refer to."""
    tables = {name: list(rows) for name, rows in fresh.items()}
    carried = set(known)
    everyone = {row[0] for row in (*before["ingredients.tsv"], *fresh["ingredients.tsv"])}
    for name in ("ingredients.tsv", "products.tsv", "parts.tsv"):
        for row in before[name]:
            if row[0] not in known and set(row[3].split("|")) <= everyone:
                tables[name].append(row)
                carried.add(row[0])
    for row in before["branded.tsv"]:
        if row[0] not in known and row[2] in carried:
            tables["branded.tsv"].append(row)
            carried.add(row[0])
    listed = {row[0][:9] for row in fresh["ndc.tsv"]}
    tables["ndc.tsv"] += [
        row for row in before["ndc.tsv"] if row[0][:9] not in listed and row[1] in carried
    ]
    return tables


def _swap(new: Path, target: Path) -> None:
    """Puts a finished folder in the place of another; a crash leaves the old or the new one."""
    old = target.with_name(f"{target.name}.before")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _changes(
    before: Mapping[str, Rows], fresh: Mapping[str, Rows], tables: Mapping[str, Rows]
) -> tuple[int, int, int]:
    """Codes that are new, that have another name, and that only the table before had."""
    old, new = _names(before), _names(fresh)
    renamed = sum(
        1
        for code, name in new.items()
        if name and old.get(code) and name.casefold() != old[code].casefold()
    )
    return len(new.keys() - old.keys()), renamed, len(_names(tables).keys() - new.keys())


def _names(tables: Mapping[str, Iterable[tuple[str, ...]]]) -> dict[str, str]:
    """Names by code; "" for branded rows, which have none of their own."""
    found = {row[0]: "" for row in tables["branded.tsv"]}
    for name in ("ingredients.tsv", "products.tsv", "parts.tsv"):
        found.update((row[0], row[2]) for row in tables[name])
    return found
