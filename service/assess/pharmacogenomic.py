"""A genotype's phenotype against a drug, after what current inhibitors make of it.

Phenoconversion as CPIC's method has it: with a strong inhibitor of the enzyme the activity score
is zero, whatever the genes say; the patient counts as a poor metabolizer while both are taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from service.assess.answer import Answer, Verdict, listed, not_met
from service.assess.chart import Chart, Measured
from service.assess.exposure import Exposure, Taking
from service.assess.facts import exposure_facts, result_fact
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass, Laboratory


class Pharmacogenomic(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`drug` taken or planned while the last result of `gene` means one of `phenotype`.

    Args:
        readable: every value that the gene's result can have; another one is not understood.
        inhibitors: strong inhibitors of the enzyme, taken now.
        converted: with an inhibitor the patient belongs to `phenotype`; without it (False) the
            inhibitor takes him out of it.
        until_day: only during the first so many days of the treatment, and before it (0: always).
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "gene", "phenotype", "date", "because"})

    drug: DrugClass
    gene: Laboratory
    phenotype: CodeSet
    readable: CodeSet
    inhibitors: DrugClass | None = None
    converted: bool = False
    until_day: int = 0

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        last = chart.last(self.gene)
        if last is None:
            return
        for exposure in chart.of(self.drug, Taking.NOW, Taking.PLANNED):
            if self._watched(chart, exposure):
                yield self._answer(chart, exposure, last)
            else:
                yield not_met(f"{exposure.ingredient.name} is taken since {exposure.start}.")

    def _watched(self, chart: Chart, exposure: Exposure) -> bool:
        if not self.until_day or exposure.start is None:
            return True
        return (chart.as_of - exposure.start).days < self.until_day

    def _answer(self, chart: Chart, exposure: Exposure, last: Measured) -> Answer:
        result = last.result
        name = exposure.ingredient.name
        facts = (*exposure_facts(exposure), result_fact(result))
        inhibitors = [
            other
            for other in (chart.of(self.inhibitors) if self.inhibitors is not None else [])
            if other.ingredient != exposure.ingredient
        ]
        measured = self.phenotype.holds(result.value_codings, result.text)
        if not measured and not self.readable.holds(result.value_codings, result.text):
            return Answer(
                Verdict.CANNOT_TELL,
                f"what the {self.gene.title} result of {last.day.isoformat()} means",
                exposures=(exposure,),
                evidence=facts,
            )
        because = ""
        if inhibitors:
            names = listed(other.ingredient.name for other in inhibitors)
            if not self.converted:
                return not_met(f"With {names} the enzyme is inhibited, whatever the genes say.")
            if not measured:
                because = f" {names} inhibits the enzyme: the patient counts as a poor metabolizer."
                facts = (*facts, *exposure_facts(*inhibitors))
        if not measured and not because:
            return not_met(f"{self.gene.title}: {result_fact(result).value}, nothing for {name}.")
        return Answer(
            Verdict.MET,
            words={
                "drug": name,
                "gene": self.gene.title,
                "phenotype": result_fact(result).value,
                "date": last.day.isoformat(),
                "because": because,
            },
            exposures=(exposure, *inhibitors) if because else (exposure,),
            evidence=facts,
        )
