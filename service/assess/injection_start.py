"""The first weeks of a long-acting injection: the second loading dose, the tablets beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import ClassVar

from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import Chart
from service.assess.exposure import Exposure, begins
from service.assess.facts import exposure_facts, line_fact
from service.assess.rule import Check
from service.assess.value_sets import DrugClass
from service.model.concept import AdministrationClass
from service.model.medication import Kind, PlacedLine, TherapyState

ORDERED_BEFORE = timedelta(days=60)
"""An order older than this before the first known injection: earlier ones were not read."""


class _FirstInjection(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something is asked of the first injection of the depot of `drug`.

    An injection within `apart_days` before the first would make it no first one; the interval of
    the order must be at most `longest_days`.
    """

    drug: DrugClass
    apart_days: int
    longest_days: int = 400

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        for exposure in chart.of(self.drug):
            if exposure.depot and _shortest(exposure) <= self.longest_days:
                yield self._answer(chart, exposure)

    def _answer(self, chart: Chart, exposure: Exposure) -> Answer:
        raise NotImplementedError


class LoadingDose(_FirstInjection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The depot of `drug` was begun, and the second dose was not given by its day.

    The second dose is due `second_day` days after the first, and may be `window_days` late.
    Looked at for `look_back_days` after the first.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "first", "due", "latest"})

    second_day: int
    window_days: int
    look_back_days: int

    def _answer(self, chart: Chart, exposure: Exposure) -> Answer:
        name = exposure.ingredient.name
        given = injections(exposure, chart.as_of)
        first = course_start(given, self.apart_days)
        if first is None:
            return not_met(f"No injection of {name} is recorded.")
        if continued(exposure, first):
            return not_met(f"{name} was ordered long before the first injection on record.")
        if (chart.as_of - first).days > self.look_back_days:
            return not_met(f"{name} injections were begun on {first.isoformat()}.")
        due = first + timedelta(days=self.second_day)
        latest = due + timedelta(days=self.window_days)
        if any(on > first for on, _ in given):
            return not_met(f"The second dose of {name} was given.")
        if chart.as_of <= latest:
            words = f"The second dose of {name} is due {due}."
            return not_met(words, due=due, on=(exposure,), asks=f"second injection of {name}")
        missing = chart.unproven("MedicationAdministration")
        return Answer(
            Verdict.CANNOT_TELL if missing else Verdict.MET,
            missing,
            words={
                "drug": name,
                "first": first.isoformat(),
                "due": due.isoformat(),
                "latest": latest.isoformat(),
            },
            exposures=(exposure,),
            evidence=(
                *(line_fact(line.entry) for on, line in given if on == first),
                *exposure_facts(exposure),
            ),
            due=due,
            asks=f"second injection of {name}",
        )


class OralCover(_FirstInjection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The depot of `drug` was begun in the last `cover_days`; none of `oral` is taken by mouth."""

    words: ClassVar[frozenset[str]] = frozenset({"drug", "first", "until"})

    oral: DrugClass
    cover_days: int

    def _answer(self, chart: Chart, exposure: Exposure) -> Answer:
        name = exposure.ingredient.name
        given = injections(exposure, chart.as_of)
        first = course_start(given, self.apart_days)
        if first is None or continued(exposure, first):
            return not_met(f"No first injection of {name} is recorded.")
        until = first + timedelta(days=self.cover_days)
        if chart.as_of >= until:
            return not_met(f"{name} injections were begun on {first.isoformat()}.")
        if any(_by_mouth(line) for other in chart.of(self.oral) for line in other.lines):
            return not_met(f"Tablets are taken beside the injection of {name}.")
        missing = chart.unproven("MedicationRequest")
        return Answer(
            Verdict.CANNOT_TELL if missing else Verdict.MET,
            missing,
            words={"drug": name, "first": first.isoformat(), "until": until.isoformat()},
            exposures=(exposure,),
            evidence=(
                *(line_fact(line.entry) for on, line in given if on == first),
                *exposure_facts(exposure),
            ),
        )


def injections(exposure: Exposure, as_of: date) -> list[tuple[date, PlacedLine]]:
    """The depot's administrations up to a day, oldest first."""
    given = [
        (on, line)
        for line in exposure.depot
        if line.entry.kind is Kind.ADMINISTRATION
        and line.entry.status in ("completed", "in-progress")
        and (on := begins(line.entry)) is not None
        and on <= as_of
    ]
    return sorted(given, key=lambda found: (found[0], found[1].entry.origin))


def course_start(given: list[tuple[date, PlacedLine]], apart_days: int) -> date | None:
    """The first injection of the last course: none lies within `apart_days` before it."""
    start: date | None = None
    before: date | None = None
    for on, _ in given:
        if before is None or (on - before).days > apart_days:
            start = on
        before = on
    return start


def continued(exposure: Exposure, first: date) -> bool:
    """Whether the depot was ordered long before: the first injection known is not the first one."""
    ordered = [
        begun
        for line in exposure.depot
        if line.entry.kind in (Kind.REQUEST, Kind.STATEMENT)
        and (begun := begins(line.entry)) is not None
    ]
    return bool(ordered) and min(ordered) < first - ORDERED_BEFORE


def _shortest(exposure: Exposure) -> Decimal:
    """The shortest interval that a line states; 0 where none does."""
    stated = [line.entry.interval_d for line in exposure.depot if line.entry.interval_d]
    return min(stated, default=Decimal(0))


def _by_mouth(line: PlacedLine) -> bool:
    return (
        line.entry.administration is AdministrationClass.SYSTEMIC
        and line.state in (TherapyState.CURRENT, TherapyState.CONFLICT)
        and line.entry.route in ("oral", "")
    )
