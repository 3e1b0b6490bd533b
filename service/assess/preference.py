"""What the patient said: a drug that did not help before, a treatment that is not wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from service.assess.answer import Answer, Verdict, day
from service.assess.chart import Chart
from service.assess.exposure import Exposure, Taking
from service.assess.facts import answer_fact, exposure_facts, line_fact, result_fact
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass, Laboratory
from service.model.evidence import Fact
from service.model.medication import MedicationEntry, TherapyState

OPEN = frozenset({"active", "accepted", "proposed", "planned", "in-progress", "on-hold", ""})
TOLD_IN = frozenset({"Goal", "Consent", "Communication"})


class PreviouslyIneffective(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`drug` is taken or planned, and an earlier course of it was ended for want of effect.

    `ineffective` are the words of the statusReason that say so.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "reason", "ended"})

    drug: DrugClass
    ineffective: CodeSet

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def can_be_unsure(self) -> bool:
        return False

    def answers(self, chart: Chart) -> Iterator[Answer]:
        for exposure in chart.of(self.drug, Taking.NOW, Taking.PLANNED):
            for entry in _ended(exposure):
                if self.ineffective.holds((), entry.status_reason):
                    ended = entry.stopped_on or entry.end
                    yield Answer(
                        Verdict.MET,
                        words={
                            "drug": exposure.ingredient.name,
                            "reason": entry.status_reason,
                            "ended": day(ended),
                        },
                        exposures=(exposure,),
                        evidence=(line_fact(entry), *exposure_facts(exposure)),
                    )
                    break


def _ended(exposure: Exposure) -> list[MedicationEntry]:
    """Lines of earlier courses, the last ended first."""
    ended = [line.entry for line in exposure.lines if line.state is TherapyState.STOPPED]
    return sorted(
        ended, key=lambda e: (day(e.stopped_on or e.end), e.origin.source, e.origin.reference)
    )[::-1]


class AgainstPreference(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`drug` is taken or planned, and an open goal, consent or stated preference refuses it.

    Args:
        preferences: Observations of a treatment preference.
        refusing: words that refuse ("does not want").
        named: words for the whole group ("lithium", "injections"); an ingredient's own name
            always counts.
        depot: only where it is given as a long-acting injection.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "said", "on"})

    drug: DrugClass
    preferences: Laboratory
    refusing: CodeSet
    named: CodeSet | None = None
    depot: bool = False

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def can_be_unsure(self) -> bool:
        return False

    def answers(self, chart: Chart) -> Iterator[Answer]:
        told = self._told(chart)
        if not told:
            return
        for exposure in chart.of(self.drug, Taking.NOW, Taking.PLANNED):
            if self.depot and not exposure.depot:
                continue
            for text, fact in told:
                if self._names(text, exposure):
                    yield Answer(
                        Verdict.MET,
                        words={
                            "drug": exposure.ingredient.name,
                            "said": fact.value,
                            "on": day(fact.date),
                        },
                        exposures=(exposure,),
                        evidence=(fact, *exposure_facts(exposure)),
                    )
                    break

    def _told(self, chart: Chart) -> list[tuple[str, Fact]]:
        """Texts that refuse something, newest first."""
        answers = [
            (answer.text, answer_fact(answer))
            for answer in chart.facts.answers
            if answer.type in TOLD_IN and answer.status in OPEN and answer.text
        ]
        results = [
            (fact.value, fact)
            for measured in chart.measured(self.preferences)
            if (fact := result_fact(measured.result)).value
        ]
        refusing = [told for told in (*answers, *results) if self.refusing.holds((), told[0])]
        return sorted(refusing, key=lambda told: (day(told[1].date), told[1].source, told[0]))[::-1]

    def _names(self, text: str, exposure: Exposure) -> bool:
        if self.named is not None and self.named.holds((), text):
            return True
        return not self.depot and exposure.ingredient.name.lower() in text.lower()
