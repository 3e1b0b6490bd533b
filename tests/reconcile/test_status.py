"""Families C3 to C6: one list moved on, another did not."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from service.model.finding import Bucket, Severity
from service.model.medication import Action, Kind, TherapyState
from tests.reconcile.builders import (
    PHARMACY,
    PRIMARY_CARE,
    PSYCHIATRY,
    SERTRALINE,
    TODAY,
    dispense,
    drug,
    line,
    only,
    reconciled,
    record,
    types,
)

TABLET = drug(SERTRALINE)


def stopped_and_active(stopped: date | None, active_since: date, **more: object) -> object:
    return reconciled(
        record(
            PSYCHIATRY,
            line(
                PSYCHIATRY,
                "MedicationRequest/1",
                TABLET,
                status="stopped",
                stopped_on=stopped,
                **more,
            ),
        ),
        record(
            PRIMARY_CARE, line(PRIMARY_CARE, "MedicationRequest/9", TABLET, authored=active_since)
        ),
    )


def test_a_stop_after_the_order_that_still_runs_elsewhere_is_a_conflict() -> None:
    result = stopped_and_active(date(2026, 2, 1), date(2025, 11, 1))
    finding = only(result, "stopped-versus-active")
    assert finding.severity is Severity.HIGH
    assert finding.bucket is Bucket.SHOWN
    assert finding.sources == (PRIMARY_CARE, PSYCHIATRY)
    assert "stopped on 2026-02-01" in finding.message
    (medication,) = result.medications
    assert medication.state is TherapyState.CONFLICT
    assert medication.proposal.action is Action.ASK
    assert medication.daily_doses == ()


def test_an_order_made_after_the_stop_is_a_new_start() -> None:
    result = stopped_and_active(date(2025, 10, 1), date(2025, 11, 1), authored=date(2025, 1, 1))
    assert "stopped-versus-active" not in types(result)
    assert result.medications[0].state is TherapyState.CURRENT
    assert "earlier, stopped course" in only(result, "omission-prescribed").message


def test_a_stop_on_the_day_of_the_order_is_still_a_conflict() -> None:
    result = stopped_and_active(date(2025, 11, 1), date(2025, 11, 1))
    assert "stopped-versus-active" in types(result)


def test_a_stop_without_a_date_before_a_younger_order_cannot_be_told() -> None:
    result = stopped_and_active(None, date(2026, 2, 1), authored=date(2026, 1, 1))
    finding = only(result, "stopped-versus-active")
    assert finding.bucket is Bucket.NOT_EVALUABLE
    assert result.medications[0].state is TherapyState.CURRENT


def test_a_stop_without_a_date_of_the_younger_entry_is_a_conflict() -> None:
    result = stopped_and_active(None, date(2025, 6, 1), authored=date(2026, 1, 1))
    assert only(result, "stopped-versus-active").bucket is Bucket.SHOWN


def test_a_completed_dispense_is_no_stop() -> None:
    result = reconciled(
        record(PSYCHIATRY, line(PSYCHIATRY, "MedicationRequest/1", TABLET)),
        record(PHARMACY, dispense(PHARMACY, "MedicationDispense/1", TABLET, on=date(2025, 1, 1))),
    )
    assert "stopped-versus-active" not in types(result)


def test_what_the_patient_says_is_not_taken_is_a_stop() -> None:
    said = line(
        "patient", "MedicationStatement/1", TABLET, kind=Kind.STATEMENT, taken="not",
        authored=date(2026, 3, 1),
    )  # fmt: skip
    result = reconciled(
        record("patient", said), record(PSYCHIATRY, line(PSYCHIATRY, "MedicationRequest/1", TABLET))
    )
    assert "not taken" in only(result, "stopped-versus-active").message


def test_a_stopped_order_with_tablets_left_stays_stopped_unless_supplied_again() -> None:
    def state(handed_over: date) -> TherapyState:
        order = line(
            PHARMACY, "MedicationRequest/1", TABLET, status="stopped", stopped_on=date(2026, 2, 25)
        )
        supply = dispense(PHARMACY, "MedicationDispense/1", TABLET, on=handed_over)
        return reconciled(record(PHARMACY, order, supply)).medications[0].state

    assert state(date(2026, 2, 20)) is TherapyState.STOPPED
    assert state(date(2026, 2, 27)) is TherapyState.CURRENT


def test_a_completed_order_with_supply_that_lasts_is_current() -> None:
    order = line(PHARMACY, "MedicationRequest/1", TABLET, status="completed")
    supply = dispense(PHARMACY, "MedicationDispense/1", TABLET, on=date(2026, 2, 27))
    assert reconciled(record(PHARMACY, order, supply)).medications[0].state is TherapyState.CURRENT


def test_on_hold_against_current_is_a_conflict() -> None:
    result = reconciled(
        record(PSYCHIATRY, line(PSYCHIATRY, "MedicationRequest/1", TABLET, status="on-hold")),
        record(PRIMARY_CARE, line(PRIMARY_CARE, "MedicationRequest/9", TABLET)),
    )
    assert only(result, "held-versus-active").severity is Severity.MODERATE
    assert result.medications[0].state is TherapyState.CONFLICT


def test_on_hold_everywhere_is_held() -> None:
    result = reconciled(
        record(PSYCHIATRY, line(PSYCHIATRY, "MedicationRequest/1", TABLET, status="on-hold"))
    )
    assert result.medications[0].state is TherapyState.HELD
    assert result.medications[0].proposal.action is Action.HOLD


@pytest.mark.parametrize(("days", "stale"), [(100, False), (101, True)])
def test_a_hundred_days_without_a_sign_of_life_make_an_entry_stale(days: int, stale: bool) -> None:
    old = TODAY - timedelta(days=days)
    result = reconciled(
        record(PRIMARY_CARE, line(PRIMARY_CARE, "MedicationRequest/9", TABLET, authored=old)),
        record(PHARMACY, dispense(PHARMACY, "MedicationDispense/1", TABLET, on=old)),
    )
    assert ("stale-entry" in types(result)) is stale


@pytest.mark.parametrize(("days", "stale"), [(180, False), (181, True)])
def test_long_supplies_keep_an_entry_alive_for_twice_their_days(days: int, stale: bool) -> None:
    old = TODAY - timedelta(days=days)
    result = reconciled(
        record(PRIMARY_CARE, line(PRIMARY_CARE, "MedicationRequest/9", TABLET, authored=old)),
        record(PHARMACY, dispense(PHARMACY, "MedicationDispense/1", TABLET, on=old, days=90)),
    )
    assert ("stale-entry" in types(result)) is stale


def test_supply_seen_in_any_source_keeps_an_old_order_alive() -> None:
    result = reconciled(
        record(
            PRIMARY_CARE,
            line(PRIMARY_CARE, "MedicationRequest/9", TABLET, authored=date(2024, 1, 1)),
        ),
        record(PHARMACY, dispense(PHARMACY, "MedicationDispense/1", TABLET)),
    )
    assert "stale-entry" not in types(result)


def test_without_a_source_of_supply_nobody_can_tell_whether_an_entry_is_stale() -> None:
    old = line(PRIMARY_CARE, "MedicationRequest/9", TABLET, authored=date(2025, 1, 1))
    finding = only(reconciled(record(PRIMARY_CARE, old)), "stale-entry")
    assert finding.bucket is Bucket.NOT_EVALUABLE


def test_an_open_entry_past_its_end_is_stale_and_not_current() -> None:
    ended = line(PRIMARY_CARE, "MedicationRequest/9", TABLET, end=TODAY - timedelta(days=1))
    result = reconciled(record(PRIMARY_CARE, ended))
    assert "stale-entry" in types(result)
    assert result.medications[0].state is TherapyState.STOPPED


def test_a_prescription_no_longer_valid_and_without_supply_is_stale() -> None:
    order = line(
        PRIMARY_CARE, "MedicationRequest/9", TABLET, authored=date(2026, 1, 1),
        valid_until=date(2026, 2, 1),
    )  # fmt: skip
    result = reconciled(record(PRIMARY_CARE, order), record(PHARMACY))
    assert "stale-entry" in types(result)
    supply = dispense(PHARMACY, "MedicationDispense/1", TABLET)
    running = reconciled(record(PRIMARY_CARE, order), record(PHARMACY, supply))
    assert "stale-entry" not in types(running)


def test_an_older_order_of_the_same_prescriber_is_superseded_and_no_duplicate() -> None:
    old = line(
        PSYCHIATRY,
        "MedicationRequest/1",
        TABLET,
        dose="50",
        authored=date(2026, 1, 1),
        requester="A B",
    )
    new = line(
        PSYCHIATRY,
        "MedicationRequest/2",
        TABLET,
        dose="100",
        authored=date(2026, 2, 1),
        requester="A B",
    )
    result = reconciled(record(PSYCHIATRY, old, new))
    assert types(result) == ["superseded-not-closed"]
    assert [d.value for d in result.medications[0].daily_doses] == [Decimal(100)]


@pytest.mark.parametrize(("dose", "told"), [("100", True), ("50", False)])
def test_the_proposal_names_the_dose_of_an_older_order_that_is_still_open(
    dose: str, told: bool
) -> None:
    """25 mg beside 100 mg may be the newer dose, or one meant on top."""
    older = line(
        PSYCHIATRY, "MedicationRequest/1", TABLET, dose=dose, authored=TODAY - timedelta(days=60),
        requester="Ada Braun",
    )  # fmt: skip
    newer = line(
        PSYCHIATRY, "MedicationRequest/2", TABLET, dose="50", authored=TODAY - timedelta(days=9),
        requester="Ada Braun",
    )  # fmt: skip
    (medication,) = reconciled(record(PSYCHIATRY, older, newer)).medications
    assert medication.proposal.action is Action.CONTINUE
    words = "psychiatry still has an older order of 100 mg a day open"
    assert (words in medication.proposal.reason) is told


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"status": "active"}, TherapyState.CURRENT),
        ({"status": "unknown"}, TherapyState.CURRENT),
        ({"status": "draft"}, TherapyState.PLANNED),
        ({"intent": "plan"}, TherapyState.PLANNED),
        ({"start": TODAY + timedelta(days=1)}, TherapyState.PLANNED),
        ({"start": TODAY}, TherapyState.CURRENT),
        ({"end": TODAY}, TherapyState.CURRENT),
        ({"end": TODAY - timedelta(days=1)}, TherapyState.STOPPED),
        ({"status": "completed"}, TherapyState.STOPPED),
        ({"status": "cancelled"}, TherapyState.STOPPED),
        ({"kind": Kind.STATEMENT, "status": "intended"}, TherapyState.PLANNED),
        ({"kind": Kind.STATEMENT, "status": "not-taken"}, TherapyState.STOPPED),
        ({"kind": Kind.STATEMENT, "status": "unknown"}, TherapyState.UNKNOWN),
    ],
)
def test_status_and_dates_give_the_state_of_a_line(
    more: dict[str, object], state: TherapyState
) -> None:
    result = reconciled(record(PSYCHIATRY, line(PSYCHIATRY, "Resource/1", TABLET, **more)))
    assert result.medications[0].lines[0].state is state


@pytest.mark.parametrize(
    ("days_ago", "state"),
    [(0, TherapyState.CURRENT), (37, TherapyState.CURRENT), (38, TherapyState.UNKNOWN),
     (130, TherapyState.UNKNOWN), (131, TherapyState.STOPPED)],
)  # fmt: skip
def test_a_dispense_runs_for_its_days_and_the_carry_over(
    days_ago: int, state: TherapyState
) -> None:
    supply = dispense(PHARMACY, "D/1", TABLET, on=TODAY - timedelta(days=days_ago), days=30)
    assert reconciled(record(PHARMACY, supply)).medications[0].lines[0].state is state
