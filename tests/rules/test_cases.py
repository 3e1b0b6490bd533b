"""Every rule answers every one of its cases as the case says, and check-mappings finds no fault."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from service.assess.rule import RuleBook
from service.mappings.case_rows import Case, load_cases
from service.mappings.cases import failures
from service.mappings.check import check
from service.mappings.rules import load_rules
from service.mappings.rxnorm import load_drug_table
from service.normalize.drug_table import DrugTable

MAPPINGS = Path(__file__).parents[2] / "mappings"


@cache
def book() -> RuleBook:
    return load_rules(MAPPINGS)


@cache
def drugs() -> DrugTable:
    return load_drug_table(MAPPINGS)


def _every_case() -> list[tuple[str, Case]]:
    return [(rule.id, case) for rule in book() for case in load_cases(MAPPINGS, rule.id)]


@pytest.mark.parametrize(
    ("rule_id", "case"),
    [pytest.param(*found, id=f"{found[0]}: {found[1].name}") for found in _every_case()],
)
def test_the_rule_answers_as_its_case_says(rule_id: str, case: Case) -> None:
    assert failures(case, book()[rule_id], drugs(), book()) == ()


def test_the_shipped_mappings_have_no_fault() -> None:
    assert check(MAPPINGS) == ()


def test_what_is_still_open_at_its_source_ships_off() -> None:
    assert {rule.status.value for rule in book() if rule.mark == "C"} == {"off"}


def test_nothing_ships_as_reviewed_because_no_pharmacist_has_signed_yet() -> None:
    assert {rule.status.value for rule in book()} <= {"off", "unreviewed"}
