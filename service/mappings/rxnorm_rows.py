"""The rows of the drug table's files, and the order in which those are searched.

Strengths are UCUM per ingredient; salts of one ingredient are summed. A branded concept whose
generic is carried is a row of `branded.tsv`, which only names the generic (RxNorm's tradename_of)
and the brand: its name is "generic [brand]", everything else the generic's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from service.mappings.rxnorm_reference import (
    LOWER_CASE,
    Names,
    ReferenceRow,
    brand_name,
    recased,
    titled,
)

INGREDIENT_TTYS = ("IN", "PIN", "MIN", "BN")


_BRANDED_TTYS = frozenset({"SBD", "SBDC", "SBDF", "BPCK"})


_PRODUCT_TTYS = ("SCD", "SBD", "GPCK", "BPCK")


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


def ucum(strength: str) -> str:
    """`0.025 MG/HR` as `0.025 mg/h`; "" when RxNorm's text is no strength that we know."""
    match = _STRENGTH.fullmatch(strength)
    if match is None or match[2] not in _UCUM or (match[3] and match[3] not in _UCUM):
        return ""
    unit = _UCUM[match[2]] + (f"/{_UCUM[match[3]]}" if match[3] else "")
    return f"{format(Decimal(match[1]).normalize(), 'f')} {unit}"


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
    name = titled(row.name) if old_brand else row.name
    return (row.rxcui, row.tty, name, ingredients, row.release)


def _summed(amounts: list[str]) -> str:
    """One strength for an ingredient whose salts stand side by side (mixed amphetamine salts)."""
    if len(amounts) < 2 or not all(amounts):
        return amounts[0] if amounts else ""
    values, units = zip(*(amount.split(" ") for amount in amounts), strict=True)
    if len(set(units)) > 1:
        return ""
    return f"{format(sum(map(Decimal, values), Decimal(0)).normalize(), 'f')} {units[0]}"


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
        if row.tty in INGREDIENT_TTYS:
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
    "ingredients.tsv": lambda row: (INGREDIENT_TTYS.index(row[1]), int(row[0])),
    "products.tsv": lambda row: (row[3], row[1], int(row[0])),
    "parts.tsv": lambda row: (row[3], row[1], int(row[0])),
    "branded.tsv": lambda row: (row[2], int(row[0])),
    "ndc.tsv": lambda row: row,
}
