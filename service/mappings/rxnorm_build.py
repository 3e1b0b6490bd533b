"""The drug table of `mappings/rxnorm/`, made from a folder of RxNorm extracts.

    python -m service.mappings.rxnorm_build REFERENCE [mappings/rxnorm]

REFERENCE holds `rxnorm_concepts.tsv.gz` (rxcui, tty, tty_source, name, ingredient_rxcuis,
ingredient_names, strengths, dose_form, brand, release) and `rxnorm_ndc.tsv.gz` (ndc11, rxcui).
Read from the target folder, kept by hand: `scope.tsv` (which ingredients, and why) and
`dose_forms.tsv`. Written: `ingredients.tsv`, `products.tsv`, `parts.tsv`, `branded.tsv`, `ndc.tsv`.

What is taken: of the current release every concept whose ingredients are in scope, and every
combination with an ingredient in scope (its other ingredients come along); of the older release
the same for psychiatric, addiction and interacting drugs and for names that the current extract
lacks, else what old records still carry. Rows whose ingredients the reference could not tell
are left out.
Source: RxNorm, term types (technical documentation, appendix 5).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from service.errors import MappingError
from service.mappings.rxnorm_reference import (
    CURRENT,
    Names,
    ReferenceRow,
    read_ndcs,
    read_reference,
)
from service.mappings.rxnorm_rows import INGREDIENT_TTYS, ndc_rows, table_rows, write_tables

_WHOLE_HISTORY = frozenset({"psychiatric", "addiction", "herbal", "interaction-list"})
_MISSING_IN_CURRENT = "a"  # the current extract has no ingredients that start with this letter
_OLD_TIER = frozenset({"IN", "PIN", "MIN", "BN", "SCD", "SBD", "SBDC", "SCDF"})
_MOST_INGREDIENTS = 12


def in_scope(row: ReferenceRow, scope: Mapping[str, str], names: Names, local: set[str]) -> bool:
    """Whether the table carries this concept (module docstring)."""
    found = set(row.ingredients)
    if not found or "?" in found or len(found) > _MOST_INGREDIENTS or not found & scope.keys():
        return False
    if not found <= names.ingredient.keys():
        return False
    if row.tty in {"SCDC", "SCDF", "SCD", "SBD", "SBDC", "SBDF"} and len(row.components) != len(
        row.ingredients
    ):
        return False
    if row.release == CURRENT:
        return True
    reasons = {scope.get(rxcui, "") for rxcui in found}
    first_letters = {names.ingredient[rxcui][:1].casefold() for rxcui in found}
    if reasons & _WHOLE_HISTORY or first_letters == {_MISSING_IN_CURRENT}:
        return found <= scope.keys() or len(found) == 1
    return (
        row.tty in _OLD_TIER
        and found <= scope.keys()
        and (row.tty in INGREDIENT_TTYS or row.dose_form not in local)
    )


def read_scope(path: Path) -> dict[str, str]:
    """RxCUI of each ingredient in scope, with the reason it is there."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    if any(len(row) != 3 for row in rows):
        raise MappingError(path.name, "a row", "three columns: rxcui, name, reason")
    return {rxcui: reason for rxcui, _, reason in rows}


def build(reference: Path, table: Path) -> dict[str, int]:
    """Write the table's files; returns how many rows each has."""
    scope = read_scope(table / "scope.tsv")
    forms = [line.split("\t") for line in (table / "dose_forms.tsv").read_text().splitlines()]
    local = {form[0] for form in forms if form[4] == "local" and form[3] != "inhalation"}
    everything = list(read_reference(reference / "rxnorm_concepts.tsv.gz"))
    names = Names(everything)
    rows = [row for row in everything if in_scope(row, scope, names, local)]
    along = {rxcui for row in rows for rxcui in row.ingredients} - {row.rxcui for row in rows}
    rows += [row for row in everything if row.tty == "IN" and row.rxcui in along]
    tables = table_rows(rows, names, names.generic)
    carried = {row.rxcui for row in rows}
    tables["ndc.tsv"] = [*ndc_rows(read_ndcs(reference / "rxnorm_ndc.tsv.gz"), carried)]
    write_tables(table, tables)
    return {name.removesuffix(".tsv"): len(written) for name, written in tables.items()}


def main(arguments: list[str]) -> int:
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    table = Path(arguments[1]) if len(arguments) == 2 else Path("mappings/rxnorm")
    for name, count in build(Path(arguments[0]), table).items():
        print(f"{count:8,} {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
