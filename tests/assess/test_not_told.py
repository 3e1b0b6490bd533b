"""A source that does not tell rating scales supports no statement that one is missing, and still
supports those about laboratory results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from service.assess.engine import assess
from service.mappings.case_patient import build
from service.mappings.case_rows import load_cases
from service.model.finding import Bucket
from service.model.source import Certificate, State

from .test_engine import book, drugs

MAPPINGS = Path(__file__).parents[2] / "mappings"


def _buckets(rule: str, lacks: tuple[str, ...]) -> set[Bucket]:
    """How the rule speaks in its own cases in which it speaks, where the sources lack that."""
    found = set()
    for case in load_cases(MAPPINGS, rule):
        if not any(one.bucket is Bucket.SHOWN for one in case.expect or ()):
            continue
        view = build(case, drugs()).view
        told = Certificate("Observation", State.COMPLETE, lacks=lacks)
        sources = tuple(
            replace(
                one,
                certificates=(*(c for c in one.certificates if c.type != "Observation"), told),
            )
            for one in view.sources
        )
        changed = replace(view, sources=sources)
        found |= {one.bucket for one in assess(changed, book(), case.as_of) if one.rule.id == rule}
    return found


@pytest.mark.parametrize(
    ("rule", "without"),
    [
        ("scale/phq9-overdue", Bucket.NOT_EVALUABLE),
        ("monitoring/lithium-level", Bucket.SHOWN),
    ],
)
def test_only_what_is_not_told_cannot_be_missing(rule: str, without: Bucket) -> None:
    assert _buckets(rule, ()) == {Bucket.SHOWN}
    assert _buckets(rule, ("survey",)) == {without}
