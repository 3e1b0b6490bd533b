"""Text directions: read whole, or not read."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.model.dosage import Dosage
from tests.normalize.given import tables

READ = tables().grammar.read
D = Decimal


def only(text: str) -> Dosage:
    (found,) = READ(text)
    return found


@pytest.mark.parametrize(
    ("text", "dose", "unit", "per_day", "as_needed"),
    [
        ("1 tab po bid prn", D(1), "{tablet}", D(2), True),
        ("Take 1 tablet by mouth every day", D(1), "{tablet}", D(1), False),
        ("take one-half tablet at bedtime", D("0.5"), "{tablet}", D(1), False),
        ("1½ tablets daily", D("1.5"), "{tablet}", D(1), False),
        ("TAKE 2 CAPSULES TWICE A DAY", D(2), "{capsule}", D(2), False),
        ("10 mL q8h", D(10), "mL", D(3), False),
        ("0.5 mg q6h prn anxiety", D("0.5"), "mg", D(4), True),
        ("75mcg daily", D(75), "ug", D(1), False),
        ("1 tablet every other day", D(1), "{tablet}", D("0.5"), False),
        ("apply 1 patch every 72 hours", D(1), "{patch}", D(1) / 3, False),
        ("6 tablets once a week", D(6), "{tablet}", D(6) / 6 / 7, False),
        ("inject 150 mg IM every 4 weeks", D(150), "mg", D(1) / 28, False),
        ("1 tablet on mondays, wednesdays and fridays", D(1), "{tablet}", D(3) / 7, False),
        ("1 tablet in the morning, at noon and at bedtime", D(1), "{tablet}", D(3), False),
        ("1 tablet at 8 am and 1 tablet at 8 pm", D(1), "{tablet}", D(1), False),
        (
            "Take 1 tablet (50 mg total) by mouth 2 (two) times a day.",
            D(1),
            "{tablet}",
            D(2),
            False,
        ),
        ("1,000 mg twice daily", D(1000), "mg", D(2), False),
    ],
)
def test_a_direction_gives_dose_and_times(
    text: str, dose: Decimal, unit: str, per_day: Decimal, as_needed: bool
) -> None:
    found = READ(text)
    assert found
    assert found[0].dose is not None
    assert found[0].frequency is not None
    assert (found[0].dose.value, found[0].dose.unit) == (dose, unit)
    assert abs(found[0].frequency.per_day - per_day) < D("1e-12")
    assert found[0].as_needed is as_needed


def test_parts_of_a_day_are_taken_together() -> None:
    morning, night = READ("take 2 capsules every morning and 1 at bedtime")
    assert morning.frequency is not None
    assert night.frequency is not None
    assert morning.dose is not None
    assert night.dose is not None
    assert (morning.dose.value, morning.frequency.when) == (2, ("MORN",))
    assert (night.dose.value, night.frequency.when) == (1, ("HS",))
    assert morning.sequence is night.sequence is None


def test_a_taper_is_steps_with_their_lengths() -> None:
    first, second = READ("taper 20 mg x 5 d then 10")
    assert first.dose is not None
    assert second.dose is not None
    assert (first.sequence, first.dose.value, first.duration_d) == (1, 20, 5)
    assert (second.sequence, second.dose.value, second.dose.unit) == (2, 10, "mg")
    assert second.duration_d is None


def test_days_of_a_pack_are_steps() -> None:
    first, second = READ("take 2 tablets on day 1 then 1 tablet on days 2-5")
    assert (first.duration_d, second.duration_d) == (1, 4)


def test_the_amount_beside_a_count_is_kept() -> None:
    found = only("Take 3 tablets (6mg) once daily")
    assert found.amount is not None
    assert (found.amount.value, found.amount.unit) == (6, "mg")


def test_a_maximum_is_no_dose() -> None:
    found = only("1 tab q6h prn pain, max 3 tabs per day")
    assert found.max_per_day is not None
    assert found.max_per_day.value == 3
    assert found.as_needed_for == "pain"


def test_up_to_so_many_times_is_as_needed() -> None:
    assert only("1 tablet up to 3 times a day").as_needed


def test_a_single_dose_lasts_one_day() -> None:
    assert only("200 mg PO x1").duration_d == 1


@pytest.mark.parametrize(
    ("text", "per_day", "days"),
    [
        ("1 drop in surgical eye 4 times a day x 10 days starting 3 days prior to surgery", 4, 10),
        ("1 caps po dailyinstrdo not crush or chew", 1, None),
        ("take 1 tablet oral twice a day 20 rf 0", 2, None),
        ("take 1 tablet oral qd every day patient will buy otc if not covered", 1, None),
        ("1.15 mg compounded as a suspension orally twice a day 30 days", 2, 30),
        ("inhale 1 puff bid rinse mouth after use to reduce aftertaste", 2, None),
    ],
)
def test_what_goes_with_a_direction_changes_nothing_of_it(
    text: str, per_day: int, days: int | None
) -> None:
    found = only(text)
    assert found.frequency is not None
    assert (found.frequency.per_day, found.duration_d) == (per_day, days)


def test_days_that_are_named_may_be_closed_by_the_others() -> None:
    found = only("take 1 tablet on monday and friday dont take anything on the other days")
    assert found.frequency is not None
    assert found.frequency.days == ("mon", "fri")
    assert READ("take 1 tablet daily dont take anything on the other days") == ()


@pytest.mark.parametrize(
    "text",
    [
        "use as directed",
        "take 1 tablet po tid with 5 additional tablets for pain",
        "1 caps po dailyx90 daysinstrreplaces her 30mg dose",
        "take 1 tablet 20 rf 0",
        "take 1 tablet",
        "1 tablet daily, hold if drowsy",
        "1 tablet daily, skip on sundays",
        "1 tablet daily; adjust dose to level",
        "1 tablet daily then as needed",
        "take 2 tablets daily for 14 days then decrease to 0.5 tablets every 14 days",
        "take on tablet twice a day",
        "1 tablet twice daily in the evening",
        "1 tablet daily or 2 tablets daily",
        "increase by 1 tablet every week",
        "1 tablet daily 2 tablets bid",
        "tome una tableta tres veces al dia",
        "1 tablet bid tid",
        "1-2-3 tablets daily",
        "1 tablet daily 90",
        "alternate 1 tablet and 2 tablets daily",
        "",
        "   ",
    ],
)
def test_what_is_not_understood_whole_is_not_read(text: str) -> None:
    assert READ(text) == ()


SIGN = st.sampled_from(
    [
        "1",
        "2",
        "0.5",
        "1/2",
        "tab",
        "tablet",
        "mg",
        "ml",
        "bid",
        "tid",
        "qhs",
        "prn",
        "daily",
        "every",
        "hours",
        "days",
        "weeks",
        "then",
        "and",
        "for",
        "pain",
        "x",
        "5",
        "(",
        ")",
        ",",
        ".",
        "-",
        "/",
        "in",
        "the",
        "morning",
        "at",
        "bedtime",
        "max",
        "as",
        "needed",
        "half",
        "one",
        "on",
        "day",
        "to",
    ]
)


@given(st.lists(SIGN, max_size=30).map(" ".join))
@settings(max_examples=300)
def test_no_direction_breaks_the_grammar_and_what_is_read_is_positive(text: str) -> None:
    for found in READ(text):
        assert found.read_from == "text"
        for dose in (found.dose, found.dose_high, found.amount, found.max_per_day):
            assert dose is None or dose.value.is_finite()
        assert found.frequency is None or found.frequency.per_day > 0


@given(st.text(max_size=500))
def test_no_text_breaks_the_grammar(text: str) -> None:
    READ(text)


@given(st.integers(1, 12), st.sampled_from(["tablet", "capsule", "mg", "mL"]), st.integers(1, 6))
def test_number_unit_and_times_are_read_as_said(count: int, unit: str, times: int) -> None:
    found = only(f"take {count} {unit} by mouth {times} times a day")
    assert found.dose is not None
    assert found.frequency is not None
    assert (found.dose.value, found.frequency.per_day) == (count, times)


@pytest.mark.parametrize(
    "text",
    [
        "1 " * 50_000,
        "take " * 20_000,
        "(" * 100_000,
        "1 tab bid and " * 7_000,
        "for " * 25_000,
        ("every 1 to " * 40)[:400],
        ("1/" * 200)[:400],
        ("one half " * 45)[:400],
    ],
)
def test_hostile_text_takes_no_time(text: str) -> None:
    begin = time.perf_counter()
    READ(text)
    assert time.perf_counter() - begin < 0.5
