"""Drugs that harm the unborn: pregnancy known, or not excluded where it is possible."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from service.assess.answer import Answer, Verdict, listed, not_met
from service.assess.chart import Chart
from service.assess.exposure import Taking
from service.assess.facts import condition_fact, exposure_facts, result_fact
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass, Laboratory
from service.model.concept import Coding
from service.model.evidence import Fact


class Question(StrEnum):
    """`pregnant`: it is stated; `not-excluded`: nothing says either way."""

    PREGNANT = "pregnant"
    NOT_EXCLUDED = "not-excluded"


class Pregnancy(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`drug` taken or planned, and what conditions and results say about pregnancy.

    Args:
        conditions: pregnancy as a Condition.
        tests: pregnancy status and hCG, `positive` the coded values that mean pregnant,
            `negative` those that exclude it; the newest within `within_days` counts.
        excluding: conditions that exclude pregnancy (hysterectomy, menopause).
        age_from, age_to: years in which pregnancy is possible, both inclusive.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "stated"})

    question: Question
    drug: DrugClass
    conditions: CodeSet
    tests: tuple[Laboratory, ...]
    positive: CodeSet
    negative: CodeSet
    excluding: CodeSet
    within_days: int = 280
    age_from: int = 12
    age_to: int = 55

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def can_be_unsure(self) -> bool:
        return self.question is Question.NOT_EXCLUDED

    def answers(self, chart: Chart) -> Iterator[Answer]:
        taken = chart.of(self.drug, Taking.NOW, Taking.PLANNED)
        if not taken:
            return
        if chart.facts.sex == "male":
            yield not_met("The patient's sex is male.")
            return
        stated, said = self._stated(chart)
        words = {"drug": listed(e.ingredient.name for e in taken), "stated": said}
        facts = exposure_facts(*taken)
        if self.question is Question.PREGNANT:
            if stated:
                yield Answer(
                    Verdict.MET,
                    words=words,
                    exposures=tuple(taken),
                    evidence=(*facts, *stated),
                )
            else:
                yield not_met("No pregnancy is stated.")
            return
        if stated:
            yield not_met("Pregnancy is stated: another rule speaks.")
            return
        missing = self._doubt(chart)
        if missing is None:
            yield not_met("Pregnancy is excluded, or not to be expected at this age.")
            return
        yield Answer(
            Verdict.CANNOT_TELL if missing else Verdict.MET,
            missing,
            words=words,
            exposures=tuple(taken),
            evidence=facts,
        )

    def _stated(self, chart: Chart) -> tuple[tuple[Fact, ...], str]:
        """What states a pregnancy that is not over, and in which words."""
        for condition in chart.conditions(self.conditions):
            fact = condition_fact(condition)
            return (fact,), fact.value
        newest = self._newest(chart)
        if newest is not None and newest[1]:
            return (newest[0],), f"{newest[0].value} on {newest[0].date}"
        return (), ""

    def _newest(self, chart: Chart) -> tuple[Fact, bool] | None:
        """The newest test within the window that says something, and whether it is positive."""
        earliest = chart.as_of - timedelta(days=self.within_days)
        found = [
            (measured.day, result_fact(measured.result), positive)
            for test in self.tests
            for measured in chart.measured(test)
            if measured.day >= earliest
            for positive in self._reading(measured.result.value_codings, measured.result.text)
        ]
        if not found:
            return None
        _, fact, positive = max(found, key=lambda item: (item[0], item[2]))
        return fact, positive

    def _reading(self, codings: tuple[Coding, ...], text: str) -> list[bool]:
        if self.negative.holds(codings, text):
            return [False]
        return [True] if self.positive.holds(codings, text) else []

    def _doubt(self, chart: Chart) -> str | None:
        """None: excluded; empty: nothing excludes it; else what is missing to say so."""
        if chart.conditions(self.excluding) or self._newest(chart) is not None:
            return None
        age = chart.facts.age_on(chart.as_of)
        if age is not None and not self.age_from <= age <= self.age_to:
            return None
        missing = [
            *(["the sex"] if chart.facts.sex not in ("female",) else []),
            *(["the birth date"] if age is None else []),
        ]
        if missing:
            return " and ".join(missing)
        return chart.unproven("Observation", "Condition")
