"""FHIR Timing as how often."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from service.normalize.timing import Scheduled, in_words, scheduled
from service.normalize.wire.dosage import Timing
from tests.normalize.given import Json, tables

GTS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"


def read(timing: Json) -> Scheduled:
    found = msgspec.convert(timing, Timing)
    return scheduled(found, tables().units, tables().frequencies)


@pytest.mark.parametrize(
    ("repeat", "per_day"),
    [
        ({"frequency": 2, "period": 1, "periodUnit": "d"}, Decimal(2)),
        ({"frequency": 1, "period": 8, "periodUnit": "h"}, Decimal(3)),
        ({"frequency": 1, "period": 2, "periodUnit": "d"}, Decimal("0.5")),
        ({"frequency": 1, "period": 1, "periodUnit": "wk"}, Decimal(1) / 7),
        ({"period": 12, "periodUnit": "h"}, Decimal(2)),
        ({"when": ["MORN", "HS"]}, Decimal(2)),
        ({"when": ["MORN", "EVE"], "frequency": 1, "period": 1, "periodUnit": "d"}, Decimal(2)),
        ({"timeOfDay": ["08:00:00", "14:00:00", "20:00:00"]}, Decimal(3)),
        ({"dayOfWeek": ["mon", "wed", "fri"]}, Decimal(3) / 7),
        ({"dayOfWeek": ["mon", "thu"], "timeOfDay": ["08:00:00", "20:00:00"]}, Decimal(4) / 7),
        ({"frequency": 1, "period": 1, "periodUnits": "d"}, Decimal(1)),
    ],
)
def test_a_repeat_says_how_often_a_day(repeat: Json, per_day: Decimal) -> None:
    found = read({"repeat": repeat}).frequency
    assert found is not None
    assert abs(found.per_day - per_day) < Decimal("1e-12")


def test_every_four_to_six_hours_is_a_range_of_times() -> None:
    found = read({"repeat": {"frequency": 1, "period": 4, "periodMax": 6, "periodUnit": "h"}})
    assert found.frequency is not None
    assert (found.frequency.count, found.frequency.count_max) == (4, 6)


@pytest.mark.parametrize(
    ("code", "per_day"),
    [("BID", 2), ("QD", 1), ("QID", 4), ("Q8H", 3), ("BED", 1), ("QOD", Decimal("0.5"))],
)
def test_a_timing_code_of_the_standard_says_how_often(code: str, per_day: Decimal) -> None:
    found = read({"code": {"coding": [{"system": GTS, "code": code}]}}).frequency
    assert found is not None
    assert found.per_day == per_day


def test_a_code_of_another_system_says_it_only_by_its_known_words() -> None:
    other = {"coding": [{"system": "urn:oid:1.2.3", "code": "17", "display": "BID"}]}
    found = read({"code": other}).frequency
    assert found is not None
    assert found.per_day == 2
    assert read({"code": {"coding": [{"system": "urn:oid:1.2.3", "code": "17"}]}}).frequency is None


def test_code_and_repeat_that_disagree_give_no_frequency() -> None:
    found = read(
        {
            "code": {"coding": [{"system": GTS, "code": "BID"}]},
            "repeat": {"frequency": 1, "period": 1, "periodUnit": "d"},
        }
    )
    assert found.frequency is None
    assert "twice a day" in found.contradiction
    assert "once a day" in found.contradiction


@pytest.mark.parametrize(
    "repeat",
    [
        {"frequency": -1, "period": 1, "periodUnit": "d"},
        {"frequency": 1, "period": 0, "periodUnit": "d"},
        {"frequency": 1, "period": -3, "periodUnit": "d"},
        {"frequency": 5000, "period": 1, "periodUnit": "d"},
        {"frequency": 1, "period": 1, "periodUnit": "fortnight"},
        {"frequency": 2},
        {"period": 2},
    ],
)
def test_an_impossible_or_unfinished_repeat_is_a_problem_and_no_frequency(repeat: Json) -> None:
    found = read({"repeat": repeat})
    assert found.frequency is None
    assert found.problems


def test_with_meals_alone_tells_no_number_of_times() -> None:
    assert read({"repeat": {"when": ["C"]}}).frequency is None


def test_bounds_are_the_days_of_the_source() -> None:
    found = read(
        {
            "repeat": {
                "frequency": 1,
                "period": 1,
                "periodUnit": "d",
                "boundsPeriod": {"start": "2026-01-10T23:00:00-08:00", "end": "2026-02"},
            }
        }
    )
    assert (found.starts, found.ends) == (date(2026, 1, 10), date(2026, 2, 28))


def test_a_count_of_doses_bounds_the_days() -> None:
    found = read({"repeat": {"count": 10, "frequency": 2, "period": 1, "periodUnit": "d"}})
    assert found.duration_d == 5


def test_one_event_is_one_dose_on_its_day() -> None:
    found = read({"event": ["2026-03-01T09:00:00Z"]})
    assert (found.starts, found.ends) == (date(2026, 3, 1), date(2026, 3, 1))


def test_words_say_the_frequency() -> None:
    four_weeks = read({"repeat": {"frequency": 1, "period": 4, "periodUnit": "wk"}}).frequency
    assert four_weeks is not None
    assert in_words(four_weeks) == "once every 28 days"
