"""The drug table of `mappings/rxnorm/`, made from a folder of RxNorm extracts.

    python -m service.mappings.rxnorm_build REFERENCE [mappings/rxnorm]

REFERENCE holds `rxnorm_concepts.tsv.gz` (rxcui, tty, tty_source, name, ingredient_rxcuis,
ingredient_names, strengths, dose_form, brand, release) and `rxnorm_ndc.tsv.gz` (ndc11, rxcui).
Read from the target folder, kept by hand: `scope.tsv` (which ingredients, and why) and
`dose_forms.tsv`. Written: `ingredients.tsv`, `products.tsv`, `parts.tsv`, `branded.tsv`, `ndc.tsv`.
A branded concept whose generic is carried is a row of `branded.tsv`, which only names the generic
(RxNorm's tradename_of) and the brand: its name is "generic [brand]", everything else the generic's.

What is taken: of the current release every concept whose ingredients are in scope, and every
combination with an ingredient in scope (its other ingredients come along); of the older release
the same for psychiatric, addiction and interacting drugs and for names that the current extract
lacks, else what old records still carry. Rows whose ingredients the reference could not tell
are left out. Strengths become UCUM per ingredient; salts of one ingredient are summed.
Source: RxNorm, term types and naming conventions (technical documentation, appendix 5).
"""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from service.errors import MappingError

CURRENT = "2025-10"
LOWER_CASE = "2020-03"
"""The release whose names have lost RxNorm's capitals."""
_WHOLE_HISTORY = frozenset({"psychiatric", "addiction", "herbal", "interaction-list"})
_MISSING_IN_CURRENT = "a"  # the current extract has no ingredients that start with this letter
_OLD_TIER = frozenset({"IN", "PIN", "MIN", "BN", "SCD", "SBD", "SBDC", "SCDF"})
_INGREDIENT_TTYS = ("IN", "PIN", "MIN", "BN")
_BRANDED_TTYS = frozenset({"SBD", "SBDC", "SBDF", "BPCK"})
_PRODUCT_TTYS = ("SCD", "SBD", "GPCK", "BPCK")
_MOST_INGREDIENTS = 12
_UCUM = {
    "MG": "mg",
    "ML": "mL",
    "HR": "h",
    "MEQ": "meq",
    "MMOL": "mmol",
    "UNT": "[iU]",
    "IU": "[iU]",
    "%": "%",
    "ACTUAT": "{actuat}",
    "SQCM": "cm2",
    "MCI": "mCi",
    "CELLS": "{cells}",
    "BAU": "[BAU]",
    "AU": "[AU]",
}
_STRENGTH = re.compile(r"(\d+(?:\.\d+)?) ([A-Z%]+)(?:/([A-Z]+))?")
_AMOUNT_IN_NAME = re.compile(r" \d[\d.]* [A-Z%]+(?:/[A-Z]+)?(?: |$)", re.IGNORECASE)
_BEFORE_NAME = re.compile(
    r"^(?:(?:NDA\w+|Abuse-Deterrent|sensor|\d[\d.]* (?:ML|MG|HR|ACTUAT|SQCM|UNT|MEQ)) )+",
    re.IGNORECASE,
)
PRODUCT_COLUMNS = (
    "rxcui",
    "tty",
    "name",
    "ingredients",
    "precise",
    "strengths",
    "dose_form",
    "brand",
    "release",
)
INGREDIENT_COLUMNS = ("rxcui", "tty", "name", "ingredients", "release")
BRANDED_COLUMNS = ("rxcui", "tty", "generic", "brand", "release")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "ingredients.tsv": INGREDIENT_COLUMNS,
    "products.tsv": PRODUCT_COLUMNS,
    "parts.tsv": PRODUCT_COLUMNS,
    "branded.tsv": BRANDED_COLUMNS,
    "ndc.tsv": ("ndc", "rxcui"),
}


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """One concept of the reference, lists still in the order of the name's components."""

    rxcui: str
    tty: str
    name: str
    ingredients: tuple[str, ...]
    strengths: tuple[str, ...]
    dose_form: str
    brand: str
    release: str

    @property
    def components(self) -> tuple[str, ...]:
        """What the name says of each ingredient, without quantity, brand and dose form."""
        text = _BEFORE_NAME.sub("", re.sub(r" \[.*\]$", "", self.name))
        if self.dose_form and text.casefold().endswith(self.dose_form.casefold()):
            text = text[: -len(self.dose_form)].rstrip()
        return tuple(part for part in text.split(" / "))


