"""Smoking started or ended while a drug is taken that tobacco smoke induces away (CYP1A2)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar

from service.assess.amounts import dose_changes
from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import Chart, Measured
from service.assess.exposure import Exposure
from service.assess.facts import exposure_facts, result_fact
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass, Laboratory
from service.model.evidence import Fact


class SmokingChange(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The smoking status last changed since `drug` was started, at most `within_days` ago.

    The change lies on the day of the first status of the new kind. A dose change on or after that
    day has answered it: suppressed; a level of `watched_by` since then makes it one step milder.
    `smokes` and `abstains` are the values of each kind.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "before", "now", "on", "level"})

    drug: DrugClass
    status: Laboratory
    smokes: CodeSet
    abstains: CodeSet
    within_days: int
    watched_by: Laboratory | None = None

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        told = chart.measured(self.status)
        if len(told) < 2:
            return
        for exposure in chart.of(self.drug):
            yield self._answer(chart, exposure, told)

    def _answer(self, chart: Chart, exposure: Exposure, told: tuple[Measured, ...]) -> Answer:
        name = exposure.ingredient.name
        last = told[-1]
        if self._smokes(last) is None:
            return Answer(
                Verdict.CANNOT_TELL,
                f"whether the smoking status of {last.day.isoformat()} means smoking",
                exposures=(exposure,),
                evidence=(*exposure_facts(exposure), result_fact(last.result)),
            )
        change = self._change(told)
        if change is None:
            return not_met("The smoking status has not changed.")
        before, now = change
        if (chart.as_of - now.day).days > self.within_days:
            return not_met(f"The smoking status changed on {now.day.isoformat()}.")
        if exposure.start is not None and now.day < exposure.start:
            return not_met(f"{name} was started after the smoking status changed.")
        answered = [on for on in dose_changes(exposure) if on >= now.day]
        watched: tuple[Fact, ...] = ()
        mitigated = ""
        if self.watched_by is not None:
            watched, mitigated = chart.watched(self.watched_by, self.within_days, now.day)
        return Answer(
            Verdict.MET,
            words={
                "drug": name,
                "before": result_fact(before.result).value,
                "now": result_fact(now.result).value,
                "on": now.day.isoformat(),
                "level": "fall" if self._smokes(now) else "rise",
            },
            exposures=(exposure,),
            evidence=(
                *exposure_facts(exposure),
                result_fact(before.result),
                result_fact(now.result),
                *watched,
            ),
            mitigated=mitigated,
            suppressed=f"the dose changed on {answered[0]}" if answered else "",
        )

    def _change(self, told: tuple[Measured, ...]) -> tuple[Measured, Measured] | None:
        """The last change: the status before it and the first one after it; None without one."""
        readable = [status for status in told if self._smokes(status) is not None]
        for before, now in reversed(list(pairwise(readable))):
            if self._smokes(before) != self._smokes(now):
                return before, now
        return None

    def _smokes(self, told: Measured) -> bool | None:
        codings, text = told.result.value_codings, told.result.text
        if self.abstains.holds(codings, text):
            return False
        return True if self.smokes.holds(codings, text) else None
