"""A recorded allergy against what is taken: the same ingredient, its class, or a cross-reaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from service.assess.answer import Answer, Verdict
from service.assess.chart import Chart
from service.assess.exposure import Exposure, Taking
from service.assess.facts import allergy_fact, exposure_facts
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass
from service.model.clinical import Allergy
from service.model.concept import AdministrationClass
from service.model.finding import Severity

NO_ALLERGY = ("no known", "nkda", "nka", "none", "keine bekannt")
NOT_DRUGS = frozenset({"food", "environment"})


class AllergyConflict(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An active, unrefuted AllergyIntolerance against the drugs taken or planned.

    Args:
        classes: groups within which a reaction to one member concerns the others; empty: the same
            ingredient only.
        named: codes and words by which an allergy names the whole group ("penicillins").
        asks_unclear: also say "cannot tell" for a drug allergy that leads to no ingredient.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "allergen", "kind"})

    classes: tuple[DrugClass, ...] = ()
    named: CodeSet | None = None
    asks_unclear: bool = False

    def triggers(self) -> frozenset[str] | None:
        if not self.classes:
            return None
        return frozenset().union(*(group.rxcuis for group in self.classes))

    def can_be_unsure(self) -> bool:
        return self.asks_unclear

    def answers(self, chart: Chart) -> Iterator[Answer]:
        taken = [e for e in chart.exposures if e.taking in (Taking.NOW, Taking.PLANNED)]
        for allergy in chart.facts.allergies:
            if not allergy.active or allergy.refuted or _says_none(allergy):
                continue
            met = [e for e in taken if self._conflicts(allergy, e)]
            if met:
                yield self._met(allergy, met)
            elif self.asks_unclear and _unclear(allergy) and taken:
                shown = allergy_fact(allergy)
                yield Answer(
                    Verdict.CANNOT_TELL,
                    f"the ingredient that the allergy {shown.value!r} stands for",
                    evidence=(shown,),
                )

    def _conflicts(self, allergy: Allergy, exposure: Exposure) -> bool:
        rxcui = exposure.ingredient.rxcui
        causes = {ingredient.rxcui for ingredient in allergy.ingredients}
        if not self.classes:
            return rxcui in causes
        if rxcui in causes:
            return False
        named = self.named is not None and self.named.holds(allergy.codings, allergy.text)
        return any(
            rxcui in group and (named or not causes.isdisjoint(group.rxcuis))
            for group in self.classes
        )

    def _met(self, allergy: Allergy, met: list[Exposure]) -> Answer:
        shown = allergy_fact(allergy)
        names = ", ".join(exposure.ingredient.name for exposure in met)
        kind = allergy.kind or "allergy"
        milder = kind == "intolerance" and allergy.criticality != "high"
        return Answer(
            Verdict.MET,
            words={"drug": names, "allergen": shown.value, "kind": kind},
            exposures=tuple(met),
            evidence=(shown, *exposure_facts(*met)),
            severity=Severity.MODERATE if milder else None,
            mitigated="only used locally" if all(_local(exposure) for exposure in met) else "",
        )


def _local(exposure: Exposure) -> bool:
    return all(m.administration is AdministrationClass.LOCAL for m in exposure.medications)


def _says_none(allergy: Allergy) -> bool:
    text = (allergy.text or next((c.display for c in allergy.codings), "")).lower()
    return any(text.startswith(word) for word in NO_ALLERGY)


def _unclear(allergy: Allergy) -> bool:
    category = set(allergy.category)
    return not allergy.ingredients and not (category and category <= NOT_DRUGS)
