"""Days as the source wrote them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.normalize.dates import first_day, last_day, moment


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-03-10", date(2026, 3, 10), date(2026, 3, 10)),
        ("2026-02", date(2026, 2, 1), date(2026, 2, 28)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2026", date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_a_partial_date_is_its_first_day_as_a_start_and_its_last_as_an_end(
    text: str, first: date, last: date
) -> None:
    assert (first_day(text), last_day(text)) == (first, last)


def test_an_instant_keeps_the_day_of_its_own_offset() -> None:
    late = "2026-03-09T23:30:00-08:00"
    assert first_day(late) == date(2026, 3, 9)
    instant = moment(late)
    assert instant is not None
    assert instant.utcoffset() is not None
    assert instant.astimezone(tz=None).timestamp() == instant.timestamp()


@pytest.mark.parametrize(
    "text", ["", "2015-02-30", "2026-13", "2026-00", "0000", "soon", "10.3.26"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert first_day(text) is None
    assert last_day(text) is None


@given(st.dates())
def test_every_whole_date_reads_back(day: date) -> None:
    assert first_day(day.isoformat()) == last_day(day.isoformat()) == day


@given(st.text(max_size=40))
def test_no_text_makes_reading_a_date_fail(text: str) -> None:
    for read in (first_day, last_day, moment):
        read(text)
