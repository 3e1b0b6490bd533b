"""Who needs a look first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.review.worklist import place
from tests.write.synthetic import AT, finding, report

SEVERITIES = ("high", "moderate", "low", "none")


def ranked(*contents: dict[str, Any]) -> list[int]:
    places = [place(content, f"p-{n}", AT) for n, content in enumerate(contents)]
    return sorted(range(len(places)), key=lambda n: places[n].sort)


def test_urgent_comes_before_high_and_high_before_the_rest() -> None:
    contents = [report(findings=[finding("f", [], s)]) for s in reversed(SEVERITIES)]
    urgent = report(findings=[finding("f", [], "high", urgent=True)])
    assert ranked(*contents, urgent) == [4, 3, 2, 1, 0]


def test_the_earlier_visit_decides_between_equals_and_no_visit_comes_last() -> None:
    def visiting(day: str | None) -> dict[str, Any]:
        return report(next_appointment={"date": day} if day else None)

    assert ranked(visiting(None), visiting("2026-04-01"), visiting("2026-03-12")) == [2, 1, 0]


def test_who_waits_longer_comes_first_and_no_two_places_are_equal() -> None:
    older = place(report(), "p-2", AT - timedelta(hours=1))
    newer, twin = place(report(), "p-1", AT), place(report(), "p-3", AT)
    assert older.sort < newer.sort < twin.sort


def test_suppressed_findings_do_not_rank_and_unevaluable_ones_are_counted() -> None:
    content = report(
        findings=[
            finding("f-1", [], "high", bucket="suppressed"),
            finding("f-2", [], "high", bucket="not-evaluable"),
            finding("f-3", [], "low"),
        ]
    )
    found = place(content, "p", AT)
    assert (found.severity, found.high, found.low, found.not_evaluable) == ("low", 0, 1, 1)


@given(st.lists(st.sampled_from(SEVERITIES), max_size=6))
def test_a_further_finding_never_moves_a_patient_back(severities: list[str]) -> None:
    findings = [finding(f"f-{n}", [], severity) for n, severity in enumerate(severities)]
    before = place(report(findings=findings), "p", AT).sort
    for severity in SEVERITIES:
        after = place(report(findings=[*findings, finding("f-x", [], severity)]), "p", AT).sort
        assert after <= before
