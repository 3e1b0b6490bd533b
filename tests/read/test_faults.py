"""What the reader says of refusals, filters that were ignored, alarms and pages without an end.

Every fault of the catalogue, page by page, is in test_catalogue.py.
"""

from __future__ import annotations

import pytest

from service.model.source import State
from service.sandbox.faults import (
    Action,
    Answer,
    Entries,
    Fault,
    Link,
    SelfLink,
    Total,
)
from tests.read.chart import LINES, certificate, ids_of, pulled, sandbox

PAGES = ("first", "middle", "last")


def _faults(action: Action, page: str, times: int) -> Fault:
    return Fault(action=action, type="MedicationRequest", page=page, times=times)


@pytest.mark.parametrize("page", PAGES)
def test_a_total_larger_than_what_came_is_told(page: str) -> None:
    read = pulled(sandbox(_faults(Total(add=3), page, 0)))
    assert certificate(read).state is State.PARTIAL
    assert certificate(read).reasons == ("MedicationRequest: total says 9, 6 came",)


def test_a_refusal_is_withheld_and_not_empty() -> None:
    for status in (401, 403):
        read = pulled(sandbox(_faults(Answer(status=status), "first", 0)))
        assert certificate(read).state is State.WITHHELD
        assert read.state is State.WITHHELD


def test_a_refusal_in_the_middle_leaves_what_came_as_partial() -> None:
    read = pulled(sandbox(_faults(Answer(status=403), "middle", 0)))
    assert certificate(read).state is State.PARTIAL
    assert certificate(read).reasons == ("page 2 of MedicationRequest: 403 Forbidden",)
    assert len(ids_of(read)) == 2


def test_an_answer_that_ignored_the_patient_is_refused() -> None:
    read = pulled(sandbox(_faults(SelfLink(without=["patient"]), "first", 0)))
    assert certificate(read).state is State.UNAVAILABLE
    assert certificate(read).dropped == ("patient",)
    assert not ids_of(read)


def test_without_a_self_link_nothing_is_proven() -> None:
    read = pulled(sandbox(_faults(SelfLink(), "first", 0)))
    assert certificate(read).state is State.PARTIAL
    assert len(ids_of(read)) == LINES


def test_another_patients_entries_raise_an_alarm() -> None:
    read = pulled(sandbox(_faults(Entries(subject="Patient/2"), "middle", 0)))
    assert any("another patient" in problem.what for problem in read.problems)


def test_empty_pages_with_a_next_link_are_passed_but_not_for_ever() -> None:
    read = pulled(sandbox(_faults(Entries(empty=True), "middle", 0), total=False))
    assert len(ids_of(read)) == 4
    read = pulled(sandbox(_faults(Link(to="endless"), "", 0)))
    assert certificate(read).state is State.PARTIAL


def test_a_404_of_the_whole_type_is_not_offered_only_where_nothing_offers_it() -> None:
    gone = _faults(Answer(status=404, issue="unknown type", code="not-supported"), "", 0)
    assert certificate(pulled(sandbox(gone))).state is State.UNAVAILABLE
    nothing_said = Fault(action=Answer(status=404), path="metadata", times=0)
    assert certificate(pulled(sandbox(nothing_said, gone))).state is State.NOT_OFFERED
