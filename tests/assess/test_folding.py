"""Related findings become one: nothing is lost, the rest is suppressed with its reason."""

from __future__ import annotations

from datetime import date

from service.assess.engine import assess
from service.mappings.case_patient import build
from service.mappings.case_rows import Case, MedicationRow, ResultRow
from service.model.finding import Bucket, Finding, Severity

from .test_engine import AS_OF, book, drugs

METABOLIC = "monitoring/antipsychotic-"


def _found(*medications: MedicationRow, results: tuple[ResultRow, ...] = ()) -> list[Finding]:
    case = Case(name="x", as_of=AS_OF, medications=medications, results=results, expect=())
    return list(assess(build(case, drugs()).view, book(), AS_OF))


def _taken(rxcui: str, start: date = date(2024, 1, 10)) -> MedicationRow:
    return MedicationRow(rxcui=rxcui, name=rxcui, start=start)


def test_the_overdue_tests_of_one_drug_are_one_finding_that_names_them_all() -> None:
    found = [f for f in _found(_taken("61381")) if f.rule.id.startswith(METABOLIC)]
    shown = [f for f in found if f.bucket is Bucket.SHOWN]
    told = [f for f in found if f.bucket is Bucket.SUPPRESSED]
    assert (len(shown), len(told)) == (1, 3)
    assert all(finding.title in shown[0].message for finding in told)
    assert all(finding.reason == f"told together with: {shown[0].title}" for finding in told)


def test_the_one_finding_is_as_grave_and_as_early_as_the_gravest_and_the_earliest() -> None:
    found = [f for f in _found(_taken("61381")) if f.rule.id.startswith(METABOLIC)]
    shown = next(f for f in found if f.bucket is Bucket.SHOWN)
    assert shown.severity is min((f.severity for f in found), key=lambda s: s.rank)
    assert shown.due == min(f.due for f in found if f.due is not None)


def test_two_drugs_with_overdue_tests_of_one_kind_keep_a_finding_each() -> None:
    found = _found(_taken("40254"), _taken("6901"))
    rules = {f.rule.id.split("/")[1].split("-")[0] for f in found if f.bucket is Bucket.SHOWN}
    assert {"valproate", "stimulant"} <= rules


def test_a_finding_alone_in_its_group_stays_as_it_is() -> None:
    weighed = tuple(
        ResultRow(loinc=code, name="x", effective=date(2026, 3, 1), value=None)
        for code in ("29463-7", "85354-9", "2093-3")
    )
    found = [f for f in _found(_taken("61381"), results=weighed) if f.rule.id.startswith(METABOLIC)]
    assert [(f.rule.id, f.bucket) for f in found] == [(METABOLIC + "glucose", Bucket.SHOWN)]
    assert "Also:" not in found[0].message


def test_folding_hides_no_high_finding_behind_a_milder_one() -> None:
    everything = [_taken(code) for code in ("61381", "6448", "40254", "6901", "2598", "36437")]
    found = _found(*everything)
    told = [f for f in found if f.reason.startswith("told together with")]
    high = " ".join(
        f.message for f in found if f.bucket is Bucket.SHOWN and f.severity is Severity.HIGH
    )
    assert told
    assert all(f.title in high for f in told if f.severity is Severity.HIGH)
