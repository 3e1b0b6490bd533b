"""Results that cannot be used: "cannot tell" with the missing thing named, never a guess."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from service.assess.engine import assess
from service.mappings.case_patient import build
from service.mappings.case_rows import Case, MedicationRow, ResultRow
from service.model.finding import Bucket, Finding

from .test_engine import AS_OF, book, drugs

LITHIUM = MedicationRow(rxcui="6448", name="lithium", start=date(2025, 1, 10))
TOXIC = Decimal("2.1")
YESTERDAY = date(2026, 3, 9)


def _high(*results: ResultRow) -> list[Finding]:
    case = Case(name="x", as_of=AS_OF, medications=(LITHIUM,), results=results, expect=())
    found = assess(build(case, drugs()).view, book(), AS_OF)
    return [finding for finding in found if finding.rule.id == "lab/lithium-high"]


def _level(
    value: Decimal | None = TOXIC,
    unit: str = "mmol/L",
    effective: date | None = YESTERDAY,
    status: str = "final",
) -> ResultRow:
    return ResultRow(
        loinc="14334-7", name="x", value=value, unit=unit, effective=effective, status=status
    )


def test_the_level_itself_speaks() -> None:
    assert [f.bucket for f in _high(_level())] == [Bucket.SHOWN]


@pytest.mark.parametrize(
    ("result", "missing"),
    [
        (_level(unit=""), "unit of lithium level on 2026-03-09"),
        (_level(unit="furlong"), "'furlong' is not known"),
        (_level(effective=None), "the date of lithium level"),
        (_level(effective=date(2026, 3, 11)), "the date of lithium level"),
        (_level(value=None), "a value of lithium level on 2026-03-09"),
    ],
)
def test_what_is_missing_is_named(result: ResultRow, missing: str) -> None:
    found = _high(result)
    assert [finding.bucket for finding in found] == [Bucket.NOT_EVALUABLE]
    assert missing in found[0].reason
    assert found[0].evidence


@pytest.mark.parametrize("status", ["entered-in-error", "preliminary", "registered", "cancelled"])
def test_a_result_that_is_not_final_says_nothing(status: str) -> None:
    assert _high(_level(status=status)) == []


def test_a_good_result_beside_a_bad_one_is_used() -> None:
    undated = _level(effective=None)
    assert [f.bucket for f in _high(undated, _level())] == [Bucket.SHOWN]


def test_a_newer_result_without_unit_is_not_passed_over_for_an_older_one() -> None:
    older = _level(effective=date(2026, 2, 1), value=Decimal("0.7"))
    found = _high(older, _level(unit=""))
    assert [finding.bucket for finding in found] == [Bucket.NOT_EVALUABLE]


def test_another_unit_of_the_same_amount_is_the_same_level() -> None:
    in_milliequivalents, in_mass = _level(unit="meq/L"), _level(Decimal("14.6"), "mg/L")
    assert [f.bucket for f in _high(in_milliequivalents)] == [Bucket.SHOWN]
    assert [f.severity for f in _high(in_mass)] == [f.severity for f in _high(in_milliequivalents)]
