"""Rating scales: no response by the weeks it is expected in, a screen that an answer asks for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import ClassVar

from service.assess.answer import Answer, Verdict, listed, not_met
from service.assess.chart import Chart, Measured
from service.assess.exposure import Exposure
from service.assess.facts import exposure_facts, result_fact
from service.assess.lab_threshold import Level, crossed
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass, Laboratory

AT_START = timedelta(days=7)
"""A score taken so soon after the start is still the one before the treatment."""


class ScaleNoResponse(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The newest `scale` has not fallen by `least_fall` percent since before `drug` was started.

    Asked from `after_days` to `until_days` of the treatment. The baseline is the last score from
    `baseline_days` before the start to a week after it, and at least `baseline_from`: a patient
    who was well has nothing to respond with.
    """

    words: ClassVar[frozenset[str]] = frozenset(
        {"drug", "scale", "before", "now", "date", "fall", "start"}
    )

    drug: DrugClass
    scale: Laboratory
    after_days: int
    until_days: int
    least_fall: int
    baseline_from: Decimal
    baseline_days: int

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        started = [(e.start, e) for e in chart.of(self.drug) if e.start is not None]
        if not started:
            return
        start, exposure = max(started, key=lambda found: (found[0], found[1].ingredient.name))
        treated = (chart.as_of - start).days
        if not self.after_days <= treated <= self.until_days:
            yield not_met(f"{exposure.ingredient.name} is taken for {treated} days.")
            return
        yield self._answer(chart, exposure, start)

    def _answer(self, chart: Chart, exposure: Exposure, start: date) -> Answer:
        title = self.scale.title
        scores = chart.measured(self.scale)
        earliest = start - timedelta(days=self.baseline_days)
        before = [m for m in scores if earliest <= m.day <= start + AT_START]
        since = [m for m in scores if m.day >= start + timedelta(days=self.after_days)]
        if not since:
            return not_met(f"No {title} after {self.after_days} days of treatment.")
        facts = exposure_facts(exposure)
        if not before:
            return self._unknown(f"a {title} from before the start", exposure, since[-1:])
        first, last = before[-1], since[-1]
        if first.value is None or last.value is None:
            return self._unknown(first.missing or last.missing, exposure, [first, last])
        if first.value < self.baseline_from:
            return not_met(f"{title} before the start was {first.value} only.")
        fall = (first.value - last.value) * 100 / first.value
        if fall >= self.least_fall:
            return not_met(f"{title} fell by {fall:.0f} %.")
        return Answer(
            Verdict.MET,
            words={
                "drug": exposure.ingredient.name,
                "scale": title,
                "before": f"{first.value.normalize():f}",
                "now": f"{last.value.normalize():f}",
                "date": last.day.isoformat(),
                "fall": f"{max(fall, Decimal(0)):.0f} %",
                "start": start.isoformat(),
            },
            exposures=(exposure,),
            evidence=(*facts, result_fact(first.result), result_fact(last.result)),
        )

    def _unknown(self, missing: str, exposure: Exposure, scores: list[Measured]) -> Answer:
        return Answer(
            Verdict.CANNOT_TELL,
            missing,
            exposures=(exposure,),
            evidence=(*exposure_facts(exposure), *(result_fact(m.result) for m in scores)),
        )


class ScreenMissing(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`after` reached `level` within `within_days`, and none of `screens` was done since then.

    A screen of the same day counts; as a questionnaire or procedure too, found by the words of
    `named`. `drug` chooses the patients.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "scale", "value", "date", "screen"})

    drug: DrugClass
    after: Laboratory
    level: Level
    screens: tuple[Laboratory, ...]
    named: CodeSet
    within_days: int

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        found = crossed(chart, self.drug, self.after, self.level)
        if found is None:
            return
        taken, last = found
        if (chart.as_of - last.day).days > self.within_days:
            yield not_met(f"{self.after.title} is of {last.day.isoformat()}.")
            return
        done = [s for lab in self.screens if (s := chart.last(lab)) is not None]
        told = [fact.date for _, fact in chart.named(self.named) if fact.date is not None]
        if any(on >= last.day for on in (*told, *(screen.day for screen in done))):
            yield not_met(f"{self.screens[0].title} was done.")
            return
        missing = chart.unproven("Observation", part=self.after.part)
        yield Answer(
            Verdict.CANNOT_TELL if missing else Verdict.MET,
            missing,
            words={
                "drug": listed(exposure.ingredient.name for exposure in taken),
                "scale": self.after.title,
                "value": result_fact(last.result).value,
                "date": last.day.isoformat(),
                "screen": self.screens[0].title,
            },
            exposures=tuple(taken),
            evidence=(*exposure_facts(*taken), result_fact(last.result)),
            due=last.day,
            asks=self.screens[0].title,
        )
