"""Long-acting injections: the dose that is late, not booked, or missed at a visit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from msgspec.structs import replace

from service.assess.amounts import line_amount
from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import KEPT_VISITS, MISSED_VISITS, Chart
from service.assess.exposure import Exposure, begins
from service.assess.facts import exposure_facts, line_fact, visit_fact
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass
from service.model.medication import Kind


class Asked(StrEnum):
    """Which of the three findings a rule is about."""

    OVERDUE = "overdue"
    NOT_BOOKED = "not-booked"
    NO_SHOW = "no-show"


class LongActingInjection(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The depot of `drug`: last administration + interval, against window and Appointments.

    Args:
        interval_days: where no line states the interval; without it a line must.
        window_days: days after the due date on which the product may still be given as usual.
        ahead_days: how long before the due date a visit should be booked, and from when a missed
            visit counts as missed for this dose.
        services, roles: which visits can bring the injection.
        rebook_days: a new visit counts when it lies in the window, or at most so many days ahead.
        shortest_days, longest_days: intervals that belong to this product; others are left to the
            rule of another product of the same drug.
        least_dose, most_dose: in mg, one injection of this product, which tells where no line
            states the interval; where the dose is unknown too, the product of the smallest doses
            (from 0) says that it cannot tell.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "last", "due", "latest", "visit"})

    asked: Asked
    drug: DrugClass
    window_days: int
    services: CodeSet
    interval_days: int | None = None
    ahead_days: int = 7
    roles: tuple[str, ...] = ("psychiatry",)
    rebook_days: int = 7
    shortest_days: int = 1
    longest_days: int = 400
    least_dose: Decimal = Decimal(0)
    most_dose: Decimal | None = None

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        for exposure in chart.of(self.drug):
            if exposure.injected:
                yield from self._of_product(chart, exposure)

    def _of_product(self, chart: Chart, exposure: Exposure) -> Iterator[Answer]:
        """The answer about this product, where the patient has it as far as the lines tell."""
        stated = [line.entry.interval_d for line in exposure.depot if line.entry.interval_d]
        if stated:
            interval = int(min(stated))
            if self.shortest_days <= interval <= self.longest_days:
                yield self._answer(chart, exposure, interval)
            return
        if self.interval_days is None:
            return
        if self.most_dose is None:
            yield self._answer(chart, exposure, self.interval_days)
            return
        amount = _injected(exposure)
        if amount is not None:
            if self.least_dose <= amount <= self.most_dose:
                yield self._answer(chart, exposure, self.interval_days)
        elif not self.least_dose and self.asked is Asked.OVERDUE:
            yield Answer(
                Verdict.CANNOT_TELL,
                f"how often {exposure.ingredient.name} is injected",
                exposures=(exposure,),
                evidence=exposure_facts(exposure),
            )

    def _answer(self, chart: Chart, exposure: Exposure, interval: int) -> Answer:
        name = exposure.ingredient.name
        given = [
            (on, line)
            for line in exposure.depot
            if line.entry.kind is Kind.ADMINISTRATION
            and line.entry.status in ("completed", "in-progress")
            and (on := begins(line.entry)) is not None
            and on <= chart.as_of
        ]
        if not given:
            return Answer(
                Verdict.CANNOT_TELL,
                f"when {name} was last injected",
                exposures=(exposure,),
                evidence=exposure_facts(exposure),
            )
        last, line = max(given, key=lambda item: (item[0], item[1].entry.origin))
        due = last + timedelta(days=interval)
        latest = due + timedelta(days=self.window_days)
        words = {
            "drug": name,
            "last": last.isoformat(),
            "due": due.isoformat(),
            "latest": latest.isoformat(),
            "visit": "",
        }
        met = Answer(
            Verdict.MET,
            words=words,
            exposures=(exposure,),
            evidence=(line_fact(line.entry),),
            due=due,
            asks=f"injection of {name}",
        )
        if self.asked is Asked.OVERDUE:
            return self._overdue(chart, met, latest)
        if self.asked is Asked.NOT_BOOKED:
            return self._not_booked(chart, met, due, latest)
        return self._no_show(chart, met, last, due)

    def _overdue(self, chart: Chart, met: Answer, latest: date) -> Answer:
        if chart.as_of <= latest:
            return not_met(
                f"Next dose is due {met.due}.", due=met.due, on=met.exposures, asks=met.asks
            )
        missing = chart.unproven("MedicationAdministration")
        return _unless(met, missing)

    def _not_booked(self, chart: Chart, met: Answer, due: date, latest: date) -> Answer:
        if not due - timedelta(days=self.ahead_days) <= chart.as_of <= latest:
            return _quiet(met, f"Next dose is due {due}.")
        for visit in chart.visits(self.services, self.roles):
            start = visit.start
            if start is not None and visit.status in KEPT_VISITS and chart.as_of <= start <= latest:
                return not_met(
                    f"Booked on {start.isoformat()}.", due=due, on=met.exposures, asks=met.asks
                )
        return _unless(met, chart.unproven("Appointment"))

    def _no_show(self, chart: Chart, met: Answer, last: date, due: date) -> Answer:
        earliest = due - timedelta(days=self.ahead_days)
        latest = due + timedelta(days=self.window_days)
        soon = max(latest, chart.as_of + timedelta(days=self.rebook_days))
        missed = None
        for visit in chart.visits(self.services, self.roles):
            start = visit.start
            if visit.kind != "appointment" or start is None or start <= last:
                continue
            if visit.status in MISSED_VISITS and earliest <= start <= chart.as_of:
                missed = visit
            elif visit.status in KEPT_VISITS and missed and chart.as_of <= start <= soon:
                return not_met(
                    f"Booked again on {start.isoformat()}.",
                    due=due,
                    on=met.exposures,
                    asks=met.asks,
                )
        if missed is None:
            return not_met(
                "No visit for the injection was missed.", due=due, on=met.exposures, asks=met.asks
            )
        return Answer(
            Verdict.MET,
            words={**met.words, "visit": missed.start.isoformat() if missed.start else ""},
            exposures=met.exposures,
            evidence=(*met.evidence, visit_fact(missed)),
            due=due,
            asks=met.asks,
            appointment=f"{missed.origin.source}:{missed.origin.reference}",
        )


def _injected(exposure: Exposure) -> Decimal | None:
    """The mg of the newest injection whose dose a source states."""
    newest = sorted(exposure.depot, key=lambda line: begins(line.entry) or date.min, reverse=True)
    for line in newest:
        amount = line_amount(line.entry, exposure.ingredient.rxcui)
        if amount is not None and amount[1] == "mg":
            return amount[0]
    return None


def _quiet(met: Answer, because: str) -> Answer:
    """Not met, with what is due next kept for the calendar."""
    return not_met(because, due=met.due, on=met.exposures, asks=met.asks)


def _unless(met: Answer, missing: str) -> Answer:
    if not missing:
        return met
    return replace(met, verdict=Verdict.CANNOT_TELL, because=missing, words={})