def read_reference(path: Path) -> Iterator[ReferenceRow]:
    """Every concept of `rxnorm_concepts.tsv.gz`."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            c = line.rstrip("\n").split("\t")
            yield ReferenceRow(
                c[0], c[1], c[3], tuple(filter(None, c[4].split("|"))),
                tuple(c[6].split("|")) if c[6] else (), c[7], c[8], c[9],
            )  # fmt: skip


def ucum(strength: str) -> str:
    """`0.025 MG/HR` as `0.025 mg/h`; "" when RxNorm's text is no strength that we know."""
    match = _STRENGTH.fullmatch(strength)
    if match is None or match[2] not in _UCUM or (match[3] and match[3] not in _UCUM):
        return ""
    unit = _UCUM[match[2]] + (f"/{_UCUM[match[3]]}" if match[3] else "")
    return f"{format(Decimal(match[1]).normalize(), 'f')} {unit}"


def recased(row: ReferenceRow) -> str:
    """The name with RxNorm's capitals, which the older release has lost."""
    if row.release != LOWER_CASE:
        return row.name
    name = row.name
    for part in (*row.strengths, row.dose_form):
        if part:
            name = re.sub(re.escape(part), lambda _, p=part: p, name, flags=re.IGNORECASE)  # type: ignore[misc]
    name = re.sub(r"^(\d[\d.]*) (ml|hr|mg|actuat) ", lambda m: m[0].upper(), name)
    return re.sub(r"\[(.*)\]$", lambda m: f"[{_titled(m[1])}]", name)


def brand_name(row: ReferenceRow) -> str:
    """The brand in the brackets of the name, with capitals."""
    match = re.search(r" \[([^]]*)\]$", row.name)
    brand = match[1] if match else row.brand
    return _titled(brand) if row.release == LOWER_CASE else brand


def _titled(brand: str) -> str:
    return re.sub(r"(?:^|(?<=[ -]))[a-z]", lambda m: m[0].upper(), brand)


class Names:
    """RxCUIs by case-folded name and term type: what the build looks up by name."""

    def __init__(self, rows: Iterable[ReferenceRow]) -> None:
        self.ingredient: dict[str, str] = {}
        self._by_name: dict[tuple[str, str], str] = {}
        for row in rows:
            if row.tty == "IN":
                self.ingredient[row.rxcui] = row.name
            if row.tty in {"PIN", "SCD", "SCDC", "SCDF", "GPCK"}:
                self._by_name.setdefault((row.tty, row.name.casefold()), row.rxcui)

    def precise(self, substance: str) -> str:
        return self._by_name.get(("PIN", substance.casefold()), "")

    def generic(self, row: ReferenceRow) -> str:
        """The RxCUI of the concept that a branded one is a trade name of, "" when unknown."""
        plain = re.sub(r" \[[^]]*\]$", "", row.name).casefold()
        tty = {"SBD": "SCD", "SBDC": "SCDC", "SBDF": "SCDF", "BPCK": "GPCK"}.get(row.tty, "")
        return self._by_name.get((tty, plain), "")


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
        and (row.tty in _INGREDIENT_TTYS or row.dose_form not in local)
    )


def product_row(row: ReferenceRow, names: Names) -> tuple[str, ...]:
    """One line of `products.tsv` or `parts.tsv`: ingredients by name, one strength for each."""
    amounts: dict[str, list[str]] = {rxcui: [] for rxcui in row.ingredients}
    salts: dict[str, list[str]] = {rxcui: [] for rxcui in row.ingredients}
    aligned = len(row.ingredients) == len(row.components)
    for place, rxcui in enumerate(row.ingredients):
        if len(row.strengths) == len(row.ingredients):
            amounts[rxcui].append(ucum(row.strengths[place]))
        if aligned:
            substance = _AMOUNT_IN_NAME.split(row.components[place] + " ")[0].strip()
            salts[rxcui].append(names.precise(substance))
    order = sorted(amounts, key=lambda rxcui: (names.ingredient[rxcui].casefold(), rxcui))
    strengths = [_summed(amounts[rxcui]) for rxcui in order]
    precise = ["+".join(dict.fromkeys(filter(None, salts[rxcui]))) for rxcui in order]
    return (
        row.rxcui, row.tty, recased(row), "|".join(order),
        "|".join(precise) if any(precise) else "",
        "|".join(strengths) if all(strengths) and strengths else "",
        row.dose_form, brand_name(row), row.release,
    )  # fmt: skip


