"""One source more never takes a danger away that the others show, unless the report says why.

What is missing may well be found there (a laboratory result, a visit); what two drugs do to each
other stays. CONCORD_TEST_SCALE=full takes every golden patient and every source.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from service.app import reconcile_once
from service.model.finding import Bucket
from tests.patients.golden import AS_OF, GoldenPatient, patients

FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"
STANDING = frozenset(
    {
        "drug-interaction",
        "therapeutic-duplication",
        "parent-metabolite-duplication",
        "drug-condition",
        "allergy-conflict",
        "age-risk",
        "pregnancy-lactation",
        "above-maximum",
    }
)
"""Types that speak of what is there."""


def cases() -> list[tuple[GoldenPatient, str]]:
    """A golden patient with such a finding, and a source that comes last and has no part in it."""
    found = [(patient, source) for patient in patients() for source in _bystanders(patient)]
    return found if FULL else found[:: max(1, len(found) // 4)]


def _bystanders(patient: GoldenPatient) -> Iterator[str]:
    report = json.loads(patient.golden.read_text(encoding="utf-8"))
    held = {one["id"]: {line["source"] for line in one["lines"]} for one in report["medications"]}
    for source in patient.sources:
        for finding in report["findings"]:
            stands = finding["type"] in STANDING and finding["bucket"] == "shown"
            concerned = [held[one] for one in finding["medications"]]
            rests_on = {
                fact["source"]
                for fact in finding["evidence"]
                if not fact["reference"].startswith("Medication")
            }
            if (
                stands
                and concerned
                and source not in rests_on
                and all(sources - {source} for sources in concerned)
            ):
                yield source
                break


@pytest.mark.parametrize(("patient", "last"), cases(), ids=lambda one: getattr(one, "name", one))
def test_a_danger_stays_when_another_source_is_read(patient: GoldenPatient, last: str) -> None:
    fewer = {name: path for name, path in patient.sources.items() if name != last}
    before = reconcile_once(fewer, as_of=AS_OF).findings
    after = reconcile_once(patient.sources, as_of=AS_OF).findings
    standing = [one for one in before if one.type in STANDING and one.bucket is Bucket.SHOWN]
    assert standing, "there is something to lose"
    for one in standing:
        same = [
            other
            for other in after
            if other.type == one.type and set(other.ingredients) >= set(one.ingredients)
        ]
        assert any(other.bucket is Bucket.SHOWN or other.reason for other in same), one.title


def test_there_are_dangers_to_compare() -> None:
    assert len(cases()) >= 4
