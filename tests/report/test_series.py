"""The series behind the time line: final results under the narrowest name, contacts in order."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from service.model.clinical import Allergy, Condition, LabResult, Visit
from service.model.concept import LOINC, Coding
from service.model.dosage import Quantity
from service.model.evidence import Origin
from service.model.record import Measure
from service.report.series import ICD_10_CM, LOOK_BACK, effects, results, visits

AS_OF = date(2026, 11, 15)
WEIGHT = Measure("body weight", frozenset({"29463-7"}))
EITHER = Measure("weight or BMI", frozenset({"29463-7", "39156-5"}))
TRACKED = (WEIGHT, EITHER)


def result(
    number: int, day: date | None, code: str = "29463-7", status: str = "final"
) -> LabResult:
    return LabResult(
        origin=Origin("psychiatry", f"Observation/{number}"),
        codings=(Coding(LOINC, code, ""),),
        status=status,
        effective=day,
        value=Quantity(Decimal("71.50"), "kg"),
    )


def visit(number: int, day: date | None, status: str = "booked") -> Visit:
    return Visit(Origin("psychiatry", f"Appointment/{number}"), "appointment", status, day)


def test_a_result_goes_by_its_narrowest_measure_and_names_all_that_hold_it() -> None:
    found = results(TRACKED, [result(1, AS_OF), result(2, AS_OF, "39156-5")], AS_OF)
    assert [one["titles"] for one in found] == [["body weight", "weight or BMI"], ["weight or BMI"]]
    assert found[0]["value"] == Decimal("71.5")


def test_results_that_are_not_final_not_dated_or_not_watched_are_left_out() -> None:
    given = [
        result(1, AS_OF, status="preliminary"),
        result(2, AS_OF, status="entered-in-error"),
        result(3, None),
        result(4, AS_OF, "1234-5"),
    ]
    assert results(TRACKED, given, AS_OF) == []


def test_the_newest_result_is_kept_however_old_it_is() -> None:
    old, older = AS_OF - LOOK_BACK - timedelta(days=9), AS_OF - LOOK_BACK - timedelta(days=10)
    found = results(TRACKED, [result(1, older), result(2, old)], AS_OF)
    assert [one["reference"] for one in found] == ["Observation/2"]


def test_the_order_of_the_input_does_not_matter() -> None:
    given = [result(number, AS_OF - timedelta(days=number % 3)) for number in range(9)]
    assert results(TRACKED, given, AS_OF) == results(TRACKED, given[::-1], AS_OF)
    contacts = [visit(number, AS_OF + timedelta(days=number % 3)) for number in range(9)]
    assert visits(contacts, AS_OF) == visits(contacts[::-1], AS_OF)


def test_contacts_without_a_day_or_long_past_are_left_out_and_booked_ones_stay() -> None:
    given = [
        visit(1, None),
        visit(2, AS_OF - LOOK_BACK - timedelta(days=1)),
        visit(3, AS_OF + timedelta(days=400)),
    ]
    assert [one["reference"] for one in visits(given, AS_OF)] == ["Appointment/3"]


def test_the_range_of_a_source_travels_with_its_result_and_none_is_made_up() -> None:
    ranged = replace(result(1, AS_OF), usual=(Decimal("0.60"), Decimal("1.0")))
    open_end = replace(result(2, AS_OF), usual=(None, Decimal("5.0")))
    found = results(TRACKED, [ranged, open_end, result(3, AS_OF)], AS_OF)
    assert [one.get("range") for one in found] == [
        {"low": Decimal("0.6"), "high": Decimal("1")},
        {"low": None, "high": Decimal("5")},
        None,
    ]


def condition(text: str, code: str = "") -> Condition:
    codings = (Coding(ICD_10_CM, code, ""),) if code else ()
    return Condition(Origin("psychiatry", "Condition/1"), codings, text, True, onset=AS_OF)


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        (condition("Drug-induced acute dystonia"), True),
        (condition("Adverse effect of other antipsychotics, initial encounter", "T43.595A"), True),
        (condition("", "T36.95XA"), True),
        (condition("", "T43591A"), False),
        (condition("", "T43.551A"), False),
        (condition("", "F32.9"), False),
        (condition("Long-term use of antipsychotics", "Z79.899"), False),
        (replace(condition("Drug-induced tremor"), refuted=True), False),
        (replace(condition("Drug-induced tremor"), onset=AS_OF + timedelta(days=1)), False),
        (replace(condition("Drug-induced tremor"), onset=None), False),
    ],
)
def test_a_diagnosis_that_a_drug_brought_about_is_a_side_effect_on_its_day(
    told: Condition, counts: bool
) -> None:
    assert bool(effects([], [told], AS_OF)) is counts


def test_a_reaction_counts_with_its_manifestation_and_its_day() -> None:
    origin = Origin("primary-care", "AllergyIntolerance/1")
    rash = Allergy(origin, (), "lamotrigine", (), reactions=("rash", "fever"), recorded=AS_OF)
    silent = replace(rash, reactions=())
    refuted = replace(rash, refuted=True)
    assert effects([rash, silent, refuted], [], AS_OF) == [
        {
            "date": AS_OF.isoformat(),
            "what": "lamotrigine: fever, rash",
            "source": "primary-care",
            "reference": "AllergyIntolerance/1",
        }
    ]
