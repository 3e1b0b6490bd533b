"""Whether somebody sees the patient in time after a start, a dose change or a discharge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from typing import ClassVar

from service.assess.amounts import dose_changes
from service.assess.answer import Answer, Verdict, not_met
from service.assess.chart import KEPT_VISITS, Chart
from service.assess.exposure import Exposure
from service.assess.facts import exposure_facts, visit_fact
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass
from service.model.clinical import Visit
from service.model.evidence import Fact

RECONCILED_AS = frozenset({"Task", "Procedure", "QuestionnaireResponse"})
UNDONE = frozenset({"cancelled", "rejected", "failed", "not-done", "entered-in-error", "requested"})


class After(StrEnum):
    """What the follow-up is counted from."""

    START = "start"
    CHANGE = "change"
    DISCHARGE = "discharge"


def last_discharge(chart: Chart, earliest: date, stay: CodeSet | None) -> Visit | None:
    """The last stay that ended since `earliest`; `stay` names the kind of stay."""
    stays = [
        visit
        for visit in chart.facts.visits
        if visit.discharge
        and visit.end is not None
        and earliest <= visit.end <= chart.as_of
        and (stay is None or stay.holds(visit.services, *visit.reasons))
    ]
    return max(stays, key=lambda visit: (visit.end or date.min, visit.origin), default=None)


class FollowUp(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """No visit of the right service within `within_days` after the event.

    A booked Appointment counts, a telehealth one too; a cancelled or missed one does not. `roles`
    are the sources whose visits count whatever they are called, `services` what counts elsewhere.
    Events older than `look_back_days` are history. `age_from`/`age_under` choose the patients. With
    `late_counts` a visit that took place after the window answers too: nothing is left to book.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "event", "on", "due"})

    after: After
    within_days: int
    look_back_days: int
    services: CodeSet
    roles: tuple[str, ...] = ("psychiatry",)
    drug: DrugClass | None = None
    age_from: int | None = None
    age_under: int | None = None
    stay: CodeSet | None = None
    late_counts: bool = False

    def triggers(self) -> frozenset[str] | None:
        return None if self.after is After.DISCHARGE or self.drug is None else self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        if self.age_from is not None or self.age_under is not None:
            age = chart.facts.age_on(chart.as_of)
            if age is None:
                if any(True for _ in self._events(chart)):
                    yield Answer(Verdict.CANNOT_TELL, "the birth date")
                return
            if self.age_from is not None and age < self.age_from:
                return
            if self.age_under is not None and age >= self.age_under:
                return
        for on, name, taken, facts, discharged in self._events(chart):
            yield self._answer(chart, on, name, taken, facts, discharged)

    def _events(
        self, chart: Chart
    ) -> Iterator[tuple[date, str, tuple[Exposure, ...], tuple[Fact, ...], Visit | None]]:
        earliest = chart.as_of - timedelta(days=self.look_back_days)
        if self.after is After.DISCHARGE:
            last = last_discharge(chart, earliest, self.stay)
            if last is not None:
                yield last.end or date.min, "the discharge", (), (visit_fact(last),), last
            return
        if self.drug is None:
            return
        for exposure in chart.of(self.drug):
            if self.after is After.START:
                on = exposure.start
            else:
                on = max(dose_changes(exposure), default=None)
            if on is not None and earliest <= on <= chart.as_of:
                name = f"the {self.after.value} of {exposure.ingredient.name}"
                yield on, name, (exposure,), exposure_facts(exposure), None

    def _answer(
        self,
        chart: Chart,
        on: date,
        name: str,
        taken: tuple[Exposure, ...],
        facts: tuple[Fact, ...],
        discharged: Visit | None,
    ) -> Answer:
        due = on + timedelta(days=self.within_days)
        for visit in chart.visits(self.services, self.roles):
            start = visit.start
            if start is None or visit is discharged or visit.status not in KEPT_VISITS:
                continue
            if on < start <= (max(due, chart.as_of) if self.late_counts else due):
                return not_met(f"Seen or booked on {start.isoformat()}.", on=taken)
        missing = chart.unproven("Appointment", "Encounter")
        return Answer(
            Verdict.CANNOT_TELL if missing else Verdict.MET,
            missing,
            words={
                "drug": taken[0].ingredient.name if taken else "",
                "event": name,
                "on": on.isoformat(),
                "due": due.isoformat(),
            },
            exposures=taken,
            evidence=facts,
            due=due,
            asks=f"visit after {name}",
        )


class DischargeReconciliation(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Nobody wrote down within `within_days` of a discharge that the lists were reconciled.

    A Task, Procedure or questionnaire of `named` on or after the day of discharge answers; it
    stands in the calendar until then. Asked for `look_back_days` after the discharge.
    """

    words: ClassVar[frozenset[str]] = frozenset({"on", "due"})

    named: CodeSet
    within_days: int
    look_back_days: int
    stay: CodeSet | None = None

    def triggers(self) -> None:
        return None

    def answers(self, chart: Chart) -> Iterator[Answer]:
        earliest = chart.as_of - timedelta(days=self.look_back_days)
        last = last_discharge(chart, earliest, self.stay)
        if last is None or last.end is None:
            return
        for act in chart.facts.answers:
            when = act.when
            if when is None or not last.end <= when <= chart.as_of or act.status in UNDONE:
                continue
            if act.type in RECONCILED_AS and self.named.holds(act.codings, act.text):
                yield not_met(f"Reconciled on {when.isoformat()}.")
                return
        due = last.end + timedelta(days=self.within_days)
        asks = "medication reconciliation after the discharge"
        if chart.as_of <= due:
            yield not_met(f"Reconciliation is due {due.isoformat()}.", due=due, asks=asks)
            return
        missing = chart.unproven("Task", "Procedure")
        yield Answer(
            Verdict.CANNOT_TELL if missing else Verdict.MET,
            missing,
            words={"on": last.end.isoformat(), "due": due.isoformat()},
            evidence=(visit_fact(last),),
            due=due,
            asks=asks,
        )
