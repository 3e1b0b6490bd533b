"""A dose too high for the day of treatment: schedules by co-medication."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar

import msgspec

from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import Chart, exposure_facts, line_fact
from service.assess.exposure import Exposure, daily_amount
from service.assess.rule import Check
from service.assess.value_sets import DrugClass


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Up to `most` a day until day `until_day` of the treatment (day 1 is the first)."""

    until_day: int
    most: Decimal


class Titration(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The daily dose of `drug` against the steps that its start allows.

    `taken_with` makes it the schedule for patients with such a drug, `unless_with` for those
    without; rules with different co-medication do not overlap.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "dose", "day", "most", "start"})

    drug: DrugClass
    steps: tuple[Step, ...]
    unit: str = "mg"
    taken_with: DrugClass | None = None
    unless_with: DrugClass | None = None

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        if self.unless_with is not None and chart.of(self.unless_with):
            return
        others = chart.of(self.taken_with) if self.taken_with is not None else []
        if self.taken_with is not None and not others:
            return
        for exposure in chart.of(self.drug):
            yield self._answer(chart, exposure, others)

    def _answer(self, chart: Chart, exposure: Exposure, others: list[Exposure]) -> Answer:
        name, start = exposure.ingredient.name, exposure.start
        taken = (exposure, *others)
        if start is None:
            return not_met(f"No source says since when {name} is taken.", on=taken)
        number = (chart.as_of - start).days + 1
        step = next((step for step in self.steps if number <= step.until_day), None)
        if step is None:
            return not_met(f"{name} is taken since {start.isoformat()}.", on=taken)
        amount = daily_amount(exposure)
        if amount is None or amount.unit != self.unit:
            return Answer(
                Verdict.CANNOT_TELL,
                f"the daily dose of {name}",
                exposures=taken,
                evidence=exposure_facts(*taken),
            )
        if amount.value <= step.most:
            return not_met(f"{name} {amount.value} {amount.unit} on day {number}.", on=taken)
        facts = tuple(line_fact(line.entry) for line in amount.lines)
        return Answer(
            Verdict.MET,
            words={
                "drug": name,
                "dose": f"{amount.value.normalize():f} {amount.unit}",
                "day": str(number),
                "most": f"{step.most.normalize():f} {self.unit}",
                "start": start.isoformat(),
            },
            exposures=taken,
            evidence=(*facts, *exposure_facts(*others)),
        )
