"""The drug table: every row against the reference, every hand-kept file against the table."""

from __future__ import annotations

import gzip
import os
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import pytest

from service.errors import MappingError
from service.mappings.rxnorm import load_drug_table
from service.model.concept import AdministrationClass, TermType
from service.normalize.drug import resolve
from service.normalize.drug_rows import folded, strength_text
from service.normalize.ndc import ndc11

from .drug_tables import MAPPINGS, drug_table

REFERENCE = os.environ.get("CONCORD_REFERENCE_DATA")
INERT = "748794"
"""Inert ingredients: the placebo tablets of a pack are no ingredient of it."""
needs_reference = pytest.mark.skipif(not REFERENCE, reason="CONCORD_REFERENCE_DATA is not set")


@lru_cache(maxsize=1)
def reference() -> dict[str, list[str]]:
    path = Path(REFERENCE or "") / "rxnorm" / "rxnorm_concepts.tsv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        next(lines)
        rows = (line.rstrip("\n").split("\t") for line in lines)
        return {row[0]: row for row in rows}


def added() -> dict[str, str]:
    """RxCUI and name of the ingredients kept by hand."""
    lines = (MAPPINGS / "rxnorm" / "additions.tsv").read_text().splitlines()[1:]
    return {line.split("\t")[0]: line.split("\t")[2] for line in lines}


def scope() -> Iterator[list[str]]:
    lines = (MAPPINGS / "rxnorm" / "scope.tsv").read_text().splitlines()[1:]
    return (line.split("\t") for line in lines)


@needs_reference
def test_every_row_has_the_name_the_type_and_the_ingredients_of_the_reference() -> None:
    table = drug_table()
    wrong = []
    for rxcui in set(table.rxcuis()) - added().keys():
        concept, row = table.by_rxcui(rxcui), reference().get(rxcui)
        codes = set(row[4].split("|")) if row else set()
        moieties = {table.moiety(i) for i in (codes - {INERT} or codes)}
        if (
            concept is None
            or row is None
            or concept.name.casefold() != row[3].casefold()
            or concept.tty != row[1]
            or set(concept.ingredients) != moieties
        ):
            wrong.append((rxcui, row, concept))
    assert wrong == []
    assert len(table) > 80_000


@needs_reference
def test_nothing_is_kept_by_hand_that_the_reference_has() -> None:
    assert not added().keys() & reference().keys()


@pytest.mark.parametrize(
    "text", ["St. John's Wort", "st johns wort 300 mg capsule", "Hypericum perforatum"]
)
def test_a_herbal_kept_by_hand_resolves_by_what_people_write(text: str) -> None:
    found = resolve((), text, drug_table())
    assert found.drug is not None
    assert [i.rxcui for i in found.drug.ingredients] == ["258326"]


@needs_reference
def test_every_strength_is_the_strength_of_the_reference_in_ucum() -> None:
    table = drug_table()
    units = {"MG": "mg", "MG/ML": "mg/mL", "MG/HR": "mg/h", "MEQ": "meq", "UNT/ML": "[iU]/mL"}
    checked = 0
    for rxcui in set(table.rxcuis()) - added().keys():
        row = reference()[rxcui]
        concept = table.by_rxcui(rxcui)
        number, _, unit = row[6].partition(" ")
        if concept is None or "|" in row[6] or unit not in units or len(concept.strengths) != 1:
            continue
        assert [s.unit + (f"/{s.per_unit}" if s.per_unit else "") for s in concept.strengths] == [
            units[unit]
        ], row
        assert concept.strengths[0].value == Decimal(number), row
        checked += 1
    assert checked > 40_000


@needs_reference
def test_every_ndc_leads_to_the_product_of_the_reference() -> None:
    table = drug_table()
    with gzip.open(
        Path(REFERENCE or "") / "rxnorm" / "rxnorm_ndc.tsv.gz", "rt", encoding="ascii"
    ) as lines:
        next(lines)
        for number, line in enumerate(lines):
            ndc, rxcui = line.rstrip("\n").split("\t")
            found = table.by_ndc(ndc) if number % 7 == 0 else None
            assert found is None or found.rxcui == rxcui, ndc


@needs_reference
def test_every_ingredient_of_both_interaction_lists_is_in_the_table() -> None:
    table = drug_table()
    missing = set()
    for name in ("onc_high_priority_pairs.tsv", "onc_low_priority_pairs.tsv"):
        lines = (Path(REFERENCE or "") / "ddi" / name).read_text().splitlines()
        header = lines[0].split("\t")
        columns = [i for i, column in enumerate(header) if "rxcui" in column]
        for line in lines[1:]:
            cells = line.split("\t")
            missing |= {cells[i] for i in columns if cells[i] and not table.ingredient(cells[i])}
    assert missing == set()


def test_every_ingredient_in_scope_is_carried_under_its_name() -> None:
    for rxcui, name, reason in scope():
        found = drug_table().ingredient(rxcui)
        assert found is not None, (rxcui, name)
        assert found.name == name, (rxcui, name)
        assert reason


