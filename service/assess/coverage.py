"""How far the supply of a drug reaches: a gap at the end, the proportion of days covered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import ClassVar

from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import Chart
from service.assess.exposure import Exposure
from service.assess.facts import exposure_facts, line_fact
from service.assess.fills import SUPPLIERS, covered_until, days_covered, scheduled, supplies
from service.assess.rule import Check
from service.assess.value_sets import DrugClass
from service.model.medication import PlacedLine


class AdherenceGap(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`drug` is ordered, and the supply of the last fills, with what was left over, ran out.

    Met from `gap_days` after the last covered day on, up to `look_back_days` after it (then it is
    a stale line, not a gap).
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "last", "covered", "days"})

    drug: DrugClass
    gap_days: int
    look_back_days: int = 180

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        for exposure in chart.of(self.drug):
            fills = supplies(exposure)
            if fills and not exposure.depot and scheduled(exposure):
                yield self._answer(chart, exposure, fills)

    def _answer(
        self, chart: Chart, exposure: Exposure, fills: list[tuple[date, PlacedLine]]
    ) -> Answer:
        name = exposure.ingredient.name
        last, line = fills[-1]
        covered = covered_until(fills)
        if covered is None:
            return Answer(
                Verdict.CANNOT_TELL,
                f"for how many days {name} was supplied on {last.isoformat()}",
                exposures=(exposure,),
                evidence=(line_fact(line.entry),),
            )
        gap = (chart.as_of - covered).days
        if not self.gap_days <= gap <= self.look_back_days:
            return not_met(f"{name} is supplied until {covered.isoformat()}.")
        missing = chart.unproven("MedicationDispense", roles=SUPPLIERS)
        return Answer(
            Verdict.CANNOT_TELL if missing else Verdict.MET,
            missing,
            words={
                "drug": name,
                "last": last.isoformat(),
                "covered": covered.isoformat(),
                "days": str(gap),
            },
            exposures=(exposure,),
            evidence=(*exposure_facts(exposure), line_fact(line.entry)),
        )


class DaysCovered(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The proportion of days covered by fills of `drug` is below `least_percent`.

    Counted from the first fill within `window_days` to today, with what an early fill leaves over
    used up after it (PQA; HEDIS SAA); asked from `min_days` after that fill and with two fills.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "percent", "from", "days"})

    drug: DrugClass
    least_percent: int
    window_days: int
    min_days: int

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        earliest = chart.as_of - timedelta(days=self.window_days)
        for exposure in chart.of(self.drug):
            fills = [fill for fill in supplies(exposure) if earliest <= fill[0] <= chart.as_of]
            if len(fills) > 1 and not exposure.depot and scheduled(exposure):
                yield self._answer(chart, exposure, fills)

    def _answer(
        self, chart: Chart, exposure: Exposure, fills: list[tuple[date, PlacedLine]]
    ) -> Answer:
        name, first = exposure.ingredient.name, fills[0][0]
        days = (chart.as_of - first).days + 1
        if days < self.min_days:
            return not_met(f"{name} is supplied since {first.isoformat()} only.")
        facts = tuple(line_fact(line.entry) for _, line in fills)
        unsaid = [on for on, line in fills if line.entry.days_supply is None]
        if unsaid:
            missing = f"for how many days {name} was supplied on {unsaid[0].isoformat()}"
            return Answer(Verdict.CANNOT_TELL, missing, exposures=(exposure,), evidence=facts)
        percent = days_covered(fills, chart.as_of) * 100 // days
        if percent >= self.least_percent:
            return not_met(f"{percent} % of {days} days were covered with {name}.")
        missing = chart.unproven("MedicationDispense", roles=SUPPLIERS)
        return Answer(
            Verdict.CANNOT_TELL if missing else Verdict.MET,
            missing,
            words={
                "drug": name,
                "percent": f"{percent} %",
                "from": first.isoformat(),
                "days": str(days),
            },
            exposures=(exposure,),
            evidence=facts,
        )
