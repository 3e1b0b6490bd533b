"""Every rule over a result: what cannot be used is named, and is never a finding by itself.

The patients are the rules' own cases in which they speak; their results then lose unit, date or
value, or lie in the future.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.assess.engine import assess
from service.assess.lab_change import LabRise
from service.assess.lab_threshold import LabThreshold
from service.assess.rule import Check
from service.assess.value_sets import Laboratory
from service.mappings.case_patient import build
from service.mappings.case_rows import Case, ResultRow, load_cases
from service.model.finding import Bucket, Finding

from .test_engine import book, drugs

MAPPINGS = Path(__file__).parents[2] / "mappings"
MEASURING = (LabThreshold, LabRise)


def _measured(check: Check) -> Laboratory | None:
    return check.lab if isinstance(check, MEASURING) else None


def _speaking() -> Iterator[tuple[str, Laboratory, Case]]:
    """Every rule that measures, with the first of its cases in which it speaks."""
    for rule in book():
        lab = _measured(rule.periods[-1].check)
        if lab is None or not rule.fires:
            continue
        for case in load_cases(MAPPINGS, rule.id):
            if any(one.bucket is Bucket.SHOWN for one in case.expect or ()):
                yield rule.id, lab, case
                break


SPEAKING = list(_speaking())
NUMBERS = [found for found in SPEAKING if found[2].results[-1].value is not None]


def _said(rule_id: str, case: Case) -> list[Finding]:
    found = assess(build(case, drugs()).view, book(), case.as_of)
    return [one for one in found if one.rule.id == rule_id]


def _each(case: Case, lab: Laboratory, change: Callable[[ResultRow], ResultRow]) -> Case:
    """The case with every result of the test changed."""
    results = tuple(change(one) if one.loinc in lab.codes else one for one in case.results)
    return msgspec.structs.replace(case, results=results)


def _named(rule_id: str, case: Case, lab: Laboratory) -> None:
    """The rule says that it cannot tell, and names the test."""
    said = _said(rule_id, case)
    assert [one.bucket for one in said] == [Bucket.NOT_EVALUABLE]
    assert lab.title in said[0].reason


def test_the_rules_over_results_are_all_asked() -> None:
    measuring = {r.id for r in book() if r.fires and _measured(r.periods[-1].check) is not None}
    assert {rule_id for rule_id, _, _ in SPEAKING} == measuring
    assert len(measuring) > 20


@pytest.mark.parametrize(("rule_id", "lab", "case"), NUMBERS, ids=[r for r, _, _ in NUMBERS])
@settings(max_examples=15)
@given(unit=st.text(max_size=8))
def test_a_unit_that_is_not_known_is_named(
    rule_id: str, lab: Laboratory, case: Case, unit: str
) -> None:
    if unit in lab.factors:
        return
    _named(rule_id, _each(case, lab, lambda one: msgspec.structs.replace(one, unit=unit)), lab)


@pytest.mark.parametrize(("rule_id", "lab", "case"), SPEAKING, ids=[r for r, _, _ in SPEAKING])
def test_a_result_without_a_value_is_named(rule_id: str, lab: Laboratory, case: Case) -> None:
    def emptied(one: ResultRow) -> ResultRow:
        return msgspec.structs.replace(one, value=None, text="see note", coded="")

    _named(rule_id, _each(case, lab, emptied), lab)


@pytest.mark.parametrize(("rule_id", "lab", "case"), SPEAKING, ids=[r for r, _, _ in SPEAKING])
@pytest.mark.parametrize("days", [None, 1, 400], ids=["undated", "tomorrow", "next year"])
def test_a_result_without_a_day_or_of_a_day_to_come_is_never_judged(
    rule_id: str, lab: Laboratory, case: Case, days: int | None
) -> None:
    day = None if days is None else case.as_of + timedelta(days=days)

    def moved(one: ResultRow) -> ResultRow:
        return msgspec.structs.replace(one, effective=day)

    _named(rule_id, _each(case, lab, moved), lab)


@pytest.mark.parametrize(("rule_id", "lab", "case"), SPEAKING, ids=[r for r, _, _ in SPEAKING])
@pytest.mark.parametrize("status", ["entered-in-error", "preliminary", "registered", "cancelled"])
def test_a_result_that_is_not_final_is_no_result(
    rule_id: str, lab: Laboratory, case: Case, status: str
) -> None:
    def unfinished(one: ResultRow) -> ResultRow:
        return msgspec.structs.replace(one, status=status)

    assert _said(rule_id, _each(case, lab, unfinished)) == []
