"""What one cell shows: the order that runs, the newest fill, and what is left of it."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.web.patient.cells import cell, supply
from service.web.words import (
    dose_words,
    first_upper,
    listed,
    status_words,
    timing_words,
    unit_words,
)
from tests.web.given import AS_OF, line


def shown(*lines: dict[str, Any], state: str = "complete") -> Any:
    return cell(list(lines), state, AS_OF, frozenset(), lambda one: f"/{one['reference']}")


def fill(number: int, day: str, days: int | None = 30) -> dict[str, Any]:
    return line("pharmacy", "dispense", number=number, authored=day, days_supply=days)


def test_the_newest_fill_is_shown_and_the_earlier_ones_stand_behind_it_in_any_order() -> None:
    fills = [fill(1, "2026-08-30"), fill(2, "2026-11-02"), fill(3, "2026-06-04")]
    for order in permutations(fills):
        (fold,) = shown(*order).folds
        assert fold.first.date == "2026-11-02"
        assert [one.date for one in fold.earlier] == ["2026-08-30", "2026-06-04"]
        assert fold.behind == "2 earlier fills"


def test_one_earlier_fill_is_one_fill() -> None:
    assert shown(fill(1, "2026-08-30"), fill(2, "2026-11-02")).folds[0].behind == "1 earlier fill"


def test_no_line_of_a_cell_is_lost_by_folding() -> None:
    lines = [
        line("psychiatry", number=1),
        line("psychiatry", number=2, state="stopped", status="stopped"),
        line("psychiatry", "dispense", number=3),
        line("psychiatry", "dispense", number=4, state="unknown"),
        line("psychiatry", "administration", number=5),
        line("psychiatry", "statement", number=6),
    ]
    folds = shown(*lines).folds
    found = [one.reference for fold in folds for one in (fold.first, *fold.earlier)]
    assert sorted(found) == sorted(one["reference"] for one in lines)


def test_an_order_that_ended_stands_behind_the_one_that_runs() -> None:
    ended = line("psychiatry", number=1, state="stopped", status="stopped", authored="2026-11-01")
    running = line("psychiatry", number=2, authored="2026-01-01")
    (fold,) = shown(ended, running).folds
    assert fold.first.status == "active order"
    assert [one.status for one in fold.earlier] == ["stopped order"]


def test_an_order_that_ended_is_shown_first_where_nothing_runs() -> None:
    ended = line("psychiatry", state="stopped", status="stopped", end="2026-10-12")
    (fold,) = shown(ended).folds
    assert (fold.first.status, fold.first.until) == ("stopped order", "2026-10-12")


def test_a_fill_repeats_the_dose_of_its_order_only_when_it_differs() -> None:
    order, same = line("psychiatry"), line("psychiatry", "dispense")
    other = line("psychiatry", "dispense", dose=100)
    assert [fold.repeats for fold in shown(order, same).folds] == [False, True]
    assert [fold.repeats for fold in shown(order, other).folds] == [False, False]


@pytest.mark.parametrize("state", ["partial", "unavailable", "withheld", "stale"])
def test_a_source_that_was_not_read_whole_never_looks_empty(state: str) -> None:
    assert shown(state=state).unread == f"source is {state}"
    assert shown(state="complete").unread == ""


@pytest.mark.parametrize(
    ("filled", "days", "percent", "words"),
    [
        ("2026-11-15", 30, 100, "30 of 30 days left"),
        ("2026-11-01", 28, 50, "14 of 28 days left"),
        ("2026-10-17", 30, 3, "1 of 30 days left"),
        ("2026-10-16", 30, 0, "runs out today"),
        ("2026-10-15", 30, 0, "ran out 1 day ago"),
        ("2026-09-16", 30, 0, "ran out 30 days ago"),
    ],
)
def test_supply_left_counts_from_the_fill_to_the_day_of_the_list(
    filled: str, days: int, percent: int, words: str
) -> None:
    found = supply(fill(1, filled, days), AS_OF)
    assert found is not None
    assert (found.percent, found.words) == (percent, words)


def test_supply_is_not_guessed_where_the_fill_does_not_say_how_long_it_lasts() -> None:
    assert supply(fill(1, "2026-11-01", None), AS_OF) is None
    assert supply(line("psychiatry", days_supply=30), AS_OF) is None


@given(st.integers(1, 400), st.dates())
def test_supply_left_stays_between_nothing_and_all_of_it(days: int, day: Any) -> None:
    found = supply(fill(1, min(day.isoformat(), AS_OF), days), AS_OF)
    assert found is not None
    assert 0 <= found.percent <= 100


@pytest.mark.parametrize(
    ("timing", "words"),
    [
        ("once a day (MORN)", "in the morning"),
        ("once a day (HS)", "at bedtime"),
        ("twice a day (MORN, EVE)", "in the morning and in the evening"),
        ("3 times a day (AC)", "3 times a day, before meals"),
        ("once a week (mon)", "once a week, on Monday"),
        ("3 times in 7 days (mon, wed, fri)", "3 times in 7 days, on Monday, Wednesday and Friday"),
        ("once every 28 days", "once every 28 days"),
        ("once a day (with food)", "once a day (with food)"),
        ("", ""),
    ],
)
def test_times_of_day_are_said_as_people_say_them(timing: str, words: str) -> None:
    assert timing_words(timing) == words


def test_a_dose_that_was_not_read_is_not_zero() -> None:
    assert dose_words(line("psychiatry", dose=None)) == "dose not read"
    assert dose_words(line("psychiatry", dose=None, as_needed=True)) == "as needed"
    assert dose_words(line("psychiatry", dose=234, interval_d=28)) == "234 mg every 28 d"


def test_a_completed_fill_is_not_said_to_be_a_stopped_drug() -> None:
    assert status_words(line("pharmacy", "dispense")) == "filled"
    assert status_words(line("clinic", "administration")) == "given"
    assert status_words(line("clinic", "administration", status="not-done")) == "given, not-done"
    assert status_words(line("clinic", status="")) == "order without status"


def test_labels_begin_with_a_capital_and_abbreviations_stay() -> None:
    assert [first_upper(word) for word in ("body weight", "eGFR", "QTc", "")] == [
        "Body weight",
        "eGFR",
        "QTc",
        "",
    ]
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_units_are_written_as_people_write_them() -> None:
    assert unit_words("66 mL/min/{1.73_m2}") == "66 mL/min/1.73 m²"
    assert unit_words("12 {score}") == "12"
    assert unit_words("8 ug/mL") == "8 mcg/mL"
    assert unit_words("positive") == "positive"
