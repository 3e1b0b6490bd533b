"""A drug that has to be tapered ended without a lower step before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import ClassVar

from service.assess.amounts import dose_steps
from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import Chart, Measured
from service.assess.exposure import ORDERS, Exposure, Taking
from service.assess.facts import exposure_facts, result_fact
from service.assess.fills import covered_until, supplies
from service.assess.lab_threshold import Level, reached
from service.assess.rule import Check
from service.assess.value_sets import DrugClass, Laboratory
from service.model.medication import TherapyState

FORCED_WITHIN = timedelta(days=14)
"""A result so long before a stop can be its reason."""


class AbruptStop(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`drug` was stopped in the last `look_back_days` after at least `min_days_taken` days.

    Args:
        taper_days: days before the stop in which a lower step counts as a taper.
        continued_by: a drug of this class taken now means a switch, not a stop.
        lab, forced_by: a result of so grave a level up to two weeks before the stop is its reason.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "stopped", "start"})

    drug: DrugClass
    look_back_days: int
    min_days_taken: int
    taper_days: int
    continued_by: DrugClass | None = None
    lab: Laboratory | None = None
    forced_by: Level | None = None

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        for exposure in chart.of(self.drug, Taking.PAST):
            yield self._answer(chart, exposure, exposure.stopped_on)
        for exposure in chart.of(self.drug):
            stopped = _stopped_here_active_there(exposure)
            if stopped is not None:
                yield self._in_conflict(chart, exposure, stopped)

    def _in_conflict(self, chart: Chart, exposure: Exposure, stopped: date) -> Answer:
        """One source stopped it, another still lists it: the supply tells which is right."""
        name = exposure.ingredient.name
        fills = supplies(exposure)
        covered = covered_until(fills) if fills else None
        if covered is None:
            return Answer(
                Verdict.CANNOT_TELL,
                f"whether {name} is still supplied after the stop of {stopped.isoformat()}",
                exposures=(exposure,),
                evidence=exposure_facts(exposure),
            )
        if covered >= chart.as_of or fills[-1][0] > stopped:
            return not_met(f"{name} is supplied until {covered.isoformat()}.")
        return self._answer(chart, exposure, stopped)

    def _answer(self, chart: Chart, exposure: Exposure, stopped: date | None) -> Answer:
        name, start = exposure.ingredient.name, exposure.start
        facts = exposure_facts(exposure)
        if stopped is None:
            return Answer(
                Verdict.CANNOT_TELL,
                f"the day on which {name} was stopped",
                exposures=(exposure,),
                evidence=facts,
            )
        if chart.as_of - stopped > timedelta(days=self.look_back_days):
            return not_met(f"{name} was stopped on {stopped.isoformat()} already.")
        if start is None:
            return Answer(
                Verdict.CANNOT_TELL,
                f"since when {name} was taken",
                exposures=(exposure,),
                evidence=facts,
            )
        if (stopped - start).days < self.min_days_taken:
            return not_met(f"{name} was taken for {(stopped - start).days} days only.")
        suppressed = ""
        if self.continued_by is not None:
            others = [e for e in chart.of(self.continued_by) if e.ingredient != exposure.ingredient]
            if others:
                suppressed = f"{others[0].ingredient.name} is taken in its place"
                facts = (*facts, *exposure_facts(*others))
        forced = self._forced(chart, stopped)
        if forced is not None:
            fact = result_fact(forced.result)
            suppressed = f"{fact.value} on {forced.day.isoformat()} asked for it"
            facts = (*facts, fact)
        lower = self._lower_step(exposure, stopped)
        if lower is not None:
            suppressed = f"a lower step was taken from {lower.isoformat()}"
        return Answer(
            Verdict.MET,
            words={"drug": name, "stopped": stopped.isoformat(), "start": start.isoformat()},
            exposures=(exposure,),
            evidence=facts,
            suppressed=suppressed,
        )

    def _forced(self, chart: Chart, stopped: date) -> Measured | None:
        """The result that made it stop at once, if there is one."""
        if self.lab is None or self.forced_by is None:
            return None
        for measured in chart.measured(self.lab):
            near = stopped - FORCED_WITHIN <= measured.day <= stopped
            if near and reached(self.forced_by, measured):
                return measured
        return None

    def _lower_step(self, exposure: Exposure, stopped: date) -> date | None:
        """The first day of a dose lower than one before it, within the taper window."""
        highest = None
        for on, value, _ in dose_steps(exposure):
            if exposure.start is not None and on < exposure.start:
                continue
            window = stopped - timedelta(days=self.taper_days)
            if highest is not None and value < highest and window <= on <= stopped:
                return on
            highest = value if highest is None else max(highest, value)
        for line in exposure.lines:
            doses = [d for d in line.entry.dosages if d.sequence is not None and d.dose is not None]
            doses.sort(key=lambda dosage: dosage.sequence or 0)
            values = [d.dose.value for d in doses if d.dose is not None]
            if len(values) > 1 and values[-1] < values[0]:
                return doses[-1].starts or line.entry.start
        return None


def _stopped_here_active_there(exposure: Exposure) -> date | None:
    """The last documented stop of a drug whose sources disagree; None without a disagreement."""
    if all(m.state is not TherapyState.CONFLICT for m in exposure.medications):
        return None
    stops = [
        line.entry.stopped_on or line.entry.end
        for line in exposure.lines
        if line.state is TherapyState.STOPPED and line.entry.kind in ORDERS
    ]
    return max((stop for stop in stops if stop is not None), default=None)
