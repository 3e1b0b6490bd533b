"""precedence.toml: what it must hold, and what is refused by name."""

import csv
from pathlib import Path

import pytest

from service.errors import MappingError
from service.mappings.precedence import load_policy
from service.model.finding import Severity
from service.model.source import Role
from service.reconcile.policy import FINDING_TYPES, Expectation, LineKind
from tests.reconcile.builders import MAPPINGS, POLICY

DRUG_LISTS = (
    "narrow_index",
    "release_critical",
    "specialist",
    "clinic",
    "self_medication",
    "grave_self_medication",
    "nsaids",
    "lithium",
)


def test_every_code_stands_beside_its_name_in_the_drug_table() -> None:
    names: dict[str, str] = {}
    for table in ("ingredients.tsv", "additions.tsv"):  # herbals are kept by hand
        with (MAPPINGS / "rxnorm" / table).open(encoding="utf-8") as file:
            rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            names |= {row["rxcui"]: row["name"] for row in rows}
    for drugs in DRUG_LISTS:
        for rxcui, name in getattr(POLICY, drugs).items():
            assert names.get(rxcui) == name, drugs


def test_the_expected_holders_are_those_that_ship() -> None:
    expected = POLICY.expectation
    assert expected(LineKind.COMMUNITY, Role.PRIMARY_CARE) is Expectation.EXPECTED
    assert expected(LineKind.COMMUNITY, Role.PHARMACY) is Expectation.IF_SUPPLIED
    assert expected(LineKind.CLINIC, Role.PHARMACY) is Expectation.NOT_EXPECTED
    assert expected(LineKind.CLINIC, Role.PRIMARY_CARE) is Expectation.EXPECTED
    assert expected(LineKind.AS_NEEDED_UNFILLED, Role.PATIENT) is Expectation.ASK
    assert {expected(LineKind.SHORT_COURSE, role) for role in Role} == {Expectation.NOT_EXPECTED}
    for kind in LineKind:
        assert expected(kind, Role.OTHER) is Expectation.NOT_EXPECTED


def test_every_finding_names_a_source_and_agreements_weigh_nothing() -> None:
    assert POLICY.findings.keys() == FINDING_TYPES
    assert all(kind.source for kind in POLICY.findings.values())
    weightless = {t for t, k in POLICY.findings.items() if k.severity is Severity.NONE}
    assert weightless == {"confirmed-match", "equivalent-product"}


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("[findings.addition]", "[findings.additions]", "additions"),
        ('pharmacy = "if-supplied"', 'pharmacy = "sometimes"', "pharmacy"),
        ("[expected.inpatient]", "[expected.hospital]", "hospital"),
        ('dose_tolerance = "0.01"', 'dose_tolerance = "2"', "dose_tolerance"),
        ("age_old = 65", 'age_old = "old"', "age_old"),
        ('["2626", "clozapine"], ["2002"', '["6448", "lithium"], ["2002"', "members"),
        ('severity = "low"', 'severity = "lowish"', "severity"),
        ("days = 100", "days = -1", "days"),
    ],
)
def test_a_wrong_entry_is_refused_and_named(tmp_path: Path, old: str, new: str, where: str) -> None:
    text = (MAPPINGS / "precedence.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "precedence.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(MappingError, match=rf"precedence\.toml: .*{where}"):
        load_policy(tmp_path)


def test_a_missing_file_is_a_setup_error(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"precedence\.toml"):
        load_policy(tmp_path)
