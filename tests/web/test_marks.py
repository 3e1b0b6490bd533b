"""The mark stands on what differs: one attribute of the odd one out, never the whole row."""

from __future__ import annotations

from service.web.patient.marks import marks
from tests.web.given import finding, line


def test_the_one_dose_that_differs_is_marked_and_the_agreeing_two_are_not() -> None:
    lines = [line("psychiatry"), line("primary-care", dose=100), line("pharmacy", "dispense")]
    found = marks(lines, [finding("dose-mismatch", *lines)])
    assert found == {("primary-care", "MedicationRequest/primary-care-1", "dose")}


def test_one_against_one_marks_both() -> None:
    lines = [line("psychiatry"), line("primary-care", dose=100)]
    found = marks(lines, [finding("dose-mismatch", *lines)])
    assert {source for source, _, _ in found} == {"psychiatry", "primary-care"}


def test_old_fills_of_another_dose_are_history_and_not_marked() -> None:
    lines = [
        line("psychiatry"),
        line("pharmacy", "dispense", number=1, dose=100, authored="2026-01-01"),
        line("pharmacy", "dispense", number=2, authored="2026-11-01"),
    ]
    assert marks(lines, [finding("dose-mismatch", *lines)]) == frozenset()


def test_the_stopped_order_is_marked_and_the_completed_fills_are_not() -> None:
    stopped = line("psychiatry", state="stopped", status="stopped")
    active = line("primary-care")
    fill = line("pharmacy", "dispense", state="stopped")
    found = marks(
        [stopped, active, fill], [finding("stopped-versus-active", stopped, active, fill)]
    )
    assert found == {("psychiatry", stopped["reference"], "status")}


def test_an_older_stopped_order_that_the_finding_does_not_name_stays_unmarked() -> None:
    older = line("psychiatry", number=1, state="stopped", status="stopped")
    stopped = line("psychiatry", number=2, state="stopped", status="stopped")
    found = marks([older, stopped], [finding("stopped-versus-active", stopped)])
    assert found == {("psychiatry", stopped["reference"], "status")}


def test_a_held_order_is_marked_by_its_status() -> None:
    held = line("psychiatry", state="held", status="on-hold")
    found = marks([held, line("pharmacy")], [finding("held-versus-active", held)])
    assert found == {("psychiatry", held["reference"], "status")}


def test_times_of_day_that_say_the_same_are_not_marked() -> None:
    lines = [line("psychiatry", timing="once a day (MORN)"), line("pharmacy", timing="once a day")]
    found = marks(lines, [finding("frequency-mismatch", *lines)])
    assert {attribute for _, _, attribute in found} == {"timing"}
    same = [line("psychiatry"), line("pharmacy")]
    assert marks(same, [finding("frequency-mismatch", *same)]) == frozenset()


def test_a_finding_about_other_things_marks_nothing() -> None:
    lines = [line("psychiatry"), line("pharmacy", dose=100)]
    assert marks(lines, [finding("drug-interaction", *lines)]) == frozenset()
