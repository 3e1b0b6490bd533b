"""Several drugs of one class at the same time, cross-tapers told apart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import ClassVar

from service.assess.amounts import dose_steps
from service.assess.answer import Answer, Verdict, listed
from service.assess.chart import Chart
from service.assess.exposure import Exposure, Taking
from service.assess.facts import exposure_facts
from service.assess.rule import Check
from service.assess.value_sets import DrugClass, Laboratory


class ClassDuplication(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At least `minimum` ingredients of `drugs`, in different medications, taken now.

    Args:
        cross_taper_days: for so long after the newest start, a documented way out of an older one
            (an end that is planned, or a lower step since) makes it a cross-taper: suppressed.
        apart: ingredients that do not count (one that is a member by pharmacology only).
        watched_by: a result of this test within `watched_days` lowers the severity: somebody looks.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drugs", "count", "start"})

    drugs: DrugClass
    minimum: int = 2
    cross_taper_days: int = 0
    apart: DrugClass | None = None
    watched_by: Laboratory | None = None
    watched_days: int = 0

    def triggers(self) -> frozenset[str]:
        return self.drugs.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        sure = self._apart(chart.of(self.drugs))
        unsure = self._apart(chart.of(self.drugs, Taking.NOW, Taking.UNCERTAIN))
        if len(sure) >= self.minimum:
            yield self._met(chart, sure)
        elif len(unsure) >= self.minimum:
            doubtful = [e.ingredient.name for e in unsure if e.taking is Taking.UNCERTAIN]
            yield Answer(
                Verdict.CANNOT_TELL,
                f"whether {listed(doubtful)} is still taken",
                exposures=tuple(unsure),
                evidence=exposure_facts(*unsure),
            )

    def _apart(self, taken: list[Exposure]) -> list[Exposure]:
        """Exposures that count: one product with two members of the class counts once."""
        chosen: list[Exposure] = []
        for exposure in taken:
            if self.apart is not None and exposure.ingredient.rxcui in self.apart:
                continue
            if all(exposure.ids != other.ids for other in chosen):
                chosen.append(exposure)
        return chosen

    def _met(self, chart: Chart, taken: list[Exposure]) -> Answer:
        starts = [exposure.start for exposure in taken if exposure.start is not None]
        newest = max(starts, default=None)
        facts, mitigated = exposure_facts(*taken), ""
        if self.watched_by is not None:
            seen, mitigated = chart.watched(self.watched_by, self.watched_days, newest)
            facts = (*facts, *seen)
        return Answer(
            Verdict.MET,
            words={
                "drugs": listed(exposure.ingredient.name for exposure in taken),
                "count": str(len(taken)),
                "start": newest.isoformat() if newest else "an unknown day",
            },
            exposures=tuple(taken),
            evidence=facts,
            suppressed=self._cross_taper(chart, taken, newest),
            mitigated=mitigated,
        )

    def _cross_taper(self, chart: Chart, taken: list[Exposure], newest: date | None) -> str:
        if not self.cross_taper_days or newest is None or len(taken) > self.minimum:
            return ""
        last_day = newest + timedelta(days=self.cross_taper_days)
        if chart.as_of > last_day:
            return ""
        for exposure in taken:
            if exposure.start == newest:
                continue
            if _ends(exposure) or _lowered(exposure, newest):
                name = exposure.ingredient.name
                return f"cross-taper: {name} is being reduced, to be asked again after {last_day}"
        return ""


def _ends(exposure: Exposure) -> bool:
    ends = [line.entry.end for line in exposure.lines if line.state.value == "current"]
    return bool(ends) and all(end is not None for end in ends)


def _lowered(exposure: Exposure, since: date) -> bool:
    steps = dose_steps(exposure)
    early = since - timedelta(days=14)
    return any(after[1] < before[1] and after[0] >= early for before, after in pairwise(steps))
