"""What nobody seems to have answered: an abnormal result, a missed visit, a drug without owner."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import ClassVar

from service.assess.answer import Answer, Verdict, listed, not_met
from service.assess.chart import (
    KEPT_VISITS,
    MISSED_VISITS,
    Chart,
    Measured,
    exposure_facts,
    result_fact,
    visit_fact,
)
from service.assess.exposure import Exposure, dose_changes
from service.assess.lab_threshold import Level, reached
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass, Laboratory

ACTS = frozenset({"Task", "Communication", "ServiceRequest", "Procedure"})


class AbnormalUnanswered(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A result crossed `level`, `after_days` ago or more, and nothing happened since.

    An answer is a repeat, a dose change or stop, or a Task, Communication or ServiceRequest of a
    later day. Looked for within `within_days`.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "lab", "value", "date", "days"})

    drug: DrugClass
    lab: Laboratory
    level: Level
    after_days: int
    within_days: int

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        taken = chart.of(self.drug)
        last = chart.last(self.lab)
        if not taken or last is None or not reached(self.level, last):
            return
        days = (chart.as_of - last.day).days
        if not self.after_days <= days <= self.within_days:
            yield not_met(f"{self.lab.title} was measured {days} days ago.")
            return
        answered = self._answered(chart, taken, last)
        if answered:
            yield not_met(answered)
            return
        missing = chart.unproven("Observation")
        yield Answer(
            Verdict.CANNOT_TELL if missing else Verdict.MET,
            missing,
            words={
                "drug": listed(exposure.ingredient.name for exposure in taken),
                "lab": self.lab.title,
                "value": result_fact(last.result).value,
                "date": last.day.isoformat(),
                "days": str(days),
            },
            exposures=tuple(taken),
            evidence=(*exposure_facts(*taken), result_fact(last.result)),
        )

    def _answered(self, chart: Chart, taken: list[Exposure], last: Measured) -> str:
        """What was done on or after the day of the result, in words; empty when nothing."""
        for exposure in taken:
            changed = [on for on in dose_changes(exposure) if on >= last.day]
            if changed:
                return f"The dose of {exposure.ingredient.name} changed on {changed[0]}."
        for act in chart.facts.answers:
            if act.type in ACTS and act.when is not None and act.when >= last.day:
                return f"{act.type} of {act.when.isoformat()}."
        return ""


class NoShow(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A visit was missed or cancelled while `drug` is taken, and none is booked or was kept since.

    Met from `rebook_days` after the missed visit on, for `look_back_days`. `depot`: only where the
    drug is given as a long-acting injection.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "visit"})

    drug: DrugClass
    services: CodeSet
    rebook_days: int
    look_back_days: int
    roles: tuple[str, ...] = ("psychiatry",)
    depot: bool = False

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        taken = [e for e in chart.of(self.drug) if e.depot or not self.depot]
        visits = chart.visits(self.services, self.roles)
        missed = [
            visit
            for visit in visits
            if visit.kind == "appointment"
            and visit.status in MISSED_VISITS
            and visit.start is not None
            and visit.start <= chart.as_of
        ]
        if not taken or not missed:
            return
        last = missed[-1]
        on = last.start or date.min
        if any(v.status in KEPT_VISITS and v.start is not None and v.start > on for v in visits):
            yield not_met("A later visit is booked or was kept.")
            return
        since = chart.as_of - on
        if not timedelta(days=self.rebook_days) <= since <= timedelta(days=self.look_back_days):
            yield not_met(f"The visit on {on.isoformat()} was missed {since.days} days ago.")
            return
        missing = chart.unproven("Appointment")
        yield Answer(
            Verdict.CANNOT_TELL if missing else Verdict.MET,
            missing,
            words={
                "drug": listed(exposure.ingredient.name for exposure in taken),
                "visit": on.isoformat(),
            },
            exposures=tuple(taken),
            evidence=(visit_fact(last), *exposure_facts(*taken)),
            appointment=f"{last.origin.source}:{last.origin.reference}",
        )


class TooLong(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`drug` taken without a break for more than `days`."""

    words: ClassVar[frozenset[str]] = frozenset({"drug", "start", "days"})

    drug: DrugClass
    days: int

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        for exposure in chart.of(self.drug):
            name, start = exposure.ingredient.name, exposure.start
            if start is None:
                yield Answer(
                    Verdict.CANNOT_TELL,
                    f"since when {name} is taken",
                    exposures=(exposure,),
                    evidence=exposure_facts(exposure),
                )
                continue
            treated = (chart.as_of - start).days
            if treated <= self.days:
                yield not_met(f"{name} is taken for {treated} days.")
                continue
            yield Answer(
                Verdict.MET,
                words={"drug": name, "start": start.isoformat(), "days": str(treated)},
                exposures=(exposure,),
                evidence=exposure_facts(exposure),
            )
