"""A dose too high for the day of treatment: the first day's, then schedules by co-medication."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import ClassVar

import msgspec

from service.assess.amounts import Amount, daily_amount, first_amount
from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import Chart
from service.assess.exposure import Exposure
from service.assess.facts import exposure_facts, line_fact
from service.assess.rule import Check
from service.assess.value_sets import DrugClass


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Up to `most` a day until day `until_day` of the treatment (day 1 is the first)."""

    until_day: int
    most: Decimal


class OnSchedule(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A dose of `drug` against what the day of treatment allows.

    `taken_with` makes it the schedule for patients with such a drug, `unless_with` for those
    without; rules with different co-medication do not overlap.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "dose", "day", "most", "start"})

    drug: DrugClass
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
            taken, start = (exposure, *others), exposure.start
            if start is None:
                name = exposure.ingredient.name
                yield not_met(f"No source says since when {name} is taken.", on=taken)
            else:
                yield self._answer(chart.as_of, taken, start)

    def _answer(self, as_of: date, taken: tuple[Exposure, ...], start: date) -> Answer:
        """What is to be said of the first of `taken`, begun on `start`."""
        raise NotImplementedError

    def _judged(
        self,
        taken: tuple[Exposure, ...],
        amount: Amount | None,
        most: Decimal,
        day: tuple[date, int],
        missing: str,
    ) -> Answer:
        """`amount` against `most`; `day` is the start with the number of the day, 1 for the first.

        A dose that is not known, or in another unit, is `missing`.
        """
        exposure, *others = taken
        name = exposure.ingredient.name
        start, number = day
        if amount is None or amount.unit != self.unit:
            return Answer(
                Verdict.CANNOT_TELL, missing, exposures=taken, evidence=exposure_facts(*taken)
            )
        if amount.value <= most:
            return not_met(f"{name} {amount.value} {amount.unit} on day {number}.", on=taken)
        return Answer(
            Verdict.MET,
            words={
                "drug": name,
                "dose": f"{amount.value.normalize():f} {amount.unit}",
                "day": str(number),
                "most": f"{most.normalize():f} {self.unit}",
                "start": start.isoformat(),
            },
            exposures=taken,
            evidence=(
                *(line_fact(line.entry) for line in amount.lines),
                *exposure_facts(*others),
            ),
        )


class Titration(OnSchedule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The daily dose of today against the steps that the start allows."""

    steps: tuple[Step, ...]

    def _answer(self, as_of: date, taken: tuple[Exposure, ...], start: date) -> Answer:
        name = taken[0].ingredient.name
        number = (as_of - start).days + 1
        step = next((step for step in self.steps if number <= step.until_day), None)
        if step is None:
            return not_met(f"{name} is taken since {start.isoformat()}.", on=taken)
        missing = f"the daily dose of {name}"
        return self._judged(taken, daily_amount(taken[0]), step.most, (start, number), missing)


class StartingDose(OnSchedule, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The dose of the first day of the last episode against `most`, whatever is taken today.

    Asked until day `until_day` of the treatment: after that the start is history.
    """

    most: Decimal
    until_day: int

    def _answer(self, as_of: date, taken: tuple[Exposure, ...], start: date) -> Answer:
        name = taken[0].ingredient.name
        if (as_of - start).days + 1 > self.until_day:
            return not_met(f"{name} is taken since {start.isoformat()}.", on=taken)
        missing = f"the dose of {name} on {start.isoformat()}, its first day"
        return self._judged(taken, first_amount(taken[0]), self.most, (start, 1), missing)