def ingredient_row(row: ReferenceRow) -> tuple[str, ...]:
    """One line of `ingredients.tsv`."""
    old_brand = row.tty == "BN" and row.release == LOWER_CASE
    ingredients = "|".join(sorted(set(row.ingredients), key=int))
    name = _titled(row.name) if old_brand else row.name
    return (row.rxcui, row.tty, name, ingredients, row.release)


def _summed(amounts: list[str]) -> str:
    """One strength for an ingredient whose salts stand side by side (mixed amphetamine salts)."""
    if len(amounts) < 2 or not all(amounts):
        return amounts[0] if amounts else ""
    values, units = zip(*(amount.split(" ") for amount in amounts), strict=True)
    if len(set(units)) > 1:
        return ""
    return f"{format(sum(map(Decimal, values), Decimal(0)).normalize(), 'f')} {units[0]}"


def read_ndcs(path: Path) -> Iterator[tuple[str, str]]:
    """Every (NDC, RxCUI) of `rxnorm_ndc.tsv.gz`."""
    with gzip.open(path, "rt", encoding="ascii") as lines:
        next(lines)
        for line in lines:
            ndc, _, rxcui = line.rstrip("\n").partition("\t")
            yield ndc, rxcui


def ndc_rows(pairs: Iterable[tuple[str, str]], carried: Container[str]) -> list[tuple[str, str]]:
    """NDC to RxCUI: nine digits (labeler and product) where all its packages are one product."""
    packages: dict[str, dict[str, str]] = {}
    for ndc, rxcui in pairs:
        packages.setdefault(ndc[:9], {})[ndc] = rxcui
    rows: list[tuple[str, str]] = []
    for product, of in packages.items():
        if len(set(of.values())) == 1:
            rows.append((product, next(iter(of.values()))))
        else:
            rows.extend(of.items())
    return sorted(row for row in rows if row[1] in carried)


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


def table_rows(
    rows: Iterable[ReferenceRow], names: Names, generic: Callable[[ReferenceRow], str]
) -> dict[str, list[tuple[str, ...]]]:
    """The rows of every file but the NDCs', not yet sorted.

    Args:
        generic: the RxCUI of the concept that a branded one is a trade name of, "" when unknown.
    """
    every = list(rows)
    carried = {row.rxcui for row in every}
    tables: dict[str, list[tuple[str, ...]]] = {name: [] for name in COLUMNS if name != "ndc.tsv"}
    for row in every:
        of = generic(row) if row.tty in _BRANDED_TTYS else ""
        if row.tty in _INGREDIENT_TTYS:
            tables["ingredients.tsv"].append(ingredient_row(row))
        elif of in carried:
            branded = (row.rxcui, row.tty, of, brand_name(row), row.release)
            tables["branded.tsv"].append(branded)
        else:
            file = "products.tsv" if row.tty in _PRODUCT_TTYS else "parts.tsv"
            tables[file].append(product_row(row, names))
    return tables


def write_tables(folder: Path, tables: Mapping[str, Iterable[tuple[str, ...]]]) -> None:
    """Writes the files of a drug table, each in the order in which it is searched."""
    for name, rows in tables.items():
        lines = ["\t".join(row) for row in (COLUMNS[name], *sorted(rows, key=_ORDER[name]))]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


_ORDER: Mapping[str, Callable[[tuple[str, ...]], tuple[str | int, ...]]] = {
    "ingredients.tsv": lambda row: (_INGREDIENT_TTYS.index(row[1]), int(row[0])),
    "products.tsv": lambda row: (row[3], row[1], int(row[0])),
    "parts.tsv": lambda row: (row[3], row[1], int(row[0])),
    "branded.tsv": lambda row: (row[2], int(row[0])),
    "ndc.tsv": lambda row: row,
}


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
