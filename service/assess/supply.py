"""What single fills say: an order that nobody filled, a refill too early, a drug not taken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import ClassVar

from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import Chart
from service.assess.exposure import Exposure
from service.assess.facts import exposure_facts, line_fact
from service.assess.fills import SUPPLIERS, scheduled, supplies
from service.assess.rule import Check
from service.assess.value_sets import DrugClass
from service.model.medication import Kind, PlacedLine


class NeverFilled(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An order of `drug`, `after_days` old or more, and no supply since in any source.

    Asked for `look_back_days` after the start; drugs given in the clinic are apart.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "start"})

    drug: DrugClass
    after_days: int
    look_back_days: int = 180

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        for exposure in chart.of(self.drug):
            ordered = any(line.entry.kind is Kind.REQUEST for line in exposure.lines)
            if not ordered or exposure.depot or not scheduled(exposure):
                continue
            start, name = exposure.start, exposure.ingredient.name
            if start is None:
                yield not_met(f"No source says since when {name} is ordered.")
                continue
            if any(line.entry.kind is Kind.ADMINISTRATION for line in exposure.lines):
                yield not_met(f"{name} is given, not filled.")
                continue
            if supplies(exposure):
                yield not_met(f"{name} was supplied.")
                continue
            age = (chart.as_of - start).days
            if not self.after_days <= age <= self.look_back_days:
                yield not_met(f"{name} was ordered {age} days ago.")
                continue
            missing = chart.unproven("MedicationDispense", roles=SUPPLIERS)
            if not any(source.role in SUPPLIERS for source in chart.view.sources):
                missing = "a pharmacy among the sources"
            yield Answer(
                Verdict.CANNOT_TELL if missing else Verdict.MET,
                missing,
                words={"drug": name, "start": start.isoformat()},
                exposures=(exposure,),
                evidence=exposure_facts(exposure),
            )


class EarlyRefill(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The last fill of `drug` came when more than `early_percent` of the one before was left.

    Asked for `look_back_days` after that fill.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "on", "left", "before"})

    drug: DrugClass
    early_percent: int
    look_back_days: int

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        for exposure in chart.of(self.drug):
            fills = supplies(exposure)
            if len(fills) > 1:
                yield self._answer(chart, exposure, fills[-2], fills[-1])

    def _answer(
        self,
        chart: Chart,
        exposure: Exposure,
        before: tuple[date, PlacedLine],
        last: tuple[date, PlacedLine],
    ) -> Answer:
        name = exposure.ingredient.name
        length = before[1].entry.days_supply
        facts = (line_fact(before[1].entry), line_fact(last[1].entry))
        if (chart.as_of - last[0]).days > self.look_back_days:
            return not_met(f"{name} was last filled on {last[0].isoformat()}.")
        if length is None:
            missing = f"for how many days {name} was supplied on {before[0].isoformat()}"
            return Answer(Verdict.CANNOT_TELL, missing, exposures=(exposure,), evidence=facts)
        left = int(length) - (last[0] - before[0]).days
        if left * 100 <= self.early_percent * length:
            return not_met(f"{name} was filled when {max(left, 0)} days were left.")
        return Answer(
            Verdict.MET,
            words={
                "drug": name,
                "on": last[0].isoformat(),
                "left": str(left),
                "before": before[0].isoformat(),
            },
            exposures=(exposure,),
            evidence=facts,
        )


class ReportedNonAdherence(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A statement says that `drug` is not taken, or taken differently, while it is ordered."""

    words: ClassVar[frozenset[str]] = frozenset({"drug", "said", "on"})

    drug: DrugClass

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def can_be_unsure(self) -> bool:
        return False

    def answers(self, chart: Chart) -> Iterator[Answer]:
        for exposure in chart.of(self.drug):
            said = [
                line.entry
                for medication in exposure.medications
                for line in medication.lines
                if line.entry.taken in ("not", "differently")
            ]
            if said:
                last = max(said, key=lambda entry: (entry.authored or date.min, entry.origin))
                manner = "not taken" if last.taken == "not" else "taken differently"
                on = last.authored or last.start
                yield Answer(
                    Verdict.MET,
                    words={
                        "drug": exposure.ingredient.name,
                        "said": manner,
                        "on": f" on {on.isoformat()}" if on else "",
                    },
                    exposures=(exposure,),
                    evidence=(line_fact(last), *exposure_facts(exposure)),
                )
