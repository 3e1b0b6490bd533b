"""An abnormal result that nobody seems to have answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from service.assess.amounts import dose_changes
from service.assess.answer import Answer, Verdict, listed, not_met
from service.assess.chart import Chart, Measured
from service.assess.exposure import Exposure
from service.assess.facts import exposure_facts, result_fact
from service.assess.lab_threshold import Level, crossed
from service.assess.rule import Check
from service.assess.value_sets import DrugClass, Laboratory

ACTS = frozenset({"Task", "Communication", "ServiceRequest", "Procedure"})


class AbnormalUnanswered(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A result crossed `level`, `after_days` ago or more, and nothing happened since.

    An answer is a repeat, a dose change or stop, or a Task, Communication or ServiceRequest of a
    later day. Looked for within `within_days`.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "lab", "value", "date", "days"})

    drug: DrugClass
    lab: Laboratory
    level: Level
    after_days: int
    within_days: int

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        found = crossed(chart, self.drug, self.lab, self.level)
        if found is None:
            return
        taken, last = found
        days = (chart.as_of - last.day).days
        if not self.after_days <= days <= self.within_days:
            yield not_met(f"{self.lab.title} was measured {days} days ago.")
            return
        answered = self._answered(chart, taken, last)
        if answered:
            yield not_met(answered)
            return
        missing = chart.unproven("Observation", part=self.lab.part)
        yield Answer(
            Verdict.CANNOT_TELL if missing else Verdict.MET,
            missing,
            words={
                "drug": listed(exposure.ingredient.name for exposure in taken),
                "lab": self.lab.title,
                "value": result_fact(last.result).value,
                "date": last.day.isoformat(),
                "days": str(days),
            },
            exposures=tuple(taken),
            evidence=(*exposure_facts(*taken), result_fact(last.result)),
        )

    def _answered(self, chart: Chart, taken: list[Exposure], last: Measured) -> str:
        """What was done on or after the day of the result, in words; empty when nothing."""
        for exposure in taken:
            changed = [on for on in dose_changes(exposure) if on >= last.day]
            if changed:
                return f"The dose of {exposure.ingredient.name} changed on {changed[0]}."
        for act in chart.facts.answers:
            if act.type in ACTS and act.when is not None and act.when >= last.day:
                return f"{act.type} of {act.when.isoformat()}."
        return ""
