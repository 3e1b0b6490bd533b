"""What is new since a day: from the dates of the sources, by comparing, and for whom since when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from service.model.review import User, UserRole
from service.prints.changes import changes, clinicians, last_visit, same_person
from tests.web.given import document, finding, line, medication, result, visit
from tests.web.office import Office, in_office

MARROWBY = User("u-tm", "Tobias Marrowby, MD", UserRole.PSYCHIATRIST)


def order(dose: int) -> dict[str, Any]:
    """An old order: only its dose reads otherwise from report to report."""
    return line("psychiatry", dose=dose, authored="2026-01-01")


def told(news: Any) -> list[tuple[str, str, str]]:
    return [(one.words, one.day, one.source) for one in news]


def test_orders_that_began_or_ended_after_the_day_are_told_newest_first() -> None:
    now = document(
        medication(
            line("psychiatry", authored="2026-10-10"),
            line("pharmacy", state="stopped", authored="2026-01-01", end="2026-10-20"),
            line("primary-care", authored="2026-09-01"),
        )
    )
    assert told(changes(now, "2026-10-01").drugs) == [
        ("ended: 50 mg a day", "2026-10-20", "pharmacy"),
        ("began: 50 mg a day", "2026-10-10", "psychiatry"),
    ]
    assert told(changes(now, "2026-10-10").drugs)[1:] == []


def test_only_the_first_supply_is_news() -> None:
    fills = [
        line("pharmacy", "dispense", number=n, last_supplied=f"2026-{month:02}-01", authored=None)
        for n, month in enumerate((8, 10, 11))
    ]
    assert changes(document(medication(*fills)), "2026-09-01").drugs == ()
    assert told(changes(document(medication(*fills)), "2026-07-01").drugs) == [
        ("supplied for the first time", "2026-08-01", "pharmacy")
    ]


def test_a_dose_that_reads_otherwise_is_found_though_no_source_dates_it() -> None:
    before = document(medication(line("psychiatry", dose=50), line("pharmacy")))
    now = document(medication(line("psychiatry", dose=100)))
    assert told(changes(now, "2026-11-01", before).drugs) == [
        ("no longer listed: 50 mg a day", "", "pharmacy"),
        ("50 mg a day → 100 mg a day", "", "psychiatry"),
    ]
    assert changes(now, "2026-11-01", now).empty


def test_what_is_dated_is_not_told_twice_by_comparing() -> None:
    before = document()
    now = document(medication(line("psychiatry", authored="2026-11-05")))
    assert told(changes(now, "2026-11-01", before).drugs) == [
        ("began: 50 mg a day", "2026-11-05", "psychiatry")
    ]


def test_findings_that_came_and_went_are_told_only_against_a_report_of_then() -> None:
    before = document(medication(line("psychiatry")), findings=(finding("omission"),))
    now = document(
        medication(line("psychiatry")),
        findings=(
            finding("dose-mismatch"),
            finding("addition", id="f-2", bucket="suppressed"),
            finding("confirmed-match", id="f-3", severity="none"),
        ),
    )
    found = changes(now, "2026-11-01", before)
    assert [one.about for one in found.findings] == ["A finding of type dose-mismatch"]
    assert [one.about for one in found.gone] == ["A finding of type omission"]
    alone = changes(now, "2026-11-01")
    assert (alone.findings, alone.gone, alone.compared) == ((), (), "")


def test_results_and_contacts_after_the_day_are_news_and_booked_ones_are_not() -> None:
    now = document(
        context={
            "results": [result("2026-10-01", 60), result("2026-11-02", 55)],
            "visits": [
                visit("2026-10-01", "fulfilled"),
                visit("2026-11-02", "noshow"),
                visit("2026-11-03", "fulfilled"),
                visit("2026-12-24", "booked"),
            ],
        }
    )
    found = changes(now, "2026-10-01")
    assert told(found.results) == [("55 mL/min", "2026-11-02", "primary-care")]
    assert [(one.words, one.day) for one in found.contacts] == [
        ("seen", "2026-11-03"),
        ("missed", "2026-11-02"),
    ]
    assert [count for count, _, _ in found.counts] == [1, 2]
    assert [one for _, one, _ in found.counts] == ["{count} new result", "{count} contact"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Dr. Tobias Marrowby", "Tobias Marrowby, MD", True),
        ("Marrowby, Tobias", "Dr Tobias J. Marrowby", True),
        ("Dr. Marrowby", "Marrowby", True),
        ("Dr. Tobias Marrowby", "Dr. Imogen Marrowby", False),
        ("Dr.", "MD", False),
        ("", "", False),
    ],
)
def test_a_name_is_one_persons_however_it_is_written(one: str, other: str, same: bool) -> None:
    assert same_person(one, other) is same_person(other, one) is same


def visited() -> dict[str, Any]:
    return document(
        context={
            "visits": [
                visit("2026-02-01", "fulfilled", **{"with": ["Dr. Tobias Marrowby"]}),
                visit("2026-03-05", "fulfilled", **{"with": ["Dr. Otto Fennimore, Family"]}),
                visit("2026-03-08", "noshow", **{"with": ["Dr. Tobias Marrowby"]}),
                visit("2026-12-01", "fulfilled", **{"with": ["Dr. Ahead Oftime"]}),
            ],
            "allergies": [],
            "measures": [],
        },
    )


def test_who_saw_the_patient_last_comes_first_and_a_missed_visit_is_no_visit() -> None:
    assert clinicians(visited()) == [
        ("Dr. Otto Fennimore", "2026-03-05"),
        ("Dr. Tobias Marrowby", "2026-02-01"),
    ]
    assert last_visit(visited(), "Marrowby, Tobias") == "2026-02-01"


def test_a_clinician_reads_what_is_new_since_the_last_visit_and_may_choose_another_day() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient(content=visited())
        path, headers = f"/patients/{patient}", office.bearer(MARROWBY)
        first = await office.client.get(path, headers=headers)
        assert "Since the last visit with you" in first.text
        assert "2026-02-01" in first.text
        other = await office.client.get(f"{path}?since=2026-03-05", headers=headers)
        assert "Since the last visit with Dr. Otto Fennimore" in other.text
        wrong = await office.client.get(f"{path}?since=yesterday", headers=headers)
        assert "Since the last visit with you" in wrong.text

    in_office(use)


def test_an_earlier_look_is_a_day_to_compare_with_and_a_reload_is_not() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient(content=document(medication(order(50))))
        path = f"/patients/{patient}"
        assert "Since" not in (await office.client.get(path, headers=office.bearer())).text
        office.later(hours=1)
        assert "Since" not in (await office.client.get(path, headers=office.bearer())).text
        office.later(days=2)
        await office.keep(patient, document(medication(order(75))))
        again = await office.client.get(path, headers=office.bearer())
        assert "Since your last look" in again.text
        assert "50 mg a day → 75 mg a day" in again.text

    in_office(use)


def test_the_letter_says_to_whom_since_when_and_what() -> None:
    async def use(office: Office) -> None:
        content = {**visited(), "medications": [medication(line("psychiatry"))]}
        patient = await office.patient(content=content)
        path = f"/patients/{patient}/prints/changes"
        query = {"to": "Dr. Otto Fennimore", "since": "2026-09-01"}
        sheet = await office.client.get(path, params=query, headers=office.bearer())
        assert "To Dr. Otto Fennimore." in sheet.text
        assert "What is new since 2026-09-01" in sheet.text
        assert "began: 50 mg a day" in sheet.text
        nothing = await office.client.get(path, headers=office.bearer())
        assert nothing.status_code == 404

    in_office(use)


def test_the_report_of_then_is_the_last_one_of_that_day() -> None:
    async def use(office: Office) -> None:
        start = office.now[0]
        patient = await office.patient(content=document(medication(order(10))))
        office.later(days=1)
        await office.keep(patient, document(medication(order(20))))
        office.later(days=1)
        await office.keep(patient, document(medication(order(30))))
        for days, then in ((0, "10"), (1, "20")):
            day = (start + timedelta(days=days)).date()
            path = f"/patients/{patient}?since={day}"
            page = await office.client.get(path, headers=office.bearer())
            assert f"{then} mg a day → 30 mg a day" in page.text

    in_office(use)
