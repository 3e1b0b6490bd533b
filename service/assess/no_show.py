"""A visit that was missed by somebody who should not be lost, and no other one booked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import ClassVar

import msgspec

from service.assess.answer import Answer, Verdict, listed, not_met
from service.assess.chart import KEPT_VISITS, MISSED_VISITS, Chart, Measured
from service.assess.facts import exposure_facts, result_fact, visit_fact
from service.assess.lab_threshold import Level, reached
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass, Laboratory


class Risk(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The last result of `lab` reaches `level` and is at most `within_days` old."""

    lab: Laboratory
    level: Level
    within_days: int

    def last(self, chart: Chart) -> tuple[Measured, bool | None] | None:
        """The last result within the days, and whether it is a high risk; None: not readable."""
        last = chart.last(self.lab)
        if last is None or (chart.as_of - last.day).days > self.within_days:
            return None
        return last, reached(self.level, last)


class NoShow(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A visit was missed or cancelled while `drug` is taken, and none is booked or was kept since.

    One that was kept on the same day answers too. Met from `rebook_days` after the missed visit
    on, for `look_back_days`. `depot`: only where the drug is given as a long-acting injection.
    `risks`: only where one of these answers was given.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "visit", "risk"})

    drug: DrugClass
    services: CodeSet
    rebook_days: int
    look_back_days: int
    roles: tuple[str, ...] = ("psychiatry",)
    depot: bool = False
    risks: tuple[Risk, ...] = ()

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        taken = [e for e in chart.of(self.drug) if e.injected or not self.depot]
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
        last_missed = missed[-1]
        on = last_missed.start or date.min
        if any(v.status in KEPT_VISITS and v.start is not None and v.start >= on for v in visits):
            yield not_met("A later visit is booked or was kept.")
            return
        since = chart.as_of - on
        if not timedelta(days=self.rebook_days) <= since <= timedelta(days=self.look_back_days):
            yield not_met(f"The visit on {on.isoformat()} was missed {since.days} days ago.")
            return
        told = [(risk.lab.title, *found) for risk in self.risks if (found := risk.last(chart))]
        risky = [(title, last) for title, last, high in told if high]
        unread = [(title, last) for title, last, high in told if high is None]
        if self.risks and not risky and not unread:
            yield not_met("No answer of late makes a missed visit a high risk.")
            return
        missing = chart.unproven("Appointment")
        if self.risks and not risky:
            missing = f"what the result of {listed(title for title, _ in unread)} means"
        yield Answer(
            Verdict.CANNOT_TELL if missing else Verdict.MET,
            missing,
            words={
                "drug": listed(exposure.ingredient.name for exposure in taken),
                "visit": on.isoformat(),
                "risk": listed(
                    f"{title} {result_fact(last.result).value} on {last.day.isoformat()}"
                    for title, last in risky
                ),
            },
            exposures=tuple(taken),
            evidence=(
                visit_fact(last_missed),
                *exposure_facts(*taken),
                *(result_fact(last.result) for _, last in (*risky, *unread)),
            ),
            appointment=f"{last_missed.origin.source}:{last_missed.origin.reference}",
        )
