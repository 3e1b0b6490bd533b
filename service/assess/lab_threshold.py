"""The last result of a test against a threshold while a drug is taken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

import msgspec

from service.assess.answer import Answer, Verdict, listed, not_met
from service.assess.chart import Chart, Measured
from service.assess.exposure import Exposure
from service.assess.facts import exposure_facts, result_fact
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass, Laboratory
from service.model.finding import Severity


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A limit with its severity; `below` and `over` are exclusive, `at_least` is not.

    An answer without a number is `coded`: the values that reach the level. `readable` are all that
    such an answer can be; another one is not understood.
    """

    below: Decimal | None = None
    at_least: Decimal | None = None
    over: Decimal | None = None
    coded: CodeSet | None = None
    readable: CodeSet | None = None
    severity: Severity | None = None
    urgent: bool = False
    meaning: str = ""
    sex: str = ""


class LabThreshold(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`drug` is taken and the last result of `lab` within `within_days` reaches a level.

    The levels stand gravest first; the first that holds speaks. `unless` is a condition that
    changes the thresholds (benign ethnic neutropenia): the rule is then left to another one;
    `only_with` is its counterpart. `missing_matters` asks for a result where there is none usable.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "lab", "value", "date", "meaning"})

    drug: DrugClass
    lab: Laboratory
    levels: tuple[Level, ...]
    within_days: int = 365
    unless: CodeSet | None = None
    only_with: CodeSet | None = None

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        taken = chart.of(self.drug)
        if not taken:
            return
        if self.unless is not None and chart.conditions(self.unless):
            yield not_met(f"{self.unless.title}: other thresholds hold.")
            return
        if self.only_with is not None and not chart.conditions(self.only_with):
            yield not_met(f"{self.only_with.title} is not recorded.")
            return
        names = listed(exposure.ingredient.name for exposure in taken)
        undated = chart.undated(self.lab)
        last = chart.last(self.lab)
        facts = exposure_facts(*taken)
        if last is None or chart.as_of - last.day > timedelta(days=self.within_days):
            if undated:
                yield Answer(
                    Verdict.CANNOT_TELL,
                    f"the date of {self.lab.title}",
                    exposures=tuple(taken),
                    evidence=(*facts, *(result_fact(result) for result in undated)),
                )
            else:
                yield not_met(f"No {self.lab.title} within {self.within_days} days.")
            return
        evidence = (*facts, result_fact(last.result))
        missing = ""
        for level in self.levels:
            if level.sex and level.sex != chart.facts.sex:
                missing = missing or ("" if chart.facts.sex else "the sex")
                continue
            holds = reached(level, last)
            if holds is None:
                missing = last.missing or (
                    f"the exact value of {self.lab.title} on {last.day.isoformat()}"
                )
            elif holds:
                yield Answer(
                    Verdict.MET,
                    words={
                        "drug": names,
                        "lab": self.lab.title,
                        "value": result_fact(last.result).value,
                        "date": last.day.isoformat(),
                        "meaning": level.meaning,
                    },
                    exposures=tuple(taken),
                    evidence=evidence,
                    severity=level.severity,
                    urgent=level.urgent,
                )
                return
        if missing:
            yield Answer(Verdict.CANNOT_TELL, missing, exposures=tuple(taken), evidence=evidence)
        else:
            yield not_met(f"{self.lab.title} on {last.day.isoformat()} reaches no limit.")


def crossed(
    chart: Chart, drug: DrugClass, lab: Laboratory, level: Level
) -> tuple[list[Exposure], Measured] | None:
    """The drugs taken and the last result, where that result reaches the level; else None."""
    taken, last = chart.of(drug), chart.last(lab)
    return (taken, last) if taken and last is not None and reached(level, last) else None


def reached(level: Level, last: Measured) -> bool | None:
    """Whether the value reaches the level; None where it cannot be read, or "<" leaves it open."""
    value, comparator = last.value, last.result.comparator
    if level.coded is not None:
        codings, text = last.result.value_codings, last.result.text
        if level.coded.holds(codings, text):
            return True
        return False if level.readable is not None and level.readable.holds(codings, text) else None
    if value is None:
        return None
    if level.below is not None:
        if comparator in (">", ">=") and value < level.below:
            return None
        if comparator == "<=" and value == level.below:
            return None
        return value < level.below or (comparator == "<" and value <= level.below)
    limit = level.at_least if level.at_least is not None else level.over
    if limit is None:
        return False
    if comparator == "<":
        return None if value > limit else False
    if level.at_least is not None:
        if comparator == "<=":
            return None if value >= limit else False
        return value >= limit
    if comparator == "<=":
        return None if value > limit else False
    if comparator == ">=" and value == limit:
        return None
    return value > limit or (comparator == ">" and value >= limit)
