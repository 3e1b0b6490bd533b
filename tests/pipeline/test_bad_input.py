"""Nonsense in a record is said: every line that cannot be right gives a finding or a problem."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

import pytest

from service.app import knowledge
from service.model.finding import Bucket, Severity
from service.model.record import Report
from service.model.source import MEDICATION_TYPES, Certificate, RawResource, Role, SourceRead, State
from service.normalize import patients
from service.pipeline.gather import Gathered
from service.pipeline.reconcile import Knowledge, report_of
from service.report.document import document, encoded
from service.settings import Settings

Json = dict[str, Any]
DAY = date(2026, 3, 10)
SERTRALINE = {
    "coding": [
        {
            "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
            "code": "312941",
            "display": "sertraline 50 MG Oral Tablet",
        }
    ],
    "text": "sertraline 50 mg tablet",
}
EVERY_DAY = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}


@cache
def known() -> Knowledge:
    return knowledge(Settings())


def report(*resources: Json) -> Report:
    raws = [RawResource(r["resourceType"], r["id"], "1", json.dumps(r).encode()) for r in resources]
    certificates = tuple(Certificate(type_, State.COMPLETE) for type_ in MEDICATION_TYPES)
    read = SourceRead("psychiatry", Role.PSYCHIATRY, tuple(raws), certificates)
    people = tuple(patients(read.resources, read.name)[0])
    return report_of(Gathered(None, (), (read,), people, ()), known(), DAY, today=DAY)


def order(number: int = 1, **more: Any) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "id": f"order-{number}",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": SERTRALINE,
        "subject": {"reference": "Patient/1"},
        "authoredOn": "2026-01-10",
        "dosageInstruction": [dosage(1)],
        **more,
    }


def fill(**more: Any) -> Json:
    return {
        "resourceType": "MedicationDispense",
        "id": "fill-1",
        "status": "completed",
        "medicationCodeableConcept": SERTRALINE,
        "subject": {"reference": "Patient/1"},
        "whenHandedOver": "2026-02-20",
        **more,
    }


def dosage(value: float, unit: str = "tablet", text: str = "", **repeat: Any) -> Json:
    timing = {"repeat": {**EVERY_DAY["repeat"], **repeat}}
    told = {"timing": timing, "doseAndRate": [{"doseQuantity": {"value": value, "unit": unit}}]}
    return {**told, "text": text} if text else told


UPSIDE_DOWN = {"low": {"value": 4, "unit": "tablet"}, "high": {"value": 1, "unit": "tablet"}}
BACKWARDS = {"start": "2026-03-01", "end": "2026-01-01"}
BAD: dict[str, tuple[Json, str]] = {
    "a negative dose": (order(dosageInstruction=[dosage(-1)]), "a dose of -1 tablet"),
    "no dose at all": (order(dosageInstruction=[dosage(0)]), "a dose of 0 tablet"),
    "a million tablets": (order(dosageInstruction=[dosage(10**6)]), "a dose of 1000000 tablet"),
    "a number beyond numbers": (order(dosageInstruction=[dosage(1e300)]), "beyond any dose"),
    "negative times": (order(dosageInstruction=[dosage(1, frequency=-3)]), "-3 times"),
    "every minute": (order(dosageInstruction=[dosage(1, frequency=1440)]), "1440 times a day"),
    "in no time": (order(dosageInstruction=[dosage(1, period=0)]), "in 0 days"),
    "a unit nobody knows": (order(dosageInstruction=[dosage(1, "florps")]), "'florps'"),
    "a range upside down": (
        order(
            dosageInstruction=[{"timing": EVERY_DAY, "doseAndRate": [{"doseRange": UPSIDE_DOWN}]}]
        ),
        "upside down",
    ),
    "a day that is none": (order(authoredOn="2026-02-31"), "is no date"),
    "words for a day": (order(authoredOn="yesterday"), "is no date"),
    "made in the year 9999": (order(authoredOn="9999-12-31"), "dated after 2026-03-10"),
    "an end before the start": (
        order(dosageInstruction=[dosage(1, boundsPeriod=BACKWARDS)]),
        "before it starts",
    ),
    "less than nothing supplied": (
        fill(quantity={"value": -30, "unit": "tablet"}),
        "a quantity of -30",
    ),
    "supplied for less than a day": (
        fill(daysSupply={"value": -30, "unit": "d"}),
        "a supply for -30 d",
    ),
    "supplied for ever": (fill(daysSupply={"value": 10**12, "unit": "d"}), "a supply for 10000000"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_is_a_problem_that_names_it(what: str) -> None:
    resource, words = BAD[what]
    made = report(resource)
    assert any(words in one.what for one in made.problems), made.problems
    assert encoded(document(made))


def test_a_dose_of_kilograms_is_read_and_is_far_above_the_maximum() -> None:
    found = [
        one
        for one in report(order(dosageInstruction=[dosage(100, "kg")])).findings
        if one.type == "above-maximum"
    ]
    assert [(one.severity, one.bucket) for one in found] == [(Severity.HIGH, Bucket.SHOWN)]


def test_words_against_structure_are_a_grave_finding_and_no_dose() -> None:
    text = "Take 2 tablets three times a day"
    made = report(order(dosageInstruction=[dosage(1, text=text)]))
    (found,) = [one for one in made.findings if one.type == "text-structure-conflict"]
    assert (found.severity, found.bucket) == (Severity.HIGH, Bucket.SHOWN)
    assert made.medications[0].daily_doses == ()


def placed(made: Report) -> Sequence[str]:
    return [x.entry.origin.reference for one in made.medications for x in one.lines]


def test_ten_thousand_lines_of_one_patient_all_stand_in_the_report() -> None:
    unread = {"text": "see label"}
    lines = [
        order(
            number,
            medicationCodeableConcept=SERTRALINE if number % 2 else unread,
            authoredOn=f"2025-{number % 12 + 1:02}-{number % 28 + 1:02}",
            requester={"display": f"Dr Number {number % 97}"},
        )
        for number in range(10_000)
    ]
    assert len(set(placed(report(*lines)))) == 10_000
