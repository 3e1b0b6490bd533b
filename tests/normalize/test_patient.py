"""Patient records, folded for comparison."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.model.patient import PatientRecord
from service.normalize import patients
from service.normalize.patient import fold
from tests.normalize.given import raw


def record(**elements: Any) -> PatientRecord:
    (found,), _ = patients([raw({"resourceType": "Patient", "id": "p1", **elements})], "pharmacy")
    return found


def test_names_are_folded_and_kept_as_sent() -> None:
    found = record(name=[{"family": "Nuñez-Øst", "given": ["José", "María"]}])
    assert found.given == ("jose", "maria")
    assert found.family == ("nunez-øst",)
    assert found.display == "José María Nuñez-Øst"


def test_an_old_name_comes_last_and_a_name_in_one_piece_is_split() -> None:
    found = record(
        name=[{"use": "maiden", "family": "Alt"}, {"text": "Rivera, Ana Maria"}],
    )
    assert found.family == ("rivera", "alt")
    assert found.given == ("ana", "maria")
    assert found.display == "Rivera, Ana Maria"


def test_phones_are_digits_and_mail_is_no_phone() -> None:
    found = record(
        telecom=[
            {"system": "phone", "value": "+1 (555) 010-9999"},
            {"system": "sms", "value": "555.010.9999"},
            {"system": "email", "value": "a1@example.org"},
        ]
    )
    assert found.phones == ("5550109999",)


def test_identifiers_keep_system_value_and_type() -> None:
    kind = {"coding": [{"code": "MR"}]}
    found = record(identifier=[{"system": "urn:mrn", "value": "7", "type": kind}, {"system": "x"}])
    assert [(one.system, one.value, one.type) for one in found.identifiers] == [
        ("urn:mrn", "7", "MR")
    ]


def test_a_replaced_record_names_its_successor() -> None:
    link = {"type": "replaced-by", "other": {"reference": "https://h.example/fhir/Patient/p9"}}
    assert record(link=[link], active=False).replaced_by == "Patient/p9"
    assert record(link=[{**link, "type": "seealso"}]).replaced_by is None


def test_death_is_read_in_both_forms() -> None:
    assert record(deceasedBoolean=True).deceased
    dated = record(deceasedDateTime="2026-01-02")
    assert (dated.deceased, dated.deceased_on) == (True, date(2026, 1, 2))
    assert not record(deceasedBoolean=False).deceased


def test_a_partial_birth_date_is_no_day() -> None:
    assert record(birthDate="1980").birth_date is None
    assert record(birthDate="1980-05-17").birth_date == date(1980, 5, 17)


def test_an_unreadable_patient_is_a_problem() -> None:
    broken = raw({"resourceType": "Patient", "id": "p1"})
    found, problems = patients([type(broken)("Patient", "p1", None, b"{broken")], "pharmacy")
    assert found == ()
    assert problems[0].reference == "Patient/p1"


@given(st.text(max_size=30))
def test_folding_twice_is_folding_once(name: str) -> None:
    assert fold(fold(name)) == fold(name)
