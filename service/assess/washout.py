"""One drug started too soon after another one ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import Chart
from service.assess.exposure import Exposure, Taking
from service.assess.facts import exposure_facts
from service.assess.rule import Check
from service.assess.value_sets import DrugClass


class Washout(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`then` taken or planned less than `days` after the last day of `ended`."""

    words: ClassVar[frozenset[str]] = frozenset({"ended", "last", "then", "start", "days"})

    ended: DrugClass
    then: DrugClass
    days: int

    def triggers(self) -> frozenset[str]:
        return min(self.ended.rxcuis, self.then.rxcuis, key=len)

    def answers(self, chart: Chart) -> Iterator[Answer]:
        started = chart.of(self.then, Taking.NOW, Taking.PLANNED)
        for past in chart.of(self.ended, Taking.PAST):
            for now in started:
                if now.ingredient != past.ingredient:
                    yield self._answer(past, now)

    def _answer(self, past: Exposure, now: Exposure) -> Answer:
        last = past.stopped_on
        planned = [line.entry.start for line in now.lines if line.entry.start is not None]
        start = now.start or min(planned, default=None)
        facts = exposure_facts(past, now)
        if last is None or start is None:
            what = (
                f"the day on which {past.ingredient.name} ended"
                if last is None
                else f"since when {now.ingredient.name} is taken"
            )
            return Answer(Verdict.CANNOT_TELL, what, exposures=(past, now), evidence=facts)
        if start >= last + timedelta(days=self.days):
            return not_met(f"{now.ingredient.name} started {(start - last).days} days after.")
        if start <= last and past.start is not None and past.start > start:
            return not_met(f"{now.ingredient.name} was taken before {past.ingredient.name}.")
        return Answer(
            Verdict.MET,
            words={
                "ended": past.ingredient.name,
                "last": last.isoformat(),
                "then": now.ingredient.name,
                "start": start.isoformat(),
                "days": str(self.days),
            },
            exposures=(past, now),
            evidence=facts,
        )
