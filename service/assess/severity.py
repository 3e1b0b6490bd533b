"""Severity after what makes harm likelier: a narrow-index drug, age, a failing kidney."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from service.assess.chart import Chart
from service.assess.exposure import Exposure
from service.assess.value_sets import DrugClass, Laboratory
from service.model.finding import Severity

OLD, YOUNG = 65, 18
FAILING_KIDNEY = Decimal(45)
"""eGFR in mL/min/1.73 m2 below which severity rises (the catalogue of findings)."""
RESULT_COUNTS = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Raising:
    """The value sets that the raising of severity asks for; without them only age counts."""

    narrow_index: DrugClass | None = None
    egfr: Laboratory | None = None

    def adjusted(self, severity: Severity, taken: Iterable[Exposure], chart: Chart) -> Severity:
        """One step up, once, when any reason holds; high and none stay as they are."""
        if severity in (Severity.HIGH, Severity.NONE):
            return severity
        age = chart.facts.age_on(chart.as_of)
        if age is not None and (age >= OLD or age < YOUNG):
            return severity.raised()
        if self.narrow_index is not None and any(
            exposure.ingredient.rxcui in self.narrow_index for exposure in taken
        ):
            return severity.raised()
        return severity.raised() if self._kidney_fails(chart) else severity

    def _kidney_fails(self, chart: Chart) -> bool:
        last = chart.last(self.egfr) if self.egfr is not None else None
        return (
            last is not None
            and last.value is not None
            and last.value < FAILING_KIDNEY
            and chart.as_of - last.day <= RESULT_COUNTS
        )
