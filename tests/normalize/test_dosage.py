"""Structure and text of a dosage: merged, compared, and refused where impossible."""

from __future__ import annotations

from datetime import date

import pytest

from tests.normalize.given import Json, dosed, instruction


def test_the_structure_is_read_with_the_text_filling_what_it_lacks() -> None:
    found = dosed(instruction(None, frequency=2, text="2 tabs bid with food"))
    assert found.daily_doses[0].value == 200
    assert found.dosages[0].read_from == "structure"


def test_a_text_alone_is_read() -> None:
    found = dosed({"text": "1 tab po qam"})
    assert found.daily_doses[0].value == 50
    assert found.dosages[0].read_from == "text"
    assert found.dosages[0].route == "oral"
    assert found.timing == "once a day (MORN)"


def test_an_unreadable_text_is_kept_and_gives_no_dose() -> None:
    found = dosed({"text": "taper as directed"})
    assert found.daily_doses == ()
    assert found.dosages[0].read_from == "nothing"
    assert found.timing == "taper as directed"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 tab qd", "once a day"),
        ("3 tabs bid", "3 tablet"),
        ("take 50 mg bid", "50 mg a day"),
    ],
)
def test_text_and_structure_that_disagree_are_a_conflict_without_a_dose(
    text: str, words: str
) -> None:
    structured = instruction(1, frequency=2, text=text) if "qd" in text else None
    found = dosed(structured or instruction(2, frequency=2, text=text))
    if text == "take 50 mg bid":
        assert "the structure 200 mg" in found.dosages[0].conflict
        assert "100 mg a day" in found.dosages[0].conflict
    else:
        assert words in found.dosages[0].conflict
    assert found.daily_doses == ()


def test_text_in_tablets_and_structure_in_milligrams_may_agree() -> None:
    found = dosed(instruction(100, "mg", 1, text="take 2 tablets daily"))
    assert found.dosages[0].conflict == ""
    assert found.daily_doses[0].value == 100


def test_stu3_doses_stand_beside_the_timing() -> None:
    stu3 = {
        "doseQuantity": {"value": 2, "unit": "{tablet}"},
        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
        "asNeededBoolean": False,
    }
    assert dosed(stu3).daily_doses[0].value == 100


def test_a_dose_range_is_read_with_both_ends() -> None:
    ranged: Json = {
        "doseAndRate": [
            {"doseRange": {"low": {"value": 1, "unit": "TAB"}, "high": {"value": 2, "unit": "TAB"}}}
        ],
        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
    }
    (dose,) = dosed(ranged).daily_doses
    assert (dose.value, dose.max) == (50, 100)


def test_what_was_ordered_counts_before_what_was_calculated() -> None:
    both = instruction(frequency=1)
    calculated = {"type": {"coding": [{"code": "calculated"}], "text": "calculated"}}
    both["doseAndRate"] = [
        {**calculated, "doseQuantity": {"value": 40, "unit": "mg"}},
        {"doseQuantity": {"value": 50, "unit": "mg"}},
    ]
    assert dosed(both).daily_doses[0].value == 50


def test_a_maximum_per_period_bounds_as_needed() -> None:
    most = {"numerator": {"value": 100, "unit": "mg"}, "denominator": {"value": 1, "unit": "d"}}
    found = dosed(instruction(1, frequency=4, asNeededBoolean=True, maxDosePerPeriod=most))
    (dose,) = found.daily_doses
    assert (dose.value, dose.max) == (None, 100)
    assert found.as_needed


def test_as_needed_for_a_reason_is_as_needed() -> None:
    found = dosed(instruction(1, frequency=1, asNeededCodeableConcept={"text": "anxiety"}))
    assert found.as_needed
    assert found.dosages[0].as_needed_for == "anxiety"
    assert found.timing == "once a day as needed for anxiety"


@pytest.mark.parametrize(
    "broken",
    [
        instruction(-1, frequency=1),
        instruction(0, frequency=1),
        instruction(5000, frequency=1),
        instruction(1, "bananas", 1),
        instruction(1, frequency=-2),
        instruction(1, frequency=100_000),
        instruction("1e400", "mg", 1),
    ],
)
def test_an_impossible_dose_gives_a_problem_and_no_dose(broken: Json) -> None:
    found = dosed(broken)
    assert found.daily_doses == ()
    assert found.problems


def test_a_sound_text_does_not_replace_an_impossible_structure() -> None:
    found = dosed(instruction(-1, frequency=1, text="1 tab daily"))
    assert found.daily_doses == ()


def test_bounds_make_start_and_end_of_the_line() -> None:
    bounded = instruction(1, frequency=1)
    bounded["timing"]["repeat"]["boundsPeriod"] = {"start": "2026-01-11", "end": "2026-01-20"}
    found = dosed(bounded)
    assert (found.start, found.end) == (date(2026, 1, 11), date(2026, 1, 20))


def test_a_course_of_days_ends_when_they_are_over() -> None:
    found = dosed({"text": "1 tab bid x 10 days"})
    assert found.daily_doses[0].value == 100


def test_sequential_instructions_give_the_dose_of_the_day() -> None:
    def step(number: int, tablets: int, days: int | None) -> Json:
        found = instruction(tablets, frequency=1, sequence=number)
        if days:
            found["timing"]["repeat"]["boundsDuration"] = {"value": days, "unit": "d", "code": "d"}
        return found

    steps = [step(1, 1, 7), step(2, 2, 7), step(3, 3, None)]
    for day, value in ((date(2026, 1, 10), 50), (date(2026, 1, 17), 100), (date(2026, 1, 24), 150)):
        assert dosed(*steps, as_of=day).daily_doses[0].value == value


def test_a_rate_of_a_patch_runs_all_day() -> None:
    rate = {"doseAndRate": [{"rateQuantity": {"value": 2, "unit": "mg/h"}}]}
    assert dosed(rate).daily_doses[0].value == 48
