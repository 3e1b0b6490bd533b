"""The ONC lists pair by pair: each high-priority pair on two sources is found by our own rules."""

from __future__ import annotations

import csv
import gzip
import os
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from service.assess.engine import assess
from service.assess.pharmacogenomic import Pharmacogenomic
from service.assess.rule import RuleBook
from service.mappings.case_patient import build
from service.mappings.case_rows import Case, MedicationRow
from service.mappings.rules import load_rules
from service.mappings.rxnorm import load_drug_table
from service.model.finding import Bucket, Finding, Severity
from service.normalize.drug_rows import folded
from service.normalize.drug_table import DrugTable

MAPPINGS = Path(__file__).parents[2] / "mappings"
REFERENCE = os.environ.get("CONCORD_REFERENCE_DATA", "")
needs_reference = pytest.mark.skipif(
    not REFERENCE, reason="CONCORD_REFERENCE_DATA is not set: the ONC lists are not carried"
)
AS_OF = date(2026, 3, 10)


@cache
def book() -> RuleBook:
    return load_rules(MAPPINGS)


@cache
def drugs() -> DrugTable:
    return load_drug_table(MAPPINGS)


def _pairs(name: str, *columns: str) -> list[tuple[str, ...]]:
    with (Path(REFERENCE) / "ddi" / name).open(encoding="utf-8", newline="") as lines:
        return [tuple(row[c] for c in columns) for row in csv.DictReader(lines, delimiter="\t")]


def _code(name: str, rxcui: str) -> str:
    """The RxCUI of a row; the list has none for St. John's wort and for "moclobamide"."""
    if rxcui:
        return rxcui
    right = {"moclobamide": "moclobemide"}.get(name, name)
    named = [concept.rxcui for concept in drugs().by_name(folded(right))]
    return named[0] if named else ""


def _found(first: str, second: str) -> tuple[Finding, ...]:
    case = Case(
        name="pair",
        as_of=AS_OF,
        medications=(
            MedicationRow(rxcui=first, name="", source="psychiatry", start=date(2026, 1, 10)),
            MedicationRow(rxcui=second, name="", source="primary-care", start=date(2026, 2, 10)),
        ),
        expect=(),
    )
    return assess(build(case, drugs()).view, book(), AS_OF)


@needs_reference
def test_all_394_high_priority_pairs_are_found_across_two_sources() -> None:
    columns = ("object", "object_rxcui", "precipitant", "precipitant_rxcui")
    pairs = _pairs("onc_high_priority_pairs.tsv", *columns)
    missed = [
        f"{one} + {two}"
        for one, first, two, second in pairs
        if not any(
            f.severity is Severity.HIGH and f.bucket is Bucket.SHOWN
            for f in _found(_code(one, first), _code(two, second))
            if f.act_code == "DRG"
        )
    ]
    assert (len(pairs), missed) == (394, [])


QT_PAIRS = (
    ("citalopram", "haloperidol"),
    ("escitalopram", "methadone"),
    ("chlorpromazine", "ondansetron"),
    ("haloperidol", "amiodarone"),
    ("iloperidone", "moxifloxacin"),
    ("methadone", "fluconazole"),
    ("ziprasidone", "sotalol"),
    ("thioridazine", "levofloxacin"),
    ("pimozide", "clarithromycin"),
)


@pytest.mark.parametrize(("one", "other"), QT_PAIRS)
def test_two_drugs_whose_labels_warn_of_qt_prolongation_are_found_by_our_own_list(
    one: str, other: str
) -> None:
    found = _found(_code(one, ""), _code(other, ""))
    assert any(
        finding.bucket is Bucket.SHOWN and {one, other} <= set(finding.ingredients)
        for finding in found
        if finding.severity in (Severity.HIGH, Severity.MODERATE)
    )


@needs_reference
def test_no_low_priority_pair_interrupts() -> None:
    loud = [
        f"{one} + {two}: {finding.rule.id}"
        for one, first, two, second in _pairs(
            "onc_low_priority_pairs.tsv", "drug_1", "rxcui_1", "drug_2", "rxcui_2"
        )
        if first != second
        if drugs().by_rxcui(first) is not None and drugs().by_rxcui(second) is not None
        for finding in _found(first, second)
        if finding.severity is Severity.HIGH and finding.type == "drug-interaction"
    ]
    assert loud == []


GENES = {
    "labs/cyp2c19": "CYP2C19",
    "labs/cyp2d6": "CYP2D6",
    "labs/hla-a": "HLA-A",
    "labs/hla-b-1502": "HLA-B",
}


@needs_reference
def test_every_pair_of_gene_and_drug_that_cites_cpic_stands_in_its_recommendations() -> None:
    path = Path(REFERENCE) / "cpic" / "cpic_recommendations.tsv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        known = {
            (row["rxcui"], gene)
            for row in csv.DictReader(lines, delimiter="\t")
            for gene in row["genes"].split("|")
        }
    asked = [
        (rule.id, rxcui, GENES[check.gene.id])
        for rule in book()
        if isinstance(check := rule.on(AS_OF), Pharmacogenomic)
        and any("CPIC" in source for source in rule.sources)
        for rxcui in check.drug.rxcuis
    ]
    assert len(asked) > 20
    assert [pair for pair in asked if pair[1:] not in known] == []
