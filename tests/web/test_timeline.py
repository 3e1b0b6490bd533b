"""The time line and the monitoring calendar: everything stands where its day is, and in words."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as cases
from hypothesis import strategies as st

from service.web.over_time.axis import LEFT, RIGHT, Axis
from service.web.over_time.monitoring import calendar, late_words
from service.web.over_time.timeline import TimeLine, timeline, visit_kind
from tests.web.drawn import Skeleton, drawn
from tests.web.given import document, due, full, line, medication, page, result

AXIS = Axis(date(2026, 1, 1), date(2026, 12, 31))


def lane(found: TimeLine, detail: str) -> Any:
    return next(one for one in found.lanes if one.detail == detail and not one.label)


@cases(st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.dates(date(1990, 1, 1), date(2060, 1, 1)))
def test_the_axis_keeps_the_order_of_days_and_ends_at_its_ends(one: date, other: date) -> None:
    first, second = AXIS.x(one.isoformat()), AXIS.x(other.isoformat())
    assert LEFT <= first <= RIGHT
    assert (one <= other) is (first <= second) or first == second


def test_a_running_order_reaches_the_day_of_the_list_and_a_stopped_one_its_end() -> None:
    found = timeline(
        document(
            medication(
                line("psychiatry", authored="2026-06-01"),
                line("pharmacy", state="stopped", authored="2026-06-01", end="2026-08-01"),
            )
        )
    )
    (running,), (stopped,) = lane(found, "psychiatry").bars, lane(found, "pharmacy").bars
    assert running.x + running.width == pytest.approx(found.today, abs=0.2)
    assert stopped.x + stopped.width == pytest.approx(found.axis.x("2026-08-01"), abs=0.2)


def test_a_bar_is_as_high_as_its_dose() -> None:
    low = line("psychiatry", number=1, dose=50, authored="2026-03-01", end="2026-06-01")
    high = line("psychiatry", number=2, dose=100, authored="2026-06-01")
    bars = lane(timeline(document(medication(low, high))), "psychiatry").bars
    assert bars[0].height < bars[1].height
    assert bars[0].y + bars[0].height == bars[1].y + bars[1].height


def test_a_fill_is_as_long_as_it_lasts() -> None:
    fill = line("pharmacy", "dispense", last_supplied="2026-07-01", days_supply=90)
    found = timeline(document(medication(fill)))
    (bar,) = lane(found, "pharmacy").bars
    assert bar.x + bar.width == pytest.approx(found.axis.x("2026-09-29"), abs=0.2)


def test_what_ended_before_the_axis_is_not_drawn_and_still_told_in_words() -> None:
    old = line("psychiatry", authored="2020-01-01", end="2020-06-01", state="stopped")
    found = timeline(document(medication(old)))
    assert [one for one in found.lanes if one.bars] == []
    assert [row["from"] for row in found.drugs] == ["2020-01-01"]


def test_contacts_are_kept_missed_or_still_to_come() -> None:
    assert visit_kind("fulfilled") == visit_kind("finished") == "kept"
    assert visit_kind("noshow") == visit_kind("cancelled") == "missed"
    assert visit_kind("booked") == visit_kind("proposed") == "booked"


def test_values_in_different_units_never_share_a_curve() -> None:
    results = [result("2026-09-01", 60), result("2026-10-01", 1, unit="mL/s")]
    found = timeline(document(context={"results": results}))
    assert [(one.detail, len(one.marks)) for one in found.lanes if one.track] == [
        ("mL/min", 1),
        ("mL/s", 1),
    ]


def test_lanes_do_not_overlap_and_everything_drawn_has_words() -> None:
    found = timeline(full())
    for above, below in zip(found.lanes, found.lanes[1:], strict=False):
        assert above.y + above.height <= below.y
    assert found.lanes[-1].y + found.lanes[-1].height <= found.height
    assert all(one.words for lane in found.lanes for one in (*lane.bars, *lane.marks))
    assert (len(found.drugs), len(found.contacts), len(found.results)) == (5, 2, 2)


def test_on_paper_a_drug_stays_with_its_sources_and_each_page_begins_with_the_months() -> None:
    drugs = [
        medication(
            line("psychiatry"), line("primary-care"), line("pharmacy", "dispense"), id=f"m{n}"
        )
        for n in range(30)
    ]
    content = {**full(), "medications": drugs}
    found = timeline(content)
    assert [one for panel in found.panels for one in panel.lanes] == list(found.lanes)
    assert all(panel.lanes[0].label for panel in found.panels)
    assert sum(len(panel.lanes) == 4 for panel in found.panels) == 30
    for above, below in pairwise(found.panels):
        assert above.bottom == below.top
    values = {"line": found, "calendar": calendar(content), "spans": (12,)}
    html = drawn("timeline.html", page=page(content), **values)
    head, *torn_nowhere = (
        html.partition('class="timeline"')[2].partition("</table>")[0].split("<svg")
    )
    assert "<thead>" in head
    assert len(torn_nowhere) == 1 + len(found.panels)
    months = [month for _, month in found.axis.months if month]
    assert all(month in torn_nowhere[0] for month in months)


def test_a_dose_is_said_where_it_changes_and_not_again_with_each_order() -> None:
    lines = [
        line("psychiatry", number=n, dose=dose, authored=day, start=day, end=end, state="stopped")
        for n, (dose, day, end) in enumerate(
            [
                (50, "2026-02-01", "2026-04-01"),
                (50, "2026-04-01", "2026-06-01"),
                (100, "2026-06-01", "2026-08-01"),
                (50, "2026-08-01", "2026-10-01"),
            ]
        )
    ]
    for given in (lines, lines[::-1]):
        bars = lane(timeline(document(medication(*given))), "psychiatry").bars
        assert [bar.said for bar in bars] == ["50 mg", "", "100 mg", "50 mg"]


def test_an_empty_chart_has_an_empty_time_line() -> None:
    content = document(context={})
    values = {"line": timeline(content), "calendar": calendar(content), "spans": (12,)}
    said = Skeleton(drawn("timeline.html", page=page(content), **values)).text
    assert "This does not mean that none is needed." in said
    assert "none in this time" in said


def test_overdue_tests_come_first_with_their_last_result_and_where_it_was_done() -> None:
    content = {
        **full(),
        "plan": {"calendar": [due("TSH", "2026-12-01", owner=None), due("eGFR", "2026-11-01")]},
    }
    first, second = calendar(content)
    assert (first["what"], first["late"], first["last"], first["value"], first["where"]) == (
        "eGFR",
        "overdue by 14 days",
        "2026-10-01",
        "55 mL/min",
        "primary-care",
    )
    assert (second["what"], second["late"], second["last"], second["owner"]) == (
        "TSH",
        "in 16 days",
        "",
        "",
    )


def test_how_late_is_said_in_days() -> None:
    assert late_words("2026-11-15", "2026-11-15") == "due today"
    assert late_words("2026-11-16", "2026-11-15") == "in 1 day"
    assert late_words("2026-11-14", "2026-11-15") == "overdue by 1 day"


def test_a_dose_is_said_in_a_long_bar_before_a_short_one_and_never_over_another_bar() -> None:
    def bars(*begun: str) -> list[tuple[str, str]]:
        lines = [
            line("primary-care", number=n, authored=day, start=day) for n, day in enumerate(begun)
        ]
        lanes = timeline(document(medication(*lines))).lanes
        return [(bar.said, bar.beside) for lane in lanes for bar in lane.bars]

    assert bars("2026-01-10") == [("50 mg", "")]
    assert bars("2026-11-05") == [("", "50 mg")]
    assert bars("2026-11-05", "2026-11-08") == [("", ""), ("", "")]
