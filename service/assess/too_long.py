"""Too long without a change: a dose that is too little, a drug that is meant for weeks."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar

from service.assess.amounts import daily_amount, dose_changes
from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import Chart
from service.assess.exposure import Exposure
from service.assess.facts import exposure_facts, line_fact, result_fact
from service.assess.rule import Check
from service.assess.value_sets import DrugClass, Laboratory


class LowDoseStay(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`drug` below `least` a day for over `days`, the last `scale` at `from_score` or more.

    The days count from the last change of the dose. A score older than `within_days` says nothing.
    """

    words: ClassVar[frozenset[str]] = frozenset(
        {"drug", "dose", "least", "days", "scale", "score", "date"}
    )

    drug: DrugClass
    least: Decimal
    unit: str = "mg"
    days: int
    scale: Laboratory
    from_score: Decimal
    within_days: int

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        last = chart.last(self.scale)
        if last is None or (chart.as_of - last.day).days > self.within_days:
            return
        for exposure in chart.of(self.drug):
            if exposure.start is None:
                continue
            since = max([exposure.start, *dose_changes(exposure)])
            days = (chart.as_of - since).days
            if days <= self.days:
                yield not_met(f"{exposure.ingredient.name} at this dose for {days} days.")
                continue
            if last.value is None:
                yield self._unknown(last.missing, exposure)
                continue
            if last.value < self.from_score:
                yield not_met(f"{self.scale.title} was {last.value} on {last.day.isoformat()}.")
                continue
            amount = daily_amount(exposure)
            if amount is None or amount.unit != self.unit:
                yield self._unknown(f"the daily dose of {exposure.ingredient.name}", exposure)
                continue
            if amount.as_needed or amount.value >= self.least:
                yield not_met(f"{exposure.ingredient.name} {amount.value} {amount.unit} a day.")
                continue
            yield Answer(
                Verdict.MET,
                words={
                    "drug": exposure.ingredient.name,
                    "dose": f"{amount.value.normalize():f} {amount.unit}",
                    "least": f"{self.least.normalize():f} {self.unit}",
                    "days": str(days),
                    "scale": self.scale.title,
                    "score": f"{last.value.normalize():f}",
                    "date": last.day.isoformat(),
                },
                exposures=(exposure,),
                evidence=(
                    *(line_fact(line.entry) for line in amount.lines),
                    result_fact(last.result),
                ),
            )

    def _unknown(self, missing: str, exposure: Exposure) -> Answer:
        return Answer(
            Verdict.CANNOT_TELL,
            missing,
            exposures=(exposure,),
            evidence=exposure_facts(exposure),
        )


class TooLong(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`drug` taken without a break for more than `days`."""

    words: ClassVar[frozenset[str]] = frozenset({"drug", "start", "days"})

    drug: DrugClass
    days: int

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        for exposure in chart.of(self.drug):
            name, start = exposure.ingredient.name, exposure.start
            if start is None:
                yield Answer(
                    Verdict.CANNOT_TELL,
                    f"since when {name} is taken",
                    exposures=(exposure,),
                    evidence=exposure_facts(exposure),
                )
                continue
            treated = (chart.as_of - start).days
            if treated <= self.days:
                yield not_met(f"{name} is taken for {treated} days.")
                continue
            yield Answer(
                Verdict.MET,
                words={"drug": name, "start": start.isoformat(), "days": str(treated)},
                exposures=(exposure,),
                evidence=exposure_facts(exposure),
            )
