"""Discrepancies in French codes, the map to them, and an issue that is known again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.fhir.release import check
from service.model.review import Disposition
from service.write.codes import FCT_SYSTEM, FINDING_SYSTEM
from service.write.discrepancy import TYPES, UNMATCHED, concept_map
from service.write.identity import identifier_value
from service.write.issue import stems
from service.write.plan import plan
from service.write.target import Standing
from tests.write.given import PSYCHIATRY, SIGNING, of, planned
from tests.write.synthetic import all_decided, decision, finding, report, reviewed

SHIPPED = Path(__file__).parents[2] / "docs" / "fhir" / "ConceptMap-discrepancies.json"


def french(content: dict[str, Any], intentional: bool | None = None) -> list[str]:
    accepted = decision("f-dose", Disposition.ACCEPT, intentional=intentional)
    review = reviewed(*[one for one in all_decided() if one.item != "f-dose"], accepted)
    issues = of(planned(content, review=review), "DetectedIssue")
    (issue,) = [one for one in issues if one["severity"] == "high"]
    return [c["display"] for c in issue["code"]["coding"] if c["system"].startswith(FCT_SYSTEM)]


@pytest.mark.parametrize(
    ("intentional", "said"),
    [
        (None, "Divergence non qualifiée"),
        (True, "Divergence intentionnelle"),
        (False, "Divergence non-intentionnelle"),
    ],
)
def test_a_discrepancy_carries_its_french_type_and_what_a_person_said_of_it(
    intentional: bool | None, said: str
) -> None:
    assert french(report(), intentional) == ["Erreur posologie", said]


def test_a_discrepancy_without_a_french_type_is_only_qualified() -> None:
    content = report(findings=[finding("f-dose", ["m-ser"], type="held-versus-active")])
    assert french(content) == ["Divergence non qualifiée"]


def test_what_is_no_discrepancy_carries_no_french_code() -> None:
    content = report(findings=[finding("f-dose", ["m-ser"], type="drug-interaction")])
    assert french(content) == []


def test_the_shipped_map_is_the_one_that_is_used_and_sound() -> None:
    assert json.loads(SHIPPED.read_text(encoding="utf-8")) == concept_map()
    assert check(concept_map()) == ()


def test_every_type_of_the_map_is_a_type_of_the_reconciliation() -> None:
    groups = concept_map()["group"]
    named = {one["code"] for one in groups[0]["element"]}
    assert groups[0]["source"] == FINDING_SYSTEM
    assert named == {*TYPES, *UNMATCHED}
    vague = [m for m in TYPES.values() if m.equivalence in {"inexact", "narrower"}]
    assert all(mapped.comment for mapped in vague)


def issue_key(content: dict[str, Any], item: str, **more: Any) -> str:
    review = reviewed(*all_decided(), decision(item, Disposition.ACCEPT))
    writes = planned(content, review=review, **more)
    (found,) = [w.key for w in writes if w.type == "DetectedIssue" and w.item == item]
    return found


def test_a_new_value_updates_the_issue_and_adds_none() -> None:
    first = report()
    second = report(
        findings=[
            finding("f-new-id", ["m-ser"], message="The daily doses differ by more."),
            report()["findings"][1],
        ]
    )
    assert issue_key(first, "f-dose") == issue_key(second, "f-new-id")


def test_two_findings_of_one_rule_on_one_drug_are_two_issues() -> None:
    content = report(
        findings=[
            finding("f-dose", ["m-ser"], sources=["pharmacy"]),
            finding("f-two", ["m-ser"], sources=["psychiatry"]),
            finding("f-three", ["m-ser"], sources=["psychiatry"]),
        ]
    )
    assert len(set(stems(content).values())) == 3
    assert issue_key(content, "f-two") != issue_key(content, "f-dose")


def test_an_issue_under_the_key_of_an_earlier_version_keeps_it() -> None:
    old = identifier_value(b"k" * 32, "standing", "p-1", "DetectedIssue", "f-dose")
    writes = plan(
        reviewed(*all_decided()),
        report(),
        (PSYCHIATRY,),
        SIGNING,
        key=b"k" * 32,
        version="1",
        earlier={("psychiatry", old): Standing("DetectedIssue/9", "2")},
    )
    (found,) = [w for w in writes if w.reference == "DetectedIssue/9"]
    assert found.item == "f-dose"
