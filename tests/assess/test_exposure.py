"""Episodes of taking a drug: renewals, refills and second prescribers are not new starts."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from service.assess.amounts import daily_amount, dose_changes
from service.assess.exposure import USUAL_WASHOUT_D, Exposure, Taking, exposures
from service.mappings.case_patient import build
from service.mappings.case_rows import Case, MedicationRow
from service.mappings.rxnorm import load_drug_table
from service.model.medication import TherapyState
from service.normalize.drug_table import DrugTable

MAPPINGS = Path(__file__).parents[2] / "mappings"
AS_OF = date(2026, 3, 10)
SERTRALINE = "36437"


@cache
def drugs() -> DrugTable:
    return load_drug_table(MAPPINGS)


def exposed(*rows: MedicationRow, as_of: date = AS_OF) -> Exposure:
    case = Case(name="a patient", as_of=as_of, medications=rows, expect=())
    (one,) = exposures(build(case, drugs()).view.medications, as_of, {})
    return one


def line(start: date, end: date | None = None, **more: object) -> MedicationRow:
    fields: dict[str, object] = {"rxcui": SERTRALINE, "name": "sertraline", "start": start}
    return MedicationRow(**{**fields, "end": end, **more})  # type: ignore[arg-type]


@settings(max_examples=60)
@given(st.integers(min_value=0, max_value=120))
def test_a_gap_longer_than_the_washout_makes_a_new_start_and_a_shorter_one_does_not(
    gap: int,
) -> None:
    ended = date(2025, 6, 1)
    again = ended + timedelta(days=gap)
    taken = exposed(line(date(2025, 1, 1), ended), line(again, source="primary-care"))
    expected = again if gap > USUAL_WASHOUT_D else date(2025, 1, 1)
    assert taken.start == expected
    assert taken.taking is Taking.NOW


def test_refills_carry_the_exposure_on_without_any_order() -> None:
    fills = [
        line(date(2026, 1, 5) + timedelta(days=30 * n), kind="dispense", days_supply=Decimal(30))
        for n in range(3)
    ]
    taken = exposed(*fills)
    assert (taken.start, taken.taking) == (date(2026, 1, 5), Taking.NOW)


def test_a_documented_stop_ends_it_although_the_supply_would_last_longer() -> None:
    fill = line(date(2026, 2, 1), kind="dispense", days_supply=Decimal(90), status="completed")
    order = line(date(2025, 1, 1), date(2026, 2, 20))
    taken = exposed(order, fill)
    assert (taken.taking, taken.stopped_on) == (Taking.PAST, date(2026, 2, 20))


@pytest.mark.parametrize(
    ("handed_over", "taking"),
    [(date(2026, 2, 1), Taking.PAST), (date(2026, 2, 25), Taking.UNCERTAIN)],
)
def test_what_every_order_ended_is_past_unless_something_was_handed_over_since(
    handed_over: date, taking: Taking
) -> None:
    order = line(date(2025, 1, 1), date(2026, 2, 20))
    fill = line(handed_over, kind="dispense", days_supply=Decimal(10), status="completed")
    case = Case(name="a patient", as_of=AS_OF, medications=(order, fill), expect=())
    (medication,) = build(case, drugs()).view.medications
    unclear = replace(medication, state=TherapyState.UNKNOWN)
    (taken,) = exposures([unclear], AS_OF, {})
    assert taken.taking is taking


def test_a_planned_start_is_planned_and_covers_no_day() -> None:
    taken = exposed(line(date(2026, 4, 1)))
    assert (taken.taking, taken.episodes) == (Taking.PLANNED, ())


def test_an_order_without_any_date_is_taken_since_an_unknown_day() -> None:
    taken = exposed(MedicationRow(rxcui=SERTRALINE, name="sertraline"))
    assert (taken.taking, taken.start) == (Taking.NOW, None)


def test_a_split_regimen_of_one_source_adds_up() -> None:
    taken = exposed(
        line(date(2026, 1, 1), dose=Decimal(50)), line(date(2026, 1, 1), dose=Decimal(100))
    )
    amount = daily_amount(taken)
    assert amount is not None
    assert amount.value == 150


def test_two_sources_do_not_add_up_the_higher_instruction_counts() -> None:
    taken = exposed(
        line(date(2026, 1, 1), dose=Decimal(50)),
        line(date(2026, 1, 1), dose=Decimal(100), source="primary-care"),
    )
    amount = daily_amount(taken)
    assert amount is not None
    assert amount.value == 100


def test_the_dose_is_unknown_as_soon_as_one_current_line_does_not_tell() -> None:
    taken = exposed(line(date(2026, 1, 1), dose=Decimal(50)), line(date(2026, 1, 1)))
    assert daily_amount(taken) is None


def test_a_weekly_drug_counts_per_day() -> None:
    taken = exposed(line(date(2026, 1, 1), dose=Decimal(70), every_days=Decimal(7)))
    amount = daily_amount(taken)
    assert amount is not None
    assert amount.value == 10


def test_the_same_dose_in_a_second_source_is_no_change_of_dose() -> None:
    taken = exposed(
        line(date(2026, 1, 1), dose=Decimal(50)),
        line(date(2026, 2, 1), dose=Decimal(100), source="primary-care"),
    )
    assert dose_changes(taken) == []


def test_another_dose_in_the_same_source_is_a_change_on_its_day() -> None:
    taken = exposed(
        line(date(2026, 1, 1), date(2026, 2, 1), dose=Decimal(50)),
        line(date(2026, 2, 1), dose=Decimal(100)),
    )
    assert dose_changes(taken) == [date(2026, 2, 1)]
