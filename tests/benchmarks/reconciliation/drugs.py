"""Drugs that the generator prescribes, from its own two tables."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Product:
    """One SCD, with the SBD and the NDCs it is sold under ("" where there is none)."""

    drug: str
    rxcui: str
    name: str
    strengths: tuple[Decimal, ...]
    form: str
    release: str
    ndc: str
    sbd: str
    sbd_name: str
    sbd_ndc: str

    @property
    def unit(self) -> str:
        """What is counted: tablet, capsule or mL."""
        words = self.form.casefold()
        return next((unit for unit in ("tablet", "capsule") if unit in words), "mL")


@dataclass(frozen=True)
class Drug:
    """One drug: `times` a day (days between injections), `short` as charts abbreviate it."""

    key: str
    ingredients: frozenset[str]
    home: str
    group: str
    times: int
    reason: str
    brand: str
    short: str
    products: tuple[Product, ...]

    @property
    def usual(self) -> tuple[Product, ...]:
        """Products of the first one's release and salt, in the order of the table."""
        first = self.products[0]
        salt = first.name.split(" MG")[0].rsplit(" ", 1)[0]
        same = [p for p in self.products if p.release == first.release]
        return tuple(p for p in same if p.name.split(" MG")[0].rsplit(" ", 1)[0] == salt)

    def branded(self, product: Product) -> bool:
        """Whether the brand's plain name means this product."""
        return bool(self.brand and product.sbd and product in self.usual)

    def other(self, *, release: str = "", salt: str = "") -> tuple[Product, ...]:
        """Products of another release, or whose name has this salt."""
        return tuple(
            p
            for p in self.products
            if (p.release == release if release else p.release != self.products[0].release)
            and salt in p.name
        )


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one of the tables."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        lines = [line for line in file if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t"))


@cache
def drugs() -> dict[str, Drug]:
    """All drugs by key."""
    products: dict[str, list[Product]] = {}
    for row in rows("products.tsv"):
        strengths = tuple(Decimal(part.split()[0]) for part in row["strengths"].split("|"))
        products.setdefault(row["drug"], []).append(
            Product(
                row["drug"], row["rxcui"], row["name"], strengths, row["dose_form"],
                row["release"], row["ndc"], row["sbd"], row["sbd_name"], row["sbd_ndc"],
            )
        )  # fmt: skip
    return {
        row["drug"]: Drug(
            row["drug"], frozenset(row["ingredients"].split("|")), row["home"], row["group"],
            int(row["times"]), row["reason"], row["brand"], row["short"],
            tuple(products[row["drug"]]),
        )
        for row in rows("drugs.tsv")
    }  # fmt: skip


REASONS = {
    "F33.1": "Major depressive disorder, recurrent, moderate",
    "F41.1": "Generalized anxiety disorder",
    "G47.00": "Insomnia, unspecified",
    "G43.909": "Migraine, unspecified, not intractable, without status migrainosus",
    "F31.9": "Bipolar disorder, unspecified",
    "F20.9": "Schizophrenia, unspecified",
    "F90.9": "Attention-deficit hyperactivity disorder, unspecified type",
    "F43.10": "Post-traumatic stress disorder, unspecified",
    "G21.19": "Other drug induced secondary parkinsonism",
    "F10.20": "Alcohol dependence, uncomplicated",
    "I10": "Essential (primary) hypertension",
    "G62.9": "Polyneuropathy, unspecified",
    "R60.9": "Edema, unspecified",
    "E11.9": "Type 2 diabetes mellitus without complications",
    "E78.5": "Hyperlipidemia, unspecified",
    "K21.9": "Gastro-esophageal reflux disease without esophagitis",
    "E03.9": "Hypothyroidism, unspecified",
    "J45.909": "Unspecified asthma, uncomplicated",
    "I48.91": "Unspecified atrial fibrillation",
    "N40.1": "Benign prostatic hyperplasia with lower urinary tract symptoms",
    "M10.9": "Gout, unspecified",
    "I50.9": "Heart failure, unspecified",
    "M19.90": "Unspecified osteoarthritis, unspecified site",
    "E66.9": "Obesity, unspecified",
    "J02.9": "Acute pharyngitis, unspecified",
    "L03.90": "Cellulitis, unspecified",
    "M54.50": "Low back pain, unspecified",
    "J30.9": "Allergic rhinitis, unspecified",
}
"""ICD-10-CM code -> its name."""
