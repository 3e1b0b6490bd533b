"""Whether a rule answers its cases as they say: small patients written beside the rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from service.assess.engine import assess
from service.assess.rule import Rule, RuleBook, RuleStatus
from service.mappings.case_lines import Drugs
from service.mappings.case_patient import build
from service.mappings.case_rows import Case, Expectation
from service.model.finding import Bucket, Finding


def failures(case: Case, rule: Rule, drugs: Drugs, book: RuleBook) -> tuple[str, ...]:
    """How the rule's answer differs from what the case says; empty when it does not.

    A rule that is off answers its cases as if it were on: it must be right before it is.
    """
    built = build(case, drugs)
    alone = RuleBook([replace(rule, status=RuleStatus.UNREVIEWED)], book.washout, book.raising)
    found = assess(built.view, alone, case.as_of)
    if case.answer:
        return _cannot_tell(case, found)
    expected = list(case.expect or ())
    if len(found) != len(expected):
        said = "; ".join(f"{f.bucket.value}: {f.message} {f.reason}".strip() for f in found)
        return (f"{len(expected)} findings expected, {len(found)} found: {said or 'none'}",)
    return tuple(
        difference
        for wanted, finding in zip(expected, found, strict=True)
        for difference in _differences(wanted, finding, built.places)
    )


def _cannot_tell(case: Case, found: tuple[Finding, ...]) -> tuple[str, ...]:
    open_ones = [f for f in found if f.bucket is Bucket.NOT_EVALUABLE]
    if not open_ones or len(open_ones) != len(found):
        said = "; ".join(f"{f.bucket.value}: {f.message}" for f in found)
        return (f"cannot-tell expected, found: {said or 'none'}",)
    reasons = " ".join(finding.reason for finding in open_ones)
    return tuple(
        f"missing {word!r} expected, said: {reasons}"
        for word in case.missing
        if word not in reasons
    )


def _differences(
    wanted: Expectation, finding: Finding, places: dict[tuple[str, str], str]
) -> Iterable[str]:
    if finding.bucket is not wanted.bucket:
        yield f"bucket {wanted.bucket.value} expected, {finding.bucket.value}: {finding.reason}"
    if wanted.severity is not None and finding.severity is not wanted.severity:
        yield f"severity {wanted.severity.value} expected, {finding.severity.value} found"
    if wanted.urgent is not None and finding.urgent is not wanted.urgent:
        yield f"urgent {wanted.urgent} expected, {finding.urgent} found"
    if wanted.due is not None and finding.due != wanted.due:
        yield f"due {wanted.due} expected, {finding.due} found"
    if wanted.says not in f"{finding.message} {finding.reason}":
        yield f"{wanted.says!r} expected in: {finding.message} {finding.reason}"
    if wanted.evidence is not None:
        cited = {places[fact.source, fact.reference] for fact in finding.evidence}
        if cited != set(wanted.evidence):
            yield f"evidence {sorted(wanted.evidence)} expected, {sorted(cited)} found"
