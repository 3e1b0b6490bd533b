"""The second family measured: the service alone, on liquids, patches, inhalers and tapers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from tests.benchmarks.reconciliation import concord
from tests.benchmarks.reconciliation.forms_generate import TYPES
from tests.benchmarks.reconciliation.gold import Case
from tests.benchmarks.reconciliation.score import Score

BEGIN, END = "<!-- forms: begin -->", "<!-- forms: end -->"


def measure(made: Iterable[Case]) -> Score:
    """What the service says of these patients, judged."""
    score = Score()
    for case in made:
        report = concord.report(case)
        score.add(case, concord.said(report), *concord.lines(case, report))
    return score


def table(score: Score, patients: int, seeds: Sequence[int]) -> str:
    """Precision and recall of each type as a page has it."""
    day = datetime.now(UTC).date().isoformat()
    rows = [
        f"{patients} patients, seeds {', '.join(map(str, seeds))}, {day}.",
        "",
        "| type | due | precision | recall |",
        "|---|--:|--:|--:|",
    ]
    for type_ in TYPES:
        due = score.true[type_] + score.missed[type_]
        named = "confirmed-match or equivalent-product" if type_ == "confirmed-match" else type_
        shares = (score.precision(type_), score.recall(type_))
        cells = " | ".join("-" if one is None else f"{one:.3f}" for one in shares)
        rows.append(f"| {named} | {due} | {cells} |")
    rows += [
        "",
        f"False findings per clean patient ({score.clean_patients}): {score.false_per_clean:.2f}. "
        f"Lines in: {score.lines}; lost or placed twice: {score.lost}.",
    ]
    return "\n".join(rows)
