"""Facts that ship without their source having been looked up are counted, wherever they stand."""

from __future__ import annotations

from pathlib import Path

from service.mappings.sourcing import unverified
from tests.normalize.drug_tables import MAPPINGS


def test_facts_without_a_source_are_counted_by_file_in_toml_and_tables(tmp_path: Path) -> None:
    (tmp_path / "rxnorm").mkdir()
    (tmp_path / "precedence.toml").write_text(
        '[windows.stale]\nsource = "unverified: memory"\n[[pair]]\nsource = "a label (2024)"\n',
        encoding="utf-8",
    )
    (tmp_path / "rxnorm" / "synonyms.tsv").write_text(
        "synonym\tsource\none\tunverified\ntwo\tINN\nthree\tunverified for now\n", encoding="utf-8"
    )
    assert unverified(tmp_path) == {"precedence.toml": 1, "rxnorm/synonyms.tsv": 2}


def test_no_fact_ships_without_a_source() -> None:
    assert unverified(MAPPINGS) == {}
