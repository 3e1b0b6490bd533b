"""A measurement that moved since a drug was started: weight gained, a QTc that grew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import ClassVar

from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import Chart, Measured
from service.assess.exposure import Exposure
from service.assess.facts import exposure_facts, result_fact
from service.assess.rule import Check
from service.assess.value_sets import DrugClass, Laboratory

AT_START = timedelta(days=7)
"""A result so soon after the start still stands for the time before it."""


class LabRise(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The last result of `lab` is higher than before `drug` by `percent`, or by `amount`.

    The baseline is the last result from `baseline_days` before the start to a week after it; the
    last result counts for `within_days`. With several of the drugs the first one started counts.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "lab", "before", "now", "date", "rise"})

    drug: DrugClass
    lab: Laboratory
    baseline_days: int
    within_days: int
    percent: Decimal | None = None
    amount: Decimal | None = None

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        begun = [(e.start, e) for e in chart.of(self.drug) if e.start is not None]
        if begun:
            start, exposure = min(begun, key=lambda found: (found[0], found[1].ingredient.name))
            yield self._answer(chart, exposure, start)

    def _answer(self, chart: Chart, exposure: Exposure, start: date) -> Answer:
        title = self.lab.title
        results = chart.measured(self.lab)
        earliest = start - timedelta(days=self.baseline_days)
        before = [m for m in results if earliest <= m.day <= start + AT_START]
        last = results[-1] if results else None
        if last is None or last.day <= start + AT_START:
            undated = chart.undated(self.lab)
            if undated:
                return Answer(
                    Verdict.CANNOT_TELL,
                    f"the date of {title}",
                    exposures=(exposure,),
                    evidence=(
                        *exposure_facts(exposure),
                        *(result_fact(result) for result in undated),
                    ),
                )
            return not_met(f"No {title} since {start.isoformat()}.")
        if (chart.as_of - last.day).days > self.within_days:
            return not_met(f"{title} was last measured on {last.day.isoformat()}.")
        if not before:
            return not_met(f"No {title} from before {start.isoformat()} to compare with.")
        first = before[-1]
        facts = (*exposure_facts(exposure), result_fact(first.result), result_fact(last.result))
        if first.value is None or last.value is None:
            missing = first.missing or last.missing
            return Answer(Verdict.CANNOT_TELL, missing, exposures=(exposure,), evidence=facts)
        rise = self._rise(first, last)
        if not rise:
            return not_met(f"{title} was {first.value} before and is {last.value}.")
        return Answer(
            Verdict.MET,
            words={
                "drug": exposure.ingredient.name,
                "lab": title,
                "before": result_fact(first.result).value,
                "now": result_fact(last.result).value,
                "date": last.day.isoformat(),
                "rise": rise,
            },
            exposures=(exposure,),
            evidence=facts,
        )

    def _rise(self, first: Measured, last: Measured) -> str:
        """The rise in words where it reaches the limit, else nothing."""
        if first.value is None or last.value is None or first.value <= 0:
            return ""
        by = last.value - first.value
        if self.percent is not None and by * 100 >= self.percent * first.value:
            return f"{by * 100 / first.value:.0f} %"
        if self.amount is not None and by >= self.amount:
            return f"{by.normalize():f} {self.lab.unit}"
        return ""
