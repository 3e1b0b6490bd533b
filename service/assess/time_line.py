"""What followed on what: doses, scores and side effects of one patient by day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from service.assess.amounts import dose_steps
from service.assess.chart import Chart
from service.assess.exposure import Exposure
from service.assess.facts import condition_fact, result_fact
from service.assess.value_sets import CodeSet, Laboratory
from service.model.care import Moment

HUNDREDTH = Decimal("0.01")
INTOLERANCE = "intolerance"


@dataclass(frozen=True, slots=True)
class Told:
    """What stands beside the doses: scores by test, side effects as diagnoses and as scales."""

    scales: tuple[Laboratory, ...] = ()
    side_effects: CodeSet | None = None
    side_effect_scales: CodeSet | None = None


def time_line(chart: Chart, told: Told) -> tuple[Moment, ...]:
    """Doses as ordered, scores as measured, side effects as recorded, by day."""
    moments = [*_doses(chart), *_scores(chart, told), *_side_effects(chart, told)]
    return tuple(
        sorted(dict.fromkeys(moments), key=lambda m: (m.on, m.kind, m.what, m.source, m.value))
    )


def _doses(chart: Chart) -> Iterator[Moment]:
    for exposure in chart.exposures:
        for on, value, line in dose_steps(exposure):
            if on <= chart.as_of:
                said = f"{value.quantize(HUNDREDTH).normalize():f} {_unit(exposure)} a day"
                source = line.entry.origin.source
                yield Moment(on, "dose", exposure.ingredient.name, said, source)


def _unit(exposure: Exposure) -> str:
    return next((dose.unit for line in exposure.lines for dose in line.entry.daily_doses), "")


def _scores(chart: Chart, told: Told) -> Iterator[Moment]:
    for scale in told.scales:
        for measured in chart.measured(scale):
            fact = result_fact(measured.result)
            if fact.value:
                yield Moment(measured.day, "scale", scale.title, fact.value, fact.source)


def _side_effects(chart: Chart, told: Told) -> Iterator[Moment]:
    """Diagnoses that a drug caused, intolerances with their reactions, scales of side effects."""
    if told.side_effects is not None:
        for condition in chart.conditions(told.side_effects, ever=True):
            fact = condition_fact(condition)
            state = "active" if condition.active else "over"
            yield from _told(chart, fact.date, fact.value, state, fact.source)
    for allergy in chart.facts.allergies:
        if allergy.kind == INTOLERANCE and not allergy.refuted and allergy.reactions:
            said = ", ".join(sorted(set(allergy.reactions)))
            source = allergy.origin.source
            yield from _told(chart, allergy.recorded, allergy.text, said, source)
    if told.side_effect_scales is not None:
        for name, fact in chart.named(told.side_effect_scales):
            said = fact.value if fact.value != name else "recorded"
            yield from _told(chart, fact.date, name, said, fact.source)


def _told(chart: Chart, on: date | None, what: str, value: str, source: str) -> Iterator[Moment]:
    """A side effect on its day; without one, or one to come, it has no place on the line."""
    if on is not None and on <= chart.as_of and what:
        yield Moment(on, "side-effect", what, value, source)
