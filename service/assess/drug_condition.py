"""A recorded condition against a drug that makes it worse, and what age adds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from service.assess.answer import Answer, Verdict, listed, not_met
from service.assess.chart import Chart
from service.assess.exposure import Taking
from service.assess.facts import condition_fact, exposure_facts
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass


class DrugCondition(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`drug` taken or planned while a condition of `condition` is active.

    `ever`: one that is over counts too (a reaction that would come back). `unless_with` is a drug
    that answers the question (a mood stabilizer beside the antidepressant); `unless_condition` one
    that is the reason to take it.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "condition"})

    drug: DrugClass
    condition: CodeSet
    unless_with: DrugClass | None = None
    unless_condition: CodeSet | None = None
    ever: bool = False

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        found = chart.conditions(self.condition, ever=self.ever)
        if not found:
            return
        taken = chart.of(self.drug, Taking.NOW, Taking.PLANNED)
        unsure = chart.of(self.drug, Taking.UNCERTAIN)
        facts = tuple(condition_fact(condition) for condition in found)
        if not taken:
            if unsure:
                names = listed(exposure.ingredient.name for exposure in unsure)
                yield Answer(
                    Verdict.CANNOT_TELL,
                    f"whether {names} is still taken",
                    exposures=tuple(unsure),
                    evidence=(*exposure_facts(*unsure), *facts),
                )
            return
        if self.unless_with is not None and chart.of(self.unless_with):
            yield not_met(f"{self.unless_with.title}: one is taken with it.")
            return
        if self.unless_condition is not None and chart.conditions(self.unless_condition):
            yield not_met(f"{self.unless_condition.title} is recorded.")
            return
        yield Answer(
            Verdict.MET,
            words={
                "drug": listed(exposure.ingredient.name for exposure in taken),
                "condition": listed(fact.value for fact in facts),
            },
            exposures=tuple(taken),
            evidence=(*exposure_facts(*taken), *facts),
        )


class AgeRisk(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`drug` taken at an age of `age_from` or more, or under `age_under`.

    `minimum` distinct drugs must be taken; `unless_condition` is the reason to take it all the
    same; `min_days_taken` leaves short courses out.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "age", "count"})

    drug: DrugClass
    age_from: int | None = None
    age_under: int | None = None
    minimum: int = 1
    min_days_taken: int = 0
    unless_condition: CodeSet | None = None

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        taken = [
            exposure
            for exposure in chart.of(self.drug)
            if exposure.start is None or (chart.as_of - exposure.start).days >= self.min_days_taken
        ]
        products = {exposure.ids for exposure in taken}
        if len(products) < self.minimum or not taken:
            return
        names = listed(exposure.ingredient.name for exposure in taken)
        age = chart.facts.age_on(chart.as_of)
        facts = exposure_facts(*taken)
        if age is None:
            yield Answer(
                Verdict.CANNOT_TELL, "the birth date", exposures=tuple(taken), evidence=facts
            )
            return
        if (self.age_from is not None and age < self.age_from) or (
            self.age_under is not None and age >= self.age_under
        ):
            yield not_met(f"The patient is {age} years old.")
            return
        if self.unless_condition is not None and chart.conditions(self.unless_condition):
            yield not_met(f"{self.unless_condition.title} is recorded.")
            return
        yield Answer(
            Verdict.MET,
            words={"drug": names, "age": str(age), "count": str(len(products))},
            exposures=tuple(taken),
            evidence=facts,
        )