def test_codes_of_the_hand_kept_files_carry_the_names_of_the_table() -> None:
    table = drug_table()
    rules = tomllib.loads((MAPPINGS / "rxnorm" / "administration.toml").read_text())["entry"]
    moieties = tomllib.loads((MAPPINGS / "moieties.toml").read_text())
    pairs = [pair for rule in rules for pair in rule["names"].items()]
    pairs += [pair for entry in moieties["moiety"] for pair in entry["from"].items()]
    pairs += [(entry["rxcui"], entry["name"]) for entry in moieties["moiety"]]
    pairs += [p for entry in moieties["stated_together"] for p in entry["names"].items()]
    synonyms = (MAPPINGS / "rxnorm" / "synonyms.tsv").read_text().splitlines()[1:]
    pairs += [tuple(line.split("\t")[1:3]) for line in synonyms]
    for rxcui, name in pairs:
        found = table.ingredient(rxcui)
        assert found is not None, (rxcui, name)
        assert found.name == name, (rxcui, name)
    assert all(entry["source"] for entry in (*rules, *moieties["moiety"]))


def test_every_brand_line_and_lookalike_is_a_name_that_the_table_knows() -> None:
    table = drug_table()
    lines = (MAPPINGS / "rxnorm" / "brand_lines.tsv").read_text().splitlines()[1:]
    for line in lines:
        assert table.by_ingredient_name(folded(line.split("\t")[0])), line
    for one, other in table.lookalikes:
        assert table.by_ingredient_name(one) or table.by_ingredient_name(other), (one, other)


@pytest.mark.parametrize(
    ("rxcui", "administration"),
    [
        ("402010", AdministrationClass.DEPOT),  # risperidone 25 MG Injection
        ("1659812", AdministrationClass.DEPOT),  # aripiprazole 400 mg injection
        ("672356", AdministrationClass.SYSTEMIC),  # aripiprazole 7.5 mg/ml injection
        ("1718934", AdministrationClass.DEPOT),  # olanzapine 210 MG Injection
        ("485968", AdministrationClass.SYSTEMIC),  # olanzapine 10 MG Injection
        ("859867", AdministrationClass.DEPOT),  # haloperidol decanoate 50 MG/ML
        ("204416", AdministrationClass.SYSTEMIC),  # haloperidol 5 MG/ML
        ("637213", AdministrationClass.DEPOT),  # naltrexone 380 MG Injection
        ("1996184", AdministrationClass.DEPOT),  # buprenorphine 200 MG/ML
        ("238129", AdministrationClass.SYSTEMIC),  # buprenorphine 0.3 MG/ML
        ("858054", AdministrationClass.DEPOT),  # paliperidone palmitate
        ("745679", AdministrationClass.LOCAL),  # albuterol inhaler
        ("312938", AdministrationClass.SYSTEMIC),  # sertraline tablet
    ],
)
def test_products_act_where_their_label_says(
    rxcui: str, administration: AdministrationClass
) -> None:
    concept = drug_table().by_rxcui(rxcui)
    assert concept is not None
    assert concept.administration is administration, concept.name


def test_lithium_salts_go_by_lithium_and_keep_their_salt() -> None:
    carbonate, citrate = drug_table().by_rxcui("197889"), drug_table().by_rxcui("756059")
    assert carbonate is not None
    assert citrate is not None
    assert carbonate.ingredients == citrate.ingredients
    assert [i.name for i in carbonate.ingredients] == ["lithium"]
    assert carbonate.strengths[0].substance == "lithium carbonate"
    assert carbonate.precise != citrate.precise


def test_salts_that_stand_side_by_side_are_one_strength_per_ingredient() -> None:
    adderall = drug_table().by_rxcui("861223")
    assert adderall is not None
    assert [strength_text(s) for s in adderall.strengths] == ["7.5 mg", "7.5 mg"]


def test_a_branded_product_knows_its_generic() -> None:
    zoloft = drug_table().by_rxcui("208149")
    assert zoloft is not None
    assert (zoloft.tty, zoloft.brand, zoloft.clinical_drug) == (TermType.SBD, "Zoloft", "312938")


def test_ndc_reads_ten_and_eleven_digits_with_and_without_hyphens() -> None:
    table = drug_table()
    dilantin = table.by_ndc("0071-2214-20")
    assert dilantin is not None
    assert dilantin.brand == "Dilantin"
    assert table.by_ndc("00071221420") is dilantin
    assert table.by_ndc("00071-2214-20") is dilantin
    assert table.by_ndc("0071221420") is dilantin
    assert ndc11("12345-678-90") == ("12345067890",)
    assert ndc11("12345-6789-0") == ("12345678900",)
    assert ndc11("lot 12") == ()
    assert table.by_ndc("99999-9999-99") is None


def test_the_table_names_its_releases() -> None:
    assert drug_table().release == "2025-10, 2020-03"


def test_a_product_is_found_by_what_it_holds() -> None:
    table = drug_table()
    tablet = table.product(["36437"], ["100 mg"], "tablet")
    assert tablet is not None
    assert tablet.rxcui == "312938"
    assert table.product(["36437"], ["101 mg"], "tablet") is None


def test_a_table_without_its_columns_is_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "rxnorm"
    folder.mkdir()
    (folder / "ingredients.tsv").write_text("rxcui\tname\n")
    with pytest.raises(MappingError, match=r"ingredients\.tsv: header"):
        load_drug_table(tmp_path)
