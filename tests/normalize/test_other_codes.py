"""ATC codes, retired codes and drugs that are known by name alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.model.concept import ATC, NO_CODE, RXNORM, SNOMED, Coding, ResolvedBy, TermType
from service.normalize.drug import resolve
from service.normalize.drug_rows import OtherCodes, folded
from service.normalize.drug_table import DrugTable
from tests.normalize.drug_tables import MAPPINGS, drug_table

SERTRALINE_ATC = Coding(ATC, "N06AB06", "sertraline")
SERTRALINE_50 = Coding(RXNORM, "312941", "sertraline 50 MG Oral Tablet")
HALDOL_ATC = Coding(ATC, "N05AD01", "haloperidol")


def rows() -> list[list[str]]:
    lines = (MAPPINGS / "rxnorm" / "atc.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [line.split("\t") for line in lines]


def test_every_atc_code_names_one_ingredient_of_the_table_with_its_source() -> None:
    table = drug_table()
    codes = [row[0] for row in rows()]
    assert len(codes) == len(set(codes)) >= 1050
    for code, atc_name, rxcui, name, source in rows():
        assert re.fullmatch(r"[A-Z]\d\d[A-Z]{2}\d\d", code)
        assert int(code[5:]) < 50 or code == "L01XX52", f"{code} is a combination"
        concept = table.by_rxcui(rxcui)
        assert concept is not None, code
        assert (concept.tty, concept.name) == (TermType.IN, name)
        assert concept.ingredients[0].rxcui == rxcui, f"{code}: a moiety, not its salt"
        assert atc_name
        assert re.search(r"\d{4}|CC0", source)


NAMED_OTHERWISE = {
    "A03AB02", "A06AA01", "A06AC08", "A10AB05", "A10AB06", "A11CA01", "A11HA03", "A12BA04",
    "G03GA01", "H05BA01", "N05BA05", "N05CM09", "N06AX25", "R03BB06",
}  # fmt: skip
"""Codes named after a salt, a plant or a vitamin's substance, as no medication line names them."""


def test_the_name_of_an_atc_code_is_one_that_its_ingredient_is_known_by() -> None:
    table, otherwise = drug_table(), set()
    for code, atc_name, rxcui, _, _ in rows():
        plain = folded(re.sub(r" \(.*\)$", "", atc_name))
        known = {i.rxcui for one in table.by_ingredient_name(plain) for i in one.ingredients}
        if rxcui not in known:
            otherwise.add(code)
    assert otherwise == NAMED_OTHERWISE


def test_most_ingredients_of_the_scope_have_an_atc_code_and_most_psychiatric_ones() -> None:
    coded = {row[2] for row in rows()}
    lines = (MAPPINGS / "rxnorm" / "scope.tsv").read_text(encoding="utf-8").splitlines()[1:]
    scope = [line.split("\t") for line in lines]
    psychiatric = [row for row in scope if row[2] == "psychiatric"]
    assert sum(row[0] in coded for row in psychiatric) >= 0.9 * len(psychiatric)
    assert sum(row[0] in coded for row in scope) >= 0.75 * len(scope)


LOCAL = ("A01", "C05", "D", "G01", "M02", "P03", "R01A", "R02", "S")
ACT_IN_THE_WHOLE_BODY = ("D01B", "D10B", "D11AH05", "S01EC")


def test_codes_of_what_acts_where_it_is_put_are_left_to_the_text_of_the_line() -> None:
    """Such a code would name an ingredient as if it were swallowed: it tells skin, eye or nose."""
    codes = [row[0] for row in rows()]
    local = {code for code in codes if code.startswith(LOCAL)}
    assert {code for code in local if not code.startswith(ACT_IN_THE_WHOLE_BODY)} == set()
    assert local


def test_codes_of_cancer_malaria_and_antidotes_lead_to_what_the_rules_ask_about() -> None:
    for code, name in (
        ("L01XB01", "procarbazine"),
        ("L02BA01", "tamoxifen"),
        ("P01BA02", "hydroxychloroquine"),
        ("P01BC02", "mefloquine"),
        ("D10BA01", "isotretinoin"),
        ("V03AB15", "naloxone"),
        ("V03AB17", "methylene blue"),
        ("V03AX03", "cobicistat"),
    ):
        found = resolve((Coding(ATC, code),), "", drug_table())
        assert found.drug is not None, code
        assert found.drug.name == name


def test_every_oral_antipsychotic_and_antidepressant_of_the_scope_has_its_atc_code() -> None:
    coded = {row[2] for row in rows()}
    for name in (
        "clozapine", "olanzapine", "quetiapine", "risperidone", "aripiprazole", "lurasidone",
        "sertraline", "fluoxetine", "venlafaxine", "bupropion", "mirtazapine", "lithium",
        "valproate", "lamotrigine", "methadone", "buprenorphine", "methylphenidate", "zolpidem",
    ):  # fmt: skip
        (concept, *_) = drug_table().by_ingredient_name(name)
        assert concept.rxcui in coded, name


