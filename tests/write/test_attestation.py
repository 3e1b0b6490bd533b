"""Reconciliation after discharge: within 31 days, by who may attest it, CPT only under licence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from service.fhir.release import check
from service.model.around import Stay
from service.model.review import UserRole
from service.write.task import attested
from tests.write.given import PSYCHIATRY, SIGNING, of, planned
from tests.write.synthetic import AT, PHARMACIST

DAY = AT.date()


def stay(ended: date, number: int = 1) -> Stay:
    return Stay("psychiatry", f"Encounter/{number}", "1", ended)


def done(**more: Any) -> dict[str, Any]:
    (found,) = [one for one in of(planned(**more), "Task") if one["status"] == "completed"]
    return found


@pytest.mark.parametrize(
    ("days", "counts"), [(-1, False), (0, True), (1, True), (30, True), (31, False)]
)
def test_it_counts_from_the_day_of_discharge_to_thirty_days_after(days: int, counts: bool) -> None:
    found = done(stays=(stay(DAY - timedelta(days=days)),))
    assert ("reasonReference" in found) is counts
    assert check(found) == ()


def test_the_newest_stay_is_the_one_that_is_attested() -> None:
    older, newer = stay(DAY - timedelta(days=9)), stay(DAY - timedelta(days=2), 2)
    found = done(stays=(newer, older))
    assert found["reasonReference"] == {"reference": "Encounter/2"}
    assert "2 days after discharge (2026-03-08)" in found["description"]


def test_cpt_stands_only_where_the_site_is_licensed_and_after_a_stay() -> None:
    licensed = replace(PSYCHIATRY, cpt_licensed=True)
    assert "1111F" in json.dumps(done(target=licensed, stays=(stay(DAY),)))
    assert "1111F" not in json.dumps(done(target=licensed))
    assert "1111F" not in json.dumps(done(stays=(stay(DAY),)))


@pytest.mark.parametrize(
    ("role", "counts"),
    [
        (UserRole.PHARMACIST, True),
        (UserRole.PSYCHIATRIST, True),
        (UserRole.THERAPIST, False),
        (UserRole.IT, False),
    ],
)
def test_only_who_reconciles_attests(role: UserRole, counts: bool) -> None:
    signing = replace(SIGNING, by=replace(PHARMACIST, role=role))
    assert (attested((stay(DAY),), signing) is not None) is counts
