"""Two drugs taken at the same time: interactions, and pairs that are one drug twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import ClassVar

from service.assess.answer import Answer, Verdict, day, listed
from service.assess.chart import Chart
from service.assess.exposure import Exposure, Taking
from service.assess.facts import exposure_facts, result_fact
from service.assess.rule import Check
from service.assess.value_sets import DrugClass, Laboratory


class Concurrent(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A drug of `first` overlapping a drug of `second`.

    Args:
        min_overlap_days: days both must have been taken; planned starts count as one day.
        first_routes, second_routes: only these routes (empty: any systemic one).
        answered_by: a result of this test on or after the start of the overlap answers the
            question; the finding is then suppressed and names it.
        answered_after_days: the result must lie at least so many days after the start.
        softened_by: a drug whose presence lowers the severity (gastroprotection).
        watched_by: a result of this test within `watched_days` lowers the severity: somebody looks.
    """

    words: ClassVar[frozenset[str]] = frozenset({"first", "second", "start"})

    first: DrugClass
    second: DrugClass
    min_overlap_days: int = 1
    first_routes: tuple[str, ...] = ()
    second_routes: tuple[str, ...] = ()
    answered_by: Laboratory | None = None
    answered_after_days: int = 0
    softened_by: DrugClass | None = None
    watched_by: Laboratory | None = None
    watched_days: int = 0

    def triggers(self) -> frozenset[str]:
        return min(self.first.rxcuis, self.second.rxcuis, key=len)

    def answers(self, chart: Chart) -> Iterator[Answer]:
        asked = (Taking.NOW, Taking.PLANNED, Taking.UNCERTAIN)
        firsts = _by(chart.of(self.first, *asked), self.first_routes)
        seconds = _by(chart.of(self.second, *asked), self.second_routes)
        said: set[frozenset[tuple[str, bool]]] = set()
        for first in firsts:
            met: list[Exposure] = []
            unsure: list[Exposure] = []
            for second in seconds:
                pair = frozenset({_key(first), _key(second)})
                if len(pair) == 1 or pair in said or first.ids == second.ids:
                    continue
                said.add(pair)
                if Taking.UNCERTAIN in (first.taking, second.taking):
                    unsure.append(second)
                elif self._long_enough(first, second, chart.as_of):
                    met.append(second)
            if met:
                yield self._met(chart, first, met)
            for second in unsure:
                doubtful = first if first.taking is Taking.UNCERTAIN else second
                yield Answer(
                    Verdict.CANNOT_TELL,
                    f"whether {doubtful.ingredient.name} is still taken",
                    exposures=(first, second),
                    evidence=exposure_facts(first, second),
                )

    def _long_enough(self, first: Exposure, second: Exposure, as_of: date) -> bool:
        start = _overlap(first, second)
        if start is None or Taking.PLANNED in (first.taking, second.taking):
            return True
        return (as_of - start).days + 1 >= self.min_overlap_days

    def _met(self, chart: Chart, first: Exposure, seconds: list[Exposure]) -> Answer:
        starts = [_overlap(first, second) for second in seconds]
        known = [start for start in starts if start is not None]
        start = max(known) if len(known) == len(starts) else None
        facts = exposure_facts(first, *seconds)
        suppressed = mitigated = ""
        if self.answered_by is not None and start is not None:
            after = start + timedelta(days=self.answered_after_days)
            last = chart.last(self.answered_by)
            if last is not None and last.day >= after:
                facts = (*facts, result_fact(last.result))
                suppressed = f"{self.answered_by.title} measured on {last.day}, after the start"
        if self.softened_by is not None:
            with_it = chart.of(self.softened_by)
            if with_it:
                facts = (*facts, *exposure_facts(*with_it))
                mitigated = f"{with_it[0].ingredient.name} is taken with it"
        if self.watched_by is not None and not mitigated:
            seen, mitigated = chart.watched(self.watched_by, self.watched_days, start)
            facts = (*facts, *seen)
        return Answer(
            Verdict.MET,
            words={
                "first": first.ingredient.name,
                "second": listed(second.ingredient.name for second in seconds),
                "start": day(start),
            },
            exposures=(first, *seconds),
            evidence=facts,
            suppressed=suppressed,
            mitigated=mitigated,
        )


def _by(taken: list[Exposure], routes: tuple[str, ...]) -> list[Exposure]:
    """Exposures by one of these routes; one whose route nobody states stays in."""
    wanted = frozenset(routes)
    return [e for e in taken if not wanted or not e.routes or not e.routes.isdisjoint(wanted)]


def _key(exposure: Exposure) -> tuple[str, bool]:
    return exposure.ingredient.rxcui, exposure.local


def _overlap(first: Exposure, second: Exposure) -> date | None:
    """The day since when both are taken; None when either start is unknown."""
    if first.start is None or second.start is None:
        return _planned_start(first, second)
    return max(first.start, second.start)


def _planned_start(*pair: Exposure) -> date | None:
    days = [line.entry.start for exposure in pair for line in exposure.lines if line.entry.start]
    return max(days) if any(e.taking is Taking.PLANNED for e in pair) and days else None
