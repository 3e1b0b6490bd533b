"""What dispenses say: a gap after the supply ran out, an order that nobody filled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import ClassVar

from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import Chart, exposure_facts, line_fact
from service.assess.exposure import Exposure
from service.assess.rule import Check
from service.assess.value_sets import DrugClass
from service.model.medication import Kind, PlacedLine
from service.model.source import Role

SUPPLIERS = frozenset({Role.PHARMACY})


class AdherenceGap(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`drug` is ordered, and the supply of the last fills, with what was left over, ran out.

    Met from `gap_days` after the last covered day on, up to `look_back_days` after it (then it is
    a stale line, not a gap).
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "last", "covered", "days"})

    drug: DrugClass
    gap_days: int
    look_back_days: int = 180

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        for exposure in chart.of(self.drug):
            fills = supplies(exposure)
            if fills and not exposure.depot and _scheduled(exposure):
                yield self._answer(chart, exposure, fills)

    def _answer(
        self, chart: Chart, exposure: Exposure, fills: list[tuple[date, PlacedLine]]
    ) -> Answer:
        name = exposure.ingredient.name
        last, line = fills[-1]
        covered = covered_until(fills)
        if covered is None:
            return Answer(
                Verdict.CANNOT_TELL,
                f"for how many days {name} was supplied on {last.isoformat()}",
                exposures=(exposure,),
                evidence=(line_fact(line.entry),),
            )
        gap = (chart.as_of - covered).days
        if not self.gap_days <= gap <= self.look_back_days:
            return not_met(f"{name} is supplied until {covered.isoformat()}.")
        missing = chart.unproven("MedicationDispense", roles=SUPPLIERS)
        return Answer(
            Verdict.CANNOT_TELL if missing else Verdict.MET,
            missing,
            words={
                "drug": name,
                "last": last.isoformat(),
                "covered": covered.isoformat(),
                "days": str(gap),
            },
            exposures=(exposure,),
            evidence=(*exposure_facts(exposure), line_fact(line.entry)),
        )


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
            if not ordered or exposure.depot or not _scheduled(exposure):
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


def covered_until(fills: list[tuple[date, PlacedLine]]) -> date | None:
    """The last day that the fills cover, with carry-over; None when the last tells no length.

    What is left over when a fill comes early is used up after it, as proportion-of-days-covered
    counts it (PQA; HEDIS SAA).
    """
    until: date | None = None
    for on, line in fills:
        length = line.entry.days_supply
        if length is None:
            until = None
            continue
        begin = on if until is None or until < on else until + timedelta(days=1)
        until = begin + timedelta(days=int(length) - 1)
    return until


def supplies(exposure: Exposure) -> list[tuple[date, PlacedLine]]:
    """The dispenses that were handed over, by day."""
    found = [
        (line.entry.supplied_on, line)
        for line in exposure.lines
        if line.entry.kind is Kind.DISPENSE
        and line.entry.supplied_on is not None
        and line.entry.status in ("completed", "in-progress", "")
    ]
    return sorted(
        ((on, line) for on, line in found if on is not None),
        key=lambda fill: (fill[0], fill[1].entry.origin),
    )


def _scheduled(exposure: Exposure) -> bool:
    """Taken every day, not as needed."""
    return not all(line.entry.as_needed for line in exposure.lines)
