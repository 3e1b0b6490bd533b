"""Never half read: every word and every number of a direction counts, or nothing is taken."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.model.dosage import Dosage
from tests.normalize.given import tables

READ = tables().grammar.read

COUNTS = ("1", "2", "3", "0.5", "1.5", ".5", "one-half", "1/2", "1 1/2", "two")
UNITS = ("tablet", "tablets", "tab", "capsules", "mg", "mL", "puffs", "patch")
TIMES = (
    "daily",
    "bid",
    "three times a day",
    "every 8 hours",
    "q12h",
    "every other day",
    "at bedtime",
    "every morning",
    "in the morning and at bedtime",
    "on mondays and fridays",
    "monday through friday",
    "5 days a week",
    "every 4 weeks",
    "at 8 am and 8 pm",
    "weekly",
)
ENDS = ("", "for 7 days", "x 2 weeks", "for 10 doses", "with food or milk", "by mouth")
JOINED = ("", "then 4 tablets daily", "then stop", "and 3 tablets at noon")


@st.composite
def directions(draw: st.DrawFn) -> str:
    parts = [draw(st.sampled_from(group)) for group in (COUNTS, UNITS, TIMES, ENDS, JOINED)]
    return " ".join(["take", *filter(None, parts)])


@given(directions(), st.data())
@settings(max_examples=250)
def test_an_unknown_word_anywhere_leaves_the_direction_unread(
    text: str, data: st.DataObject
) -> None:
    words = text.split()
    places = [n for n in range(len(words) + 1) if n == 0 or words[n - 1] != "for"]
    place = data.draw(st.sampled_from(places))  # behind "for" stands a reason, of any words
    spoilt = " ".join([*words[:place], "zqxv", *words[place:]])
    assert READ(spoilt) == ()


@given(directions(), st.data())
@settings(max_examples=250)
def test_another_number_is_another_reading(text: str, data: st.DataObject) -> None:
    numbers = list(re.finditer(r"(?<![\d./])\d+(?![\d./])", text))
    if not numbers or not READ(text):
        return
    chosen = data.draw(st.sampled_from(numbers))
    if text[chosen.end() :].lstrip().startswith(("am", "pm")):
        return  # an hour of the day changes no dose
    other = f"{text[: chosen.start()]}{int(chosen[0]) + 1}{text[chosen.end() :]}"
    assert told(READ(other)) != told(READ(text))


@given(directions(), st.sampled_from(("do not", "never", "stop", "hold", "not taking", "refused")))
@settings(max_examples=100)
def test_a_refusal_before_or_behind_a_direction_forbids_reading_it(text: str, no: str) -> None:
    assert READ(f"{no} {text}") == ()
    assert READ(f"{text}. {no}") == ()


def told(found: tuple[Dosage, ...]) -> list[object]:
    return [
        (one.sequence, one.dose, one.frequency, one.duration_d, one.as_needed, one.max_per_day)
        for one in found
    ]


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        (".5 mg twice daily", "0.5"),
        ("take .25 mg at bedtime", "0.25"),
        ("(.5 mg) twice daily", "0.5"),
        ("0.50 mg twice daily", "0.50"),
        ("5 mg twice daily", "5"),
        ("take 1 tablet.5 mg twice daily", None),
    ],
)
def test_a_bare_decimal_point_is_never_lost(text: str, mg: str | None) -> None:
    found = READ(text)
    assert [one.dose.value for one in found if one.dose] == ([Decimal(mg)] if mg else [])


@pytest.mark.parametrize(
    "text",
    [
        # What says that it is not taken, or not so.
        "do not take 1 tablet daily",
        "1 tablet daily. do not take",
        "1 tablet daily not taking",
        "1 tablet daily (patient not taking)",
        "patient taking differently: 1 tablet daily, takes 2",
        "never take 2 tablets daily",
        "stop taking 1 tablet daily",
        "1 tablet daily discontinued",
        "1 tablet daily hold for sedation",
        "1 tablet daily; stop if rash",
        "hold if sbp < 100",
        # Two numbers for one thing.
        "1 tablet daily and 2 tablets daily",
        "1 tablet daily, 2 tablets bid",
        "1 tablet daily, may take 2 tablets daily",
        "1 tablet bid or 2 tablets daily",
        "take 1 tablet twice daily 3 times a day",
        "1 tablet (25 mg) 50 mg daily",
        "take 0.5-1 tablets (25-100 mg total) nightly",
        "1 teaspoon (10 mL) twice daily",
        "2 tablets every 8 hours bid",
        "1 tablet 3 days a week on mondays",
        # Steps that are not told whole.
        "1 tablet daily then",
        "take 1 tablet a day then 2 tablets a day",
        "1 tablet daily then stop",
        "take 2 tablets today then 1 tablet daily for 4 days",
        "week 1: 25 mg daily, week 3: 50 mg daily",
        "weeks 2-1: 25 mg daily",
        "decrease by 10 mg every 3 days",
        "taper as directed",
        "1 tablet daily, increase to 2 tablets daily if tolerated",
        "1 tablet daily starting tomorrow",
        # Dates are not read.
        "1 tablet daily until 3/15/2026",
        "1 tablet daily starting 2026-03-15",
        "1 tablet daily from 01/02/2026 to 01/10/2026",
        # Words of two meanings.
        "1 tablet biweekly",
        "1 tablet bimonthly",
        "1 tablet od",
        "1 am 2 pm",
        "1 tablet in am and 2 pm",
        "1-0-1",
        "1 tablet fri-mon",
        # Other doses beside this one.
        "take with 100 mg tablet for total of 150 mg daily",
        "1 tablet daily in addition to 50 mg tablet",
        "1 tablet daily. total dose 150 mg",
        "1 tablet prn, may repeat in 2 hours",
        # Other languages.
        "tomar 1 tableta dos veces al dia",
        "1 tableta cada 8 horas",
        "1 comprimido cada noche",
        "1 comprime par jour",
        "1 Tablette täglich",
        "1 compressa al giorno",
    ],
)
def test_what_is_refused_doubled_or_half_said_is_not_read(text: str) -> None:
    assert READ(text) == ()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1 tablet mon-fri", [("1", "5/7")]),
        ("1 tablet monday through friday", [("1", "5/7")]),
        ("1 tablet on weekends", [("1", "2/7")]),
        ("1 tablet twice daily on weekdays", [("1", "10/7")]),
        ("1 tablet daily except sunday", [("1", "6/7")]),
        ("1 tablet daily except on sat and sun", [("1", "5/7")]),
        ("1 tablet daily except 1/2 tablet on tuesdays", [("1", "6/7"), ("0.5", "1/7")]),
        ("1 tablet mon, wed, fri; 0.5 tablet all other days", [("1", "3/7"), ("0.5", "4/7")]),
        ("2.5 mg every other day alternating with 5 mg", [("2.5", "1/2"), ("5", "1/2")]),
        ("1 tablet 5 days per week", [("1", "5/7")]),
        ("1 tablet every third day", [("1", "1/3")]),
        ("1 tab am 2.5 tabs pm", [("1", "1/1"), ("2.5", "1/1")]),
        ("1 tab at 8am and 8pm", [("1", "2/1")]),
        ("1 tab at 0800 and 2000", [("1", "2/1")]),
        ("2 tablets 1 hour before bed", [("2", "1/1")]),
        ("ii tabs po qhs", [("2", "1/1")]),
        ("1 tablet daily for 4 weeks, then stop", [("1", "1/1")]),
        ("1 tablet daily do not crush or chew", [("1", "1/1")]),
        ("change patch every 72 hours", [("1", "1/3")]),
        ("apply 1 patch to skin daily, remove old patch", [("1", "1/1")]),
    ],
)
def test_schedules_of_a_week_and_of_a_day_are_read(text: str, parts: list[tuple[str, str]]) -> None:
    found = [(one.dose, one.frequency) for one in READ(text)]
    assert len(found) == len(parts)
    for (dose, often), (value, share) in zip(found, parts, strict=True):
        count, days = share.split("/")
        assert dose is not None
        assert often is not None
        assert (dose.value, often.count, often.period_d) == (
            Decimal(value),
            Decimal(count),
            Decimal(days),
        )


def test_a_step_may_keep_the_dose_and_change_the_times_alone() -> None:
    first, second = READ("1 tablet every day for 2 weeks, then every other day for 2 weeks")
    assert first.dose == second.dose
    assert second.frequency is not None
    assert second.frequency.per_day == Decimal("0.5")
    assert (first.duration_d, second.duration_d) == (14, 14)


def test_weeks_of_a_titration_are_steps() -> None:
    found = READ("weeks 1-2: 25 mg daily; weeks 3-4: 50 mg daily; then 100 mg daily thereafter")
    assert [one.dose and one.dose.value for one in found] == [25, 50, 100]
    assert [one.duration_d for one in found] == [14, 14, None]


def test_hours_worn_rates_and_both_sides_are_kept() -> None:
    (worn,) = READ("apply 1 patch daily, remove after 9 hours")
    (rate,) = READ("apply 25 mcg/hr patch every 72 hours")
    (beside,) = READ("apply 2 patches (25 mcg/hr) every 72 hours")
    (sides,) = READ("2 sprays in each nostril daily")
    assert worn.worn_h == 9
    assert rate.rate is not None
    assert (rate.dose, rate.rate.value, rate.rate.unit) == (None, 25, "ug")
    assert beside.rate is not None
    assert beside.rate.value == 50
    assert sides.sides == 2
