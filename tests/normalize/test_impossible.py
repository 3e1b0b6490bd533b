"""Doses, times, dates and supplies that cannot be meant: a problem each, and no dose from them."""

from __future__ import annotations

from typing import Any

import pytest

from service.model.medication import MedicationEntry
from service.model.source import Role, SourceRead
from service.normalize import normalize
from tests.normalize.given import SERTRALINE_50, TODAY, Json, raw, request, tables

DAILY: Json = {"frequency": 1, "period": 1, "periodUnit": "d"}
DAYS: Json = {"unit": "d", "code": "d", "system": "http://unitsofmeasure.org"}


def read(sent: Json) -> MedicationEntry:
    (entry,) = normalize(
        SourceRead("pharmacy", Role.PHARMACY, (raw(sent),)), tables(), TODAY
    ).entries
    return entry


def ordered(dose: object = 1, **repeat: object) -> MedicationEntry:
    dosage = {
        "doseAndRate": [{"doseQuantity": {"value": dose, "unit": "tablet"}}],
        "timing": {"repeat": {**DAILY, **repeat}},
    }
    return read(request(dosageInstruction=[dosage]))


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (ordered(-1), "a dose of -1 tablet is not possible"),
        (ordered(1e9), "a dose of 1000000000 tablet is not possible"),
        (ordered(frequency=4, frequencyMax=2), "4 to 2 times is upside down"),
        (ordered(period=-1), "1 times in -1 days is not possible"),
        (ordered(frequency=1_000_000), "more often than a drug is taken"),
    ],
)
def test_a_dose_or_time_that_is_impossible_is_told_and_gives_no_dose(
    entry: MedicationEntry, told: str
) -> None:
    assert told in " ".join(entry.problems)
    assert not entry.daily_doses


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (ordered(boundsDuration={"value": 999_999_999, **DAYS}), "a duration of 999999999 d"),
        (ordered(boundsDuration={"value": -5, **DAYS}), "a duration of -5 d"),
        (ordered(count=-5), "-5 takes in all is not possible"),
        (read(request(authoredOn="1800-01-01")), "'1800-01-01' lies before 1900"),
        (read(request(authoredOn="2026-02-30")), "'2026-02-30' is no date"),
        (
            read(
                request(
                    dispenseRequest={"validityPeriod": {"start": "2026-03-01", "end": "2020-01-01"}}
                )
            ),
            "validityPeriod ends on 2020-01-01, before it starts on 2026-03-01",
        ),
    ],
)
def test_a_span_or_date_that_is_impossible_is_told_and_the_line_stays(
    entry: MedicationEntry, told: str
) -> None:
    assert told in " ".join(entry.problems)
    assert entry.resolution.drug is not None


def dispensed(quantity: float, days: float) -> MedicationEntry:
    body: dict[str, Any] = {
        "resourceType": "MedicationDispense",
        "id": "d",
        "status": "completed",
        "whenHandedOver": "2026-03-01",
        "medicationCodeableConcept": SERTRALINE_50,
        "quantity": {"value": quantity, "unit": "tablet"},
        "daysSupply": {"value": days, **DAYS},
    }
    return read(body)


@pytest.mark.parametrize(
    ("quantity", "days"), [(1e9, 30), (30, -3), (-30, 30)], ids=["too many", "no days", "owed"]
)
def test_a_supply_that_is_impossible_is_told_and_tells_no_dose(
    quantity: float, days: float
) -> None:
    entry = dispensed(quantity, days)
    assert "not possible" in " ".join(entry.problems)
    assert not entry.daily_doses


def test_a_supply_of_many_forms_a_day_that_people_do_take_is_no_problem() -> None:
    assert not dispensed(900, 30).problems


@pytest.mark.parametrize("text", ["take 0,125 mg daily", "take 0,5 tablet daily"])
def test_a_direction_with_a_decimal_comma_gives_no_dose(text: str) -> None:
    assert not read(request(dosageInstruction=[{"text": text}])).daily_doses
