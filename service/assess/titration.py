"""A dose too high for the day of treatment: the first day's, then schedules by co-medication."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar

import msgspec

from service.assess.amounts import daily_amount, first_amount
from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import Chart
from service.assess.exposure import Exposure
from service.assess.facts import exposure_facts, line_fact
from service.assess.rule import Check
from service.assess.value_sets import DrugClass


def beside(
    chart: Chart, taken_with: DrugClass | None, unless_with: DrugClass | None
) -> list[Exposure] | None:
    """The drugs taken now that choose this schedule; None where it is not this patient's."""
    if unless_with is not None and chart.of(unless_with):
        return None
    others = chart.of(taken_with) if taken_with is not None else []
    return None if taken_with is not None and not others else others


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
        others = beside(chart, self.taken_with, self.unless_with)
        if others is not None:
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


class StartingDose(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`drug` was begun with more than `most` on the first day of its last episode.

    Asked until day `until_day` of the treatment: after that the start is history. The dose of the
    first day is what orders and statements of that day add up to in one source, whatever is taken
    today. `taken_with` and `unless_with` choose the patients as a schedule does.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "dose", "day", "most", "start"})

    drug: DrugClass
    most: Decimal
    until_day: int
    unit: str = "mg"
    taken_with: DrugClass | None = None
    unless_with: DrugClass | None = None

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        others = beside(chart, self.taken_with, self.unless_with)
        if others is not None:
            for exposure in chart.of(self.drug):
                yield self._answer(chart, exposure, others)

    def _answer(self, chart: Chart, exposure: Exposure, others: list[Exposure]) -> Answer:
        name, start = exposure.ingredient.name, exposure.start
        taken = (exposure, *others)
        if start is None:
            return not_met(f"No source says since when {name} is taken.", on=taken)
        number = (chart.as_of - start).days + 1
        if number > self.until_day:
            return not_met(f"{name} is taken since {start.isoformat()}.", on=taken)
        amount = first_amount(exposure)
        if amount is None or amount.unit != self.unit:
            return Answer(
                Verdict.CANNOT_TELL,
                f"the dose of {name} on {start.isoformat()}, its first day",
                exposures=taken,
                evidence=exposure_facts(*taken),
            )
        if amount.value <= self.most:
            return not_met(f"{name} was begun with {amount.value} {amount.unit}.", on=taken)
        return Answer(
            Verdict.MET,
            words={
                "drug": name,
                "dose": f"{amount.value.normalize():f} {amount.unit}",
                "day": str(number),
                "most": f"{self.most.normalize():f} {self.unit}",
                "start": start.isoformat(),
            },
            exposures=taken,
            evidence=(
                *(line_fact(line.entry) for line in amount.lines),
                *exposure_facts(*others),
            ),
        )
