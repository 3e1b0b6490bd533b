"""What counts on the day asked."""

from __future__ import annotations

from datetime import date

import pytest

from tests.normalize.given import Json, observation, record, request

DAY = date(2026, 1, 10)


@pytest.mark.parametrize(("day", "counts"), [(DAY, True), (date(2026, 1, 9), False)])
def test_an_order_counts_from_the_day_it_was_made(day: date, counts: bool) -> None:
    found = record(request(), as_of=day)
    assert bool(found.entries) is counts
    assert found.later == (() if counts else (("MedicationRequest", 1),))


def test_a_result_counts_from_the_day_it_was_issued() -> None:
    late = observation(issued="2026-02-05T10:00:00Z", valueString="x")
    assert record(late, as_of=date(2026, 2, 3)).later == (("Observation", 1),)
    assert record(late, as_of=date(2026, 2, 5)).results


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Appointment", "status": "booked", "start": "2026-09-01T09:00:00Z"},
        {
            "resourceType": "Appointment",
            "status": "booked",
            "created": "2026-01-01",
            "start": "2026-09-01T09:00:00Z",
        },
        {"resourceType": "Encounter", "status": "planned", "period": {"start": "2026-09-01"}},
    ],
)
def test_what_is_planned_for_later_counts(resource: Json) -> None:
    found = record({"id": "x", **resource}, as_of=DAY)
    assert len(found.visits) == 1
    assert found.later == ()


def test_an_appointment_booked_later_does_not_count() -> None:
    booked = {
        "resourceType": "Appointment",
        "id": "x",
        "status": "booked",
        "created": "2026-02-01",
        "start": "2026-03-01T09:00:00Z",
    }
    assert record(booked, as_of=DAY).later == (("Appointment", 1),)


def test_a_line_without_any_date_counts_with_a_problem() -> None:
    found = record(request(authoredOn=None))
    assert len(found.entries) == 1
    assert any("has no date" in problem.what for problem in found.problems)


def test_an_order_without_authored_on_counts_from_its_first_dosage() -> None:
    starts = {"timing": {"repeat": {"boundsPeriod": {"start": "2026-03-01"}}}, "text": "1 daily"}
    found = record(request(authoredOn=None, dosageInstruction=[starts]), as_of=DAY)
    assert found.entries == ()
    assert found.later == (("MedicationRequest", 1),)
