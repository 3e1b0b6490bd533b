"""`concord import-rxnorm`: a release in RRF becomes the drug table that is used from then on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.app import knowledge
from service.cli import main
from service.errors import UsageError
from service.mappings.folder import mappings_folder
from service.mappings.rxnorm import load_drug_table
from service.mappings.rxnorm_import import TABLES, import_release
from service.mappings.rxnorm_rrf import release_of
from service.settings import Settings
from tests.mappings.rrf import Row, Writer, release, table

MAPPINGS = mappings_folder()
DRUGS = MAPPINGS / "rxnorm"
SERTRALINE = "312941"  # sertraline 50 MG Oral Tablet
CHOSEN = 400


@pytest.fixture(scope="module")
def products() -> frozenset[str]:
    """A spread over all products, combinations among them, and sertraline."""
    rows = [row[0] for row in table(DRUGS, "products.tsv") if row[1] == "SCD"]
    return frozenset({*rows[:: len(rows) // CHOSEN], SERTRALINE})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, products: frozenset[str]) -> Path:
    folder = tmp_path_factory.mktemp("release")
    writer = release(DRUGS, folder, products)
    assert len(products & writer.concepts.keys()) > CHOSEN * 0.95
    return folder


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory, written: Path) -> Path:
    target = tmp_path_factory.mktemp("site") / "table"
    import_release(written, DRUGS, target, DRUGS / "dose_forms.tsv", lambda _: None)
    return target


def rows(folder: Path) -> Iterator[Row]:
    for name in TABLES:
        if name != "ndc.tsv":
            yield from table(folder, name)


def test_a_product_means_the_same_read_from_relations_as_it_did_in_the_table(
    imported: Path,
) -> None:
    before = {row[0]: row for row in rows(DRUGS)}
    after = [row for row in rows(imported) if row[-1] == "2026-03" and row[0] in before]
    assert len(after) > CHOSEN
    assert [row for row in after if row[:-1] != before[row[0]][:-1]] == []


def test_codes_that_the_release_no_longer_has_stay_for_old_records(imported: Path) -> None:
    before = {row[0] for row in rows(DRUGS)}
    after = {row[0]: row for row in rows(imported)}
    assert before <= after.keys()
    assert {row[-1] for row in after.values()} == {"2026-03", "2025-10", "2020-03"}


def test_the_imported_table_answers_and_names_its_release_first(imported: Path) -> None:
    drugs = load_drug_table(MAPPINGS, imported)
    assert drugs.release.startswith("2026-03")
    found = drugs.by_rxcui(SERTRALINE)
    assert found is not None
    assert [one.name for one in found.ingredients] == ["sertraline"]
    assert drugs.is_current(SERTRALINE)
    packages = [ndc for ndc, rxcui in table(imported, "ndc.tsv") if rxcui == SERTRALINE]
    assert packages
    coded = drugs.by_ndc(packages[0].ljust(11, "0"))
    assert coded is not None
    assert coded.rxcui == SERTRALINE


def test_what_rxnorm_suppresses_or_others_say_is_not_taken(imported: Path) -> None:
    names = {row[2] for row in rows(imported)}
    assert not names & {"somebody else's name", "suppressed 1 MG Oral Tablet"}
    assert "999999999" not in {ndc[:9] for ndc, _ in table(imported, "ndc.tsv")}


def test_the_report_of_an_import_says_what_changed(tmp_path: Path) -> None:
    writer = Writer(DRUGS)
    assert writer.product(
        ("1", "SCD", "sertraline 35 MG Oral Tablet", "36437", "", "", "Oral Tablet")
    )
    writer.concepts["2"] = ("SCD", "mystery 1 MG Oral Tablet")
    writer.concepts["36437"] = ("IN", "sertraline renamed")
    writer.concepts["3"] = ("DF", "Oral Hologram")
    writer.relations.append(("1", "has_dose_form", "3"))
    writer.write(tmp_path / "rrf")
    target = tmp_path / "table"
    done = import_release(tmp_path / "rrf", DRUGS, target, DRUGS / "dose_forms.tsv", lambda _: None)
    assert done.release == "2026-03"
    assert done.new == 2  # the product, and its component
    assert done.renamed == 1
    assert done.left_out == 1
    assert done.retired == len({row[0] for row in rows(DRUGS)}) - 1
    assert any("Oral Hologram" in one for one in done.sentences)
    # A second import of the same release changes nothing more.
    again = import_release(tmp_path / "rrf", target, target, DRUGS / "dose_forms.tsv", print)
    assert (again.new, again.renamed) == (0, 0)
    assert again.rows == done.rows


def test_an_older_release_and_a_folder_that_is_none_are_refused(
    tmp_path: Path, written: Path
) -> None:
    with pytest.raises(UsageError, match=r"RXNCONSO\.RRF"):
        import_release(tmp_path, DRUGS, tmp_path / "t", DRUGS / "dose_forms.tsv", print)
    Writer(DRUGS).write(tmp_path / "old", version="20AA_190902F")
    with pytest.raises(UsageError, match="older"):
        import_release(tmp_path / "old", DRUGS, tmp_path / "t", DRUGS / "dose_forms.tsv", print)
    assert not (tmp_path / "t").exists()


def test_the_release_is_told_by_the_folders_name_where_no_file_tells_it(tmp_path: Path) -> None:
    folder = tmp_path / "RxNorm_full_03022026" / "rrf"
    folder.mkdir(parents=True)
    assert release_of(folder) == "2026-03"
    with pytest.raises(UsageError, match="RxNorm_full_MMDDYYYY"):
        release_of(tmp_path)


def test_the_command_puts_the_table_where_every_report_takes_it_from(
    tmp_path: Path,
    written: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    carried = knowledge(Settings())
    assert main(["import-rxnorm", str(written)]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "RXNREL.RRF" in told.err
    used = knowledge(Settings())
    assert used.tables.drugs.release.startswith("2026-03")
    assert used.digest != carried.digest
    assert main(["import-rxnorm", str(tmp_path / "nothing")]) == 2


def test_retired_codes_lead_to_what_the_release_says_took_their_place(tmp_path: Path) -> None:
    writer = Writer(DRUGS)
    for rxcui, mg in (("1", "35"), ("2", "45")):
        name = f"sertraline {mg} MG Oral Tablet"
        assert writer.product((rxcui, "SCD", name, "36437", "", "", "Oral Tablet"))
    writer.archived = [
        ("801", "RXNORM", "1"),
        ("802", "RXNORM", "803"),  # merged into one that was merged again
        ("803", "RXNORM", "2"),
        ("804", "MMX", "1"),  # somebody else's atom
        ("805", "RXNORM", ""),  # archived, merged into nothing
        ("806", "RXNORM", "807"),  # in a circle
        ("807", "RXNORM", "806"),
        ("808", "RXNORM", "1"),  # split: no one successor
        ("808", "RXNORM", "2"),
        ("1", "RXNORM", "2"),  # an old atom of a code that lives
    ]
    writer.merged = [("809", "2"), ("810", "810"), ("811", "99999")]
    writer.atc = [("N06AB06", "sertraline", "36437"), ("N06AB", "SSRIs", "36437")]
    writer.write(tmp_path / "rrf")
    target = tmp_path / "table"
    done = import_release(tmp_path / "rrf", DRUGS, target, DRUGS / "dose_forms.tsv", lambda _: None)
    assert {old: new for old, new, _ in table(target, "retired.tsv")} == {
        "801": "1",
        "802": "2",
        "803": "2",
        "809": "2",
    }
    assert [row[:4] for row in table(target, "atc.tsv")] == [
        ("N06AB06", "sertraline", "36437", "sertraline")
    ]
    assert any("4 retired codes with a successor, 1 ATC codes" in one for one in done.sentences)
    drugs = load_drug_table(MAPPINGS, target)
    found = drugs.successor("802")
    assert found is not None
    assert found.name == "sertraline 45 MG Oral Tablet"
    assert drugs.successor("804") is None
    # What is kept by hand stays where the release is silent.
    kept = drugs.by_atc("N05AH02")
    assert kept is not None
    assert kept.name == "clozapine"


def test_a_release_without_the_archive_has_no_successors(imported: Path) -> None:
    assert table(imported, "retired.tsv") == []
    assert load_drug_table(MAPPINGS, imported).successor("801") is None
