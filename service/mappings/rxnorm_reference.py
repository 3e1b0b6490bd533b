"""RxNorm concepts as a reference tells them: their names with components, brands and capitals.

Source: RxNorm, naming conventions (technical documentation, appendix 5).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

CURRENT = "2025-10"


LOWER_CASE = "2020-03"
"""The release whose names have lost RxNorm's capitals."""


_BEFORE_NAME = re.compile(
    r"^(?:(?:NDA\w+|Abuse-Deterrent|sensor|\d[\d.]* (?:ML|MG|HR|ACTUAT|SQCM|UNT|MEQ)) )+",
    re.IGNORECASE,
)


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


def recased(row: ReferenceRow) -> str:
    """The name with RxNorm's capitals, which the older release has lost."""
    if row.release != LOWER_CASE:
        return row.name
    name = row.name
    for part in (*row.strengths, row.dose_form):
        if part:
            name = re.sub(re.escape(part), lambda _, p=part: p, name, flags=re.IGNORECASE)  # type: ignore[misc]
    name = re.sub(r"^(\d[\d.]*) (ml|hr|mg|actuat) ", lambda m: m[0].upper(), name)
    return re.sub(r"\[(.*)\]$", lambda m: f"[{titled(m[1])}]", name)


def brand_name(row: ReferenceRow) -> str:
    """The brand in the brackets of the name, with capitals."""
    match = re.search(r" \[([^]]*)\]$", row.name)
    brand = match[1] if match else row.brand
    return titled(brand) if row.release == LOWER_CASE else brand


def titled(brand: str) -> str:
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


def read_ndcs(path: Path) -> Iterator[tuple[str, str]]:
    """Every (NDC, RxCUI) of `rxnorm_ndc.tsv.gz`."""
    with gzip.open(path, "rt", encoding="ascii") as lines:
        next(lines)
        for line in lines:
            ndc, _, rxcui = line.rstrip("\n").partition("\t")
            yield ndc, rxcui
