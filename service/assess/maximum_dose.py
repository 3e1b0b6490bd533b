"""Daily dose against the maximum: limits for age, condition and co-medication come first."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar

import msgspec

from service.assess.amounts import daily_amount
from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import Chart
from service.assess.exposure import Exposure
from service.assess.facts import condition_fact, exposure_facts, line_fact, result_fact
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass, Laboratory
from service.model.evidence import Fact


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The most per day, and for whom.

    Args:
        most: in `unit` per day; per kg of body weight where `weight` names the test.
        age_over, age_from, age_under: years; the first is exclusive ("over 60").
        taken_with: only with one of these drugs.
        condition: only with one of these active conditions.
        release: only where every product has this release ("ER"; "IR" for none).
        product: only where the name of every product begins so ("24 HR", RxNorm's duration).
        lab, below: only where the last result of this test within `within_days` is lower.
        gene, phenotype: only where the last result of this gene means one of these.
        because: words for the message ("with a CYP2C19 inhibitor").
    """

    most: Decimal
    unit: str = "mg"
    weight: Laboratory | None = None
    age_over: int | None = None
    age_from: int | None = None
    age_under: int | None = None
    taken_with: DrugClass | None = None
    condition: CodeSet | None = None
    release: str = ""
    product: str = ""
    lab: Laboratory | None = None
    below: Decimal | None = None
    within_days: int = 365
    gene: Laboratory | None = None
    phenotype: CodeSet | None = None
    because: str = ""


class MaximumDose(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The daily total of `drug` over every instruction, against the lowest limit that applies."""

    words: ClassVar[frozenset[str]] = frozenset({"drug", "dose", "most", "because"})

    drug: DrugClass
    limits: tuple[Limit, ...]

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        for exposure in chart.of(self.drug):
            if len(exposure.depot) < len(exposure.lines):
                yield self._answer(chart, exposure)

    def _answer(self, chart: Chart, exposure: Exposure) -> Answer:
        amount = daily_amount(exposure)
        name = exposure.ingredient.name
        if amount is None:
            return _unknown(f"the daily dose of {name}", exposure)
        drugs = [d for line in amount.lines if (d := line.entry.resolution.drug) is not None]
        releases = {d.release or ("IR" if d.dose_form else "") for d in drugs}
        exceeded: list[tuple[Decimal, Limit, tuple[Fact, ...]]] = []
        missing: list[str] = []
        for limit in self.limits:
            if limit.release and releases != {limit.release}:
                continue
            if limit.product and not all(d.name.startswith(limit.product) for d in drugs):
                continue
            if limit.unit != amount.unit:
                missing.append(f"the daily dose of {name} in {limit.unit}")
                continue
            most = limit.most
            facts: tuple[Fact, ...] = ()
            if limit.weight is not None:
                kilograms = chart.last(limit.weight)
                if kilograms is None or kilograms.value is None:
                    missing.append(kilograms.missing if kilograms else "the body weight")
                    continue
                most *= kilograms.value
                facts = (result_fact(kilograms.result),)
            if amount.value <= most:
                continue
            applies, more, lacking = _applies(limit, chart)
            if lacking:
                missing.append(lacking)
            elif applies:
                exceeded.append((most, limit, (*facts, *more)))
        if exceeded:
            most, limit, proof = min(exceeded, key=lambda found: found[0])
            return Answer(
                Verdict.MET,
                words={
                    "drug": name,
                    "dose": f"{_plain(amount.value)} {amount.unit}",
                    "most": f"{_plain(most)} {limit.unit}",
                    "because": f" {limit.because}" if limit.because else "",
                },
                exposures=(exposure,),
                evidence=(*(line_fact(line.entry) for line in amount.lines), *proof),
            )
        if missing:
            return _unknown("; ".join(dict.fromkeys(missing)), exposure)
        return not_met(f"{name} {_plain(amount.value)} {amount.unit} a day is within every limit.")


def _unknown(missing: str, exposure: Exposure) -> Answer:
    return Answer(
        Verdict.CANNOT_TELL,
        missing,
        exposures=(exposure,),
        evidence=exposure_facts(exposure),
    )


def _applies(limit: Limit, chart: Chart) -> tuple[bool, tuple[Fact, ...], str]:
    """Whether the limit is for this patient, on which facts, or what is missing to know."""
    facts: tuple[Fact, ...] = ()
    if limit.taken_with is not None:
        others = chart.of(limit.taken_with)
        if not others:
            return False, (), ""
        facts = exposure_facts(*others)
    if limit.condition is not None:
        found = chart.conditions(limit.condition)
        if not found:
            return False, (), ""
        facts = (*facts, *(condition_fact(condition) for condition in found))
    if limit.lab is not None and limit.below is not None:
        last = chart.last(limit.lab)
        if last is None or (chart.as_of - last.day).days > limit.within_days:
            return False, (), ""
        if last.value is None:
            return False, (), last.missing
        if last.value >= limit.below:
            return False, (), ""
        facts = (*facts, result_fact(last.result))
    if limit.gene is not None and limit.phenotype is not None:
        last = chart.last(limit.gene)
        result = last.result if last is not None else None
        if result is None or not limit.phenotype.holds(result.value_codings, result.text):
            return False, (), ""
        facts = (*facts, result_fact(result))
    if limit.age_over is None and limit.age_from is None and limit.age_under is None:
        return True, facts, ""
    age = chart.facts.age_on(chart.as_of)
    if age is None:
        return False, (), "the birth date"
    fits = (
        (limit.age_over is None or age > limit.age_over)
        and (limit.age_from is None or age >= limit.age_from)
        and (limit.age_under is None or age < limit.age_under)
    )
    return fits, facts, ""


def _plain(value: Decimal) -> str:
    """A dose as a person writes it: no exponent, no trailing zeros, at most two decimals."""
    return f"{value.quantize(Decimal('0.01')).normalize():f}"