def test_an_atc_code_leads_to_its_ingredient_and_less_surely_than_rxnorm() -> None:
    found = resolve((SERTRALINE_ATC,), "", drug_table())
    assert found.drug is not None
    assert (found.drug.name, found.by) == ("sertraline", ResolvedBy.MAPPED)
    assert found.evidence[0] == "ATC N06AB06 (IN)"
    both = resolve((SERTRALINE_ATC, SERTRALINE_50), "", drug_table())
    assert both.drug is not None
    assert (both.drug.rxcui, both.by) == ("312941", ResolvedBy.CODING)


def test_the_text_of_a_line_with_an_atc_code_gives_its_strength() -> None:
    found = resolve((SERTRALINE_ATC,), "sertraline 50 mg tablet", drug_table())
    assert found.drug is not None
    assert found.drug.rxcui == "312941"


def test_an_atc_code_against_the_text_or_another_code_is_a_conflict() -> None:
    against_text = resolve((SERTRALINE_ATC,), "haloperidol 5 mg tablet", drug_table())
    assert {i.name for i in against_text.conflict} == {"haloperidol", "sertraline"}
    against_code = resolve((HALDOL_ATC, SERTRALINE_50), "", drug_table())
    assert against_code.drug is None
    assert against_code.conflict


def test_groups_of_atc_and_snomed_codes_are_shown_and_lead_nowhere() -> None:
    for coding in (Coding(ATC, "N06AB"), Coding(SNOMED, "387467008")):
        found = resolve((coding,), "", drug_table())
        assert (found.drug, found.by) == (None, ResolvedBy.NOTHING)
        assert any("is not in the drug table" in one for one in found.evidence)


def with_successor(old: str, new: str) -> DrugTable:
    table = drug_table()
    copy = object.__new__(DrugTable)
    copy.__dict__.update(table.__dict__)
    copy._codes = OtherCodes(successors={old: new})
    return copy


def test_a_retired_code_is_read_by_its_successor_and_says_so() -> None:
    table = with_successor("9999991", "312941")
    found = resolve((Coding(RXNORM, "9999991"),), "", table)
    assert found.drug is not None
    assert found.drug.rxcui == "312941"
    assert "RxNorm 9999991 is retired; its successor is 312941" in found.evidence
    other = resolve((Coding(RXNORM, "9999992"),), "", table)
    assert other.drug is None


def test_a_retired_code_whose_successor_is_another_drug_than_the_text_is_a_conflict() -> None:
    table = with_successor("9999991", "312941")
    found = resolve((Coding(RXNORM, "9999991"),), "haloperidol 5 mg tablet", table)
    assert {i.name for i in found.conflict} == {"haloperidol", "sertraline"}


def test_kava_and_valerian_are_known_by_name_and_say_that_they_have_no_code() -> None:
    for text, name in (
        ("Kava Kava 250 mg capsule", "kava"),
        ("valerian root 450 mg", "valerian"),
        ("Piper methysticum", "kava"),
    ):
        found = resolve((), text, drug_table())
        assert found.drug is not None
        assert [i.name for i in found.drug.ingredients] == [name]
        assert found.drug.rxcui == NO_CODE + name
        assert "no RxNorm code is known for it" in found.evidence
    assert resolve((), "Valium 5 mg", drug_table()).drug != found.drug


def test_same_is_known_by_its_code_and_never_as_a_word() -> None:
    for text in ("SAMe", "S-adenosylmethionine 400 mg tablet"):
        found = resolve((), text, drug_table())
        assert found.drug is not None
        assert found.drug.ingredients[0].rxcui == "9504"
    assert resolve((), "same as before", drug_table()).drug is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("aciclovir 400 mg tablets", "acyclovir"),
        ("torasemide 5 mg", "torsemide"),
        ("cefalexin 500mg capsules", "cephalexin"),
        ("glyceryl trinitrate 400 micrograms spray", "nitroglycerin"),
        ("salbutamol inhaler", "albuterol"),
    ],
)
def test_international_names_are_read_as_rxnorm_names_the_drug(text: str, name: str) -> None:
    found = resolve((), text, drug_table())
    assert found.drug is not None
    assert [i.name for i in found.drug.ingredients] == [name]


@given(st.text(max_size=10))
def test_no_code_that_is_not_listed_leads_to_a_drug(code: str) -> None:
    if code.strip().upper() not in {row[0] for row in rows()}:
        assert drug_table().by_atc(code) is None
    assert drug_table().successor(code) is None
