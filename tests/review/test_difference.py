"""What changed since a person saw it: field by field, each thing once, nothing that is the same."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.review.difference import MOST, Field, report_changes, value_changes
from tests.write.synthetic import finding, line, medication, report

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.sampled_from(["", "a", "b"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)


def told(seen: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one.about, one.kind, one.title) for one in report_changes(seen, now)]


def test_the_same_report_has_no_difference_whatever_it_was_made_with() -> None:
    later = report(provenance={"service": "9", "mappings": "x", "rxnorm": "y"})
    assert report_changes(report(), later) == ()


def test_a_dose_that_was_raised_is_told_for_the_drug_and_for_its_line() -> None:
    now = copy.deepcopy(report())
    drug = now["medications"][0]
    drug["daily_dose"] = drug["lines"][0]["daily_dose"] = {"value": 200, "unit": "mg"}
    raised = Field("daily dose", "100 mg a day", "200 mg a day")
    changes = report_changes(report(), now)
    assert [(one.about, one.place) for one in changes] == [
        ("medication", "m-ser"),
        ("line", "psychiatry:MedicationRequest/1"),
    ]
    assert all(one.fields == (raised,) for one in changes)


def test_what_came_and_what_went_is_told_by_name() -> None:
    new = medication("m-new", "1", "quetiapine", [line("pharmacy", 9)])
    now = report(medications=[report()["medications"][0], new])
    assert told(report(), now) == [
        ("medication", "removed", "lithium 100 mg oral tablet"),
        ("medication", "added", "quetiapine 100 mg oral tablet"),
    ]


def test_a_finding_with_another_value_is_one_that_changed() -> None:
    again = finding("f-other-id", ["m-ser"], message="The doses differ by more.")
    now = report(findings=[again, report()["findings"][1]])
    (change,) = report_changes(report(), now)
    assert (change.kind, change.fields[0].name) == ("changed", "message")


def test_a_source_that_is_no_longer_complete_is_told_first() -> None:
    now = report()
    now["sources"][0]["state"] = "stale"
    now["findings"] = []
    changes = report_changes(report(), now)
    assert (changes[0].about, changes[0].fields) == (
        "source",
        (Field("state", "complete", "stale"),),
    )


@given(VALUES)
def test_a_resource_does_not_differ_from_itself(value: Any) -> None:
    assert value_changes(value, json.loads(json.dumps(value))) == ()


@given(VALUES, VALUES)
def test_two_that_differ_are_told_apart_and_back(one: Any, other: Any) -> None:
    there, back = value_changes(one, other), value_changes(other, one)
    assert [(f.name, f.before, f.now) for f in there] == [
        (f.name, f.now, f.before) for f in sorted(back, key=lambda f: order(there, f.name))
    ]


def order(fields: tuple[Field, ...], name: str) -> int:
    return [field.name for field in fields].index(name)


def test_what_a_server_writes_by_itself_is_no_difference() -> None:
    seen = {
        "resourceType": "List",
        "meta": {"versionId": "1"},
        "text": {"div": "x"},
        "mode": "working",
    }
    now = {
        "resourceType": "List",
        "meta": {"versionId": "2"},
        "text": {"div": "y"},
        "mode": "snapshot",
    }
    assert value_changes(seen, now) == (Field("mode", "working", "snapshot"),)


def test_more_than_can_be_shown_is_said_to_be_more() -> None:
    found = value_changes([], list(range(MOST + 5)))
    assert len(found) == MOST + 1
    assert found[-1] == Field("and more", "", "")
