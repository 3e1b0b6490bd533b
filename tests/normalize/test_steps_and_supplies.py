"""Which step counts on the day asked, and what a supply tells where directions do not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.normalize.came_to import came_to
from tests.normalize.given import entry, instruction, request

Json = dict[str, Any]
DAYS = {"unit": "d", "code": "d"}


def steps(*parts: tuple[float, int, int | None]) -> list[Json]:
    """Numbered instructions of so many tablets, times a day, for so many days."""
    return [
        instruction(
            tablets,
            "{tablet}",
            times,
            sequence=number,
            timing={"repeat": {"boundsDuration": {"value": days, **DAYS}}} if days else {},
        )
        for number, (tablets, times, days) in enumerate(parts, start=1)
    ]


@pytest.mark.parametrize(
    ("drug", "dosages", "authored", "expected"),
    [
        # day 6 of 4, 3, 2, 1 tablets for three days each
        (
            "prednisone 10 mg tablet",
            [
                {
                    "text": "4 tablets daily for 3 days, then 3 tablets daily for 3 "
                    "days, then 2 tablets daily for 3 days, then 1 tablet daily "
                    "for 3 days, then stop"
                }
            ],
            "2026-03-05",
            "prednisone 30 mg",
        ),
        # day 19: the second fortnight
        (
            "lamotrigine 25 mg tablet",
            [
                {
                    "text": "Take 1 tablet daily for 14 days, THEN 2 tablets daily "
                    "for 14 days, THEN 4 tablets daily"
                }
            ],
            "2026-02-20",
            "lamotrigine 50 mg",
        ),
        (
            "lamotrigine 25 mg tablet",
            [{"text": "weeks 1-2: 25 mg daily; weeks 3-4: 50 mg daily; then 100 mg daily"}],
            "2026-02-20",
            "lamotrigine 50 mg",
        ),
        (
            "lamotrigine 25 mg tablet",
            [{"text": "weeks 1-2: 25 mg daily; weeks 3-4: 50 mg daily; then 100 mg daily"}],
            "2026-02-01",
            "lamotrigine 100 mg",
        ),
        (
            "sertraline 50 mg tablet",
            [{"text": "1/2 tablet daily for 1 week then increase to 1 tablet daily"}],
            "2026-03-08",
            "sertraline 25 mg",
        ),
        # day 16: one tablet, now every other day
        (
            "prednisone 10 mg tablet",
            [{"text": "1 tablet every day for 2 weeks, then every other day for 2 weeks"}],
            "2026-02-23",
            "prednisone 5 mg",
        ),
        (
            "diazepam 5 mg tablet",
            steps((2, 2, 7), (1, 2, 7), (1, 1, None)),
            "2026-03-07",
            "diazepam 20 mg",
        ),
        (
            "diazepam 5 mg tablet",
            steps((2, 2, 7), (1, 2, 7), (1, 1, None)),
            "2026-03-01",
            "diazepam 10 mg",
        ),
        (
            "diazepam 5 mg tablet",
            steps((2, 2, 7), (1, 2, 7), (1, 1, None)),
            "2026-02-01",
            "diazepam 5 mg",
        ),
        # numbered, but nothing says when the second begins
        ("diazepam 5 mg tablet", steps((2, 2, None), (1, 2, None)), "2026-03-01", "-"),
    ],
)
def test_of_steps_the_one_of_the_day_asked_counts(
    drug: str, dosages: list[Json], authored: str, expected: str
) -> None:
    found = entry(
        request(
            medicationCodeableConcept={"text": drug},
            dosageInstruction=dosages,
            authoredOn=authored,
        )
    )
    assert came_to(found) == expected


@pytest.mark.parametrize(
    ("drug", "quantity", "unit", "days", "expected"),
    [
        ("sertraline 50 mg tablet", 60, "tablet", 30, "sertraline 100 mg"),
        ("escitalopram 5 mg/5 mL oral solution", 300, "mL", 30, "escitalopram 10 mg"),
        ("alendronate 70 mg tablet", 4, "tablet", 28, "alendronate 70 mg / 7 d"),
        ("Invega Sustenna 156 mg/mL", 1, "mL", 28, "paliperidone 156 mg / 28 d"),
        # one container lasts as long as it lasts, whatever is taken out of it a day
        ("Flovent HFA 110 mcg inhaler", 1, "each", 30, "-"),
        ("albuterol HFA 90 mcg inhaler", 2, "inhaler", 25, "-"),
        ("insulin glargine 100 unit/mL pen", 15, "mL", 30, "-"),
        ("sertraline 50 mg tablet", 60, "tablet", 0, "-"),
        ("sertraline 50 mg tablet", -60, "tablet", 30, "-"),
    ],
)
def test_quantity_and_days_supply_tell_the_dose_where_there_are_no_directions(
    drug: str, quantity: int, unit: str, days: int, expected: str
) -> None:
    supply = {
        "quantity": {"value": quantity, "unit": unit},
        "expectedSupplyDuration": {"value": days, **DAYS},
    }
    found = entry(request(medicationCodeableConcept={"text": drug}, dispenseRequest=supply))
    assert came_to(found) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("as directed", "sertraline 100 mg"),
        ("Use as directed by your doctor.", "sertraline 100 mg"),
        # they say something that was not understood: a mean over the pack would hide it
        ("taper as directed", "-"),
        ("1 tablet daily, hold if drowsy", "-"),
        ("2 tablets", "-"),
    ],
)
def test_words_that_say_nothing_leave_the_dose_to_the_supply(text: str, expected: str) -> None:
    supply = {
        "quantity": {"value": 60, "unit": "tablet"},
        "expectedSupplyDuration": {"value": 30, **DAYS},
    }
    found = entry(
        request(
            medicationCodeableConcept={"text": "sertraline 50 mg tablet"},
            dosageInstruction=[{"text": text}],
            dispenseRequest=supply,
        )
    )
    assert came_to(found) == expected
