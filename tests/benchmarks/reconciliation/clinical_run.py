"""Families E to H: the service with all its rules, judged by the labels; noise beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from statistics import median
from time import perf_counter

from service.app import knowledge, settings_of
from service.model.finding import Bucket, Severity
from service.model.record import Report
from service.model.source import Certificate, SourceRead, State
from service.pipeline.gather import gather
from service.pipeline.reconcile import Knowledge, report_of
from service.pipeline.who import Who
from service.read.pull import RESOURCE_TYPES
from tests.benchmarks.reconciliation import concord
from tests.benchmarks.reconciliation.clinical_generate import TYPES
from tests.benchmarks.reconciliation.gold import Case
from tests.benchmarks.reconciliation.score import Score

GRAVE = (Severity.HIGH, Severity.MODERATE)


@dataclass
class Measured:
    """Scores of the types, and how many findings a patient shows."""

    score: Score
    noise: list[int] = field(default_factory=list)
    """Shown findings of moderate and high severity, all families, one number a patient."""
    clinical_noise: list[int] = field(default_factory=list)
    """The same of families E to H alone."""

    @property
    def median(self) -> float:
        return median(self.noise)


class Whole(concord.InMemory):
    """A server whose every search was read to its end, also where it found nothing."""

    async def pull(self, patient_ids: tuple[str, ...], *, since: object = None) -> SourceRead:
        found = await super().pull(patient_ids, since=since)
        held = {one.type: one for one in found.certificates}
        whole = tuple(
            held.get(type_, Certificate(type_, State.COMPLETE)) for type_ in RESOURCE_TYPES
        )
        return replace(found, certificates=whole)


@cache
def tables() -> Knowledge:
    """The shipped knowledge, with every rule."""
    return knowledge(settings_of(None))


def report(case: Case) -> Report:
    sources = [Whole(one) for one in case.sources]
    gathered = asyncio.run(gather(sources, Who(), tables().weights))
    return report_of(gathered, tables(), case.as_of, today=case.as_of)


def measure(made: Sequence[Case]) -> Measured:
    """Every patient once; the tables are loaded before the clock runs."""
    tables()
    found = Measured(Score(types=TYPES))
    start = perf_counter()
    for case in made:
        one = report(case)
        found.score.add(case, concord.said(one))
        shown = [f for f in one.findings if f.bucket is Bucket.SHOWN and f.severity in GRAVE]
        found.noise.append(len(shown))
        found.clinical_noise.append(sum(f.type in TYPES for f in shown))
    found.score.seconds = perf_counter() - start
    return found


def table(found: Measured) -> str:
    """Precision and recall of each type, then the noise."""
    score = found.score
    rows = [f"{'':30}{'due':>6}{'precision':>11}{'recall':>8}"]
    for type_ in TYPES:
        due = score.true[type_] + score.missed[type_]
        rows.append(
            f"{type_:30}{due:>6}{_share(score.precision(type_)):>11}{_share(score.recall(type_)):>8}"
        )
    rows += [
        f"false per clean patient: {score.false_per_clean:.2f}",
        f"moderate and high findings shown, median per patient: {median(found.noise):g}"
        f" (families E to H alone: {median(found.clinical_noise):g}, most {max(found.noise)})",
        f"seconds: {score.seconds:.1f}",
    ]
    return "\n".join(rows)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
