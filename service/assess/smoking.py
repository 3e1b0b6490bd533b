"""Smoking started or ended while a drug is taken that tobacco smoke induces away (CYP1A2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import Chart, Measured, exposure_facts, result_fact
from service.assess.exposure import dose_changes
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass, Laboratory


class SmokingChange(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The last smoking status says otherwise than the one before, since `drug` was started.

    Looked at for `within_days` after the newer status. A dose change on or after that day has
    answered it: suppressed. `smokes` and `abstains` are the values of each kind.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "before", "now", "on", "level"})

    drug: DrugClass
    status: Laboratory
    smokes: CodeSet
    abstains: CodeSet
    within_days: int

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        told = chart.measured(self.status)
        if len(told) < 2:
            return
        before, last = told[-2], told[-1]
        for exposure in chart.of(self.drug):
            name = exposure.ingredient.name
            if (chart.as_of - last.day).days > self.within_days:
                yield not_met(f"The smoking status is of {last.day.isoformat()}.")
                continue
            if exposure.start is not None and last.day < exposure.start:
                yield not_met(f"{name} was started after the last smoking status.")
                continue
            facts = (
                *exposure_facts(exposure),
                result_fact(before.result),
                result_fact(last.result),
            )
            was, smokes_now = self._smokes(before), self._smokes(last)
            if was is None or smokes_now is None:
                unclear = before if was is None else last
                yield Answer(
                    Verdict.CANNOT_TELL,
                    f"whether the smoking status of {unclear.day.isoformat()} means smoking",
                    exposures=(exposure,),
                    evidence=facts,
                )
                continue
            if was == smokes_now:
                yield not_met("The smoking status has not changed.")
                continue
            answered = [on for on in dose_changes(exposure) if on >= last.day]
            yield Answer(
                Verdict.MET,
                words={
                    "drug": name,
                    "before": result_fact(before.result).value,
                    "now": result_fact(last.result).value,
                    "on": last.day.isoformat(),
                    "level": "fall" if smokes_now else "rise",
                },
                exposures=(exposure,),
                evidence=facts,
                suppressed=f"the dose changed on {answered[0]}" if answered else "",
            )

    def _smokes(self, told: Measured) -> bool | None:
        codings, text = told.result.value_codings, told.result.text
        if self.abstains.holds(codings, text):
            return False
        return True if self.smokes.holds(codings, text) else None
