"""Which pairs of records are compared at all."""

from dataclasses import replace
from datetime import date

import pytest

from service.link.blocking import candidates, keys
from service.model.evidence import Origin
from service.model.patient import Identifier, PatientRecord

ONE = PatientRecord(
    origin=Origin("a", "Patient/1"),
    identifiers=(Identifier("urn:mrn", "A-77"),),
    family=("larsen",),
    given=("maria",),
    birth_date=date(1980, 5, 4),
    phones=("+1 (555) 010-2030",),
)
OTHER = replace(ONE, origin=Origin("b", "Patient/2"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"identifiers": ()},
        {"family": ("okafor",)},
        {"given": ("sofia",)},
        {"birth_date": date(1980, 5, 5)},
        {"birth_date": None},
        {"phones": ()},
    ],
)
def test_one_wrong_field_keeps_no_pair_apart(wrong: dict[str, object]) -> None:
    assert len(list(candidates([ONE, replace(OTHER, **wrong)]))) == 1


def test_a_pair_that_shares_many_keys_comes_once() -> None:
    assert list(candidates([ONE, OTHER])) == [(ONE, OTHER)]


def test_strangers_are_not_compared() -> None:
    stranger = PatientRecord(Origin("b", "Patient/3"), family=("okafor",), given=("peter",))
    assert list(candidates([ONE, stranger])) == []


def test_identifiers_and_phones_meet_however_they_are_written() -> None:
    written = replace(
        OTHER,
        identifiers=(Identifier("urn:mrn", "a77"),),
        family=(),
        given=(),
        phones=("5550102030",),
    )
    assert len(keys(ONE) & keys(written)) == 2


def test_a_number_that_a_crowd_shares_names_nobody() -> None:
    crowd = [PatientRecord(Origin("a", f"Patient/{n}"), phones=("555 000 1111",)) for n in range(5)]
    assert list(candidates(crowd, crowd=4)) == []
    assert len(list(candidates(crowd, crowd=5))) == 10
