"""Who cares for what: a prescriber outside the care team, a plan that runs beside the list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from service.assess.answer import Answer, Verdict, listed, not_met
from service.assess.chart import Chart
from service.assess.exposure import Exposure
from service.assess.facts import exposure_facts, line_fact
from service.assess.rule import Check
from service.assess.value_sets import DrugClass
from service.model.clinical import Plan, PlanActivity
from service.model.evidence import Fact
from service.model.medication import (
    Kind,
    MedicationEntry,
    PlacedLine,
    ReconciledEntry,
    TherapyState,
)

LIVE = (TherapyState.CURRENT, TherapyState.CONFLICT)
OVER = frozenset({"completed", "cancelled", "stopped", "entered-in-error"})


class CareTeamGap(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Nobody of the care team stands for a `drug` that is taken.

    `unowned`: no source names any member of a care team, so nobody owns the monitoring; else: teams
    are named, and the prescriber of a current order is in none of them.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "requester"})

    drug: DrugClass
    unowned: bool = False

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        taken = chart.of(self.drug)
        if not taken:
            return
        if bool(chart.facts.care_team) is self.unowned:
            yield not_met("A care team is named." if self.unowned else "No care team is named.")
        elif self.unowned:
            yield self._answer(chart, taken, [])
        else:
            yield from self._outside(chart, taken)

    def _outside(self, chart: Chart, taken: list[Exposure]) -> Iterator[Answer]:
        """One answer for all drugs whose prescribers are in no team."""
        outside: list[Exposure] = []
        orders: list[MedicationEntry] = []
        for exposure in taken:
            own = [
                line.entry
                for line in exposure.lines
                if line.entry.kind is Kind.REQUEST and line.state in LIVE
            ]
            if not own or any(_in_team(chart, entry) for entry in own):
                name = exposure.ingredient.name
                yield not_met(f"Who orders {name} is in the care team, or nobody orders it now.")
            else:
                outside.append(exposure)
                orders += own
        if outside:
            yield self._answer(chart, outside, orders)

    def _answer(self, chart: Chart, taken: list[Exposure], orders: list[MedicationEntry]) -> Answer:
        names = listed(exposure.ingredient.name for exposure in taken)
        unnamed = [entry for entry in orders if not entry.requester and not entry.requester_key]
        missing = f"who orders {names}" if unnamed else chart.unproven("CareTeam")
        return Answer(
            Verdict.CANNOT_TELL if missing else Verdict.MET,
            missing,
            words={
                "drug": names,
                "requester": listed(sorted({e.requester or e.requester_key for e in orders})),
            },
            exposures=tuple(taken),
            evidence=tuple(map(line_fact, orders)) or exposure_facts(*taken),
        )


def _in_team(chart: Chart, entry: MedicationEntry) -> bool:
    """By reference within a source, by name over sources."""
    source, name = entry.origin.source, name_words(entry.requester)
    return any(
        (member.origin.source == source and member.member == entry.requester_key != "")
        or same_person(name, name_words(member.name))
        for member in chart.facts.care_team
    )


TITLES = frozenset({"dr", "md", "do", "phd", "pharmd", "np", "pa", "rn", "prof", "mr", "mrs", "ms"})


def name_words(name: str) -> frozenset[str]:
    """The words of a person's name, without titles and initials."""
    words = "".join(c if c.isalnum() else " " for c in name.casefold()).split()
    return frozenset(word for word in words if len(word) > 1 and word not in TITLES)


def same_person(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two names can be one person's: the shorter one lies whole in the longer one."""
    return bool(one and other) and (one <= other or other <= one)


class PlanDrift(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An active CarePlan still counts on a medication that is stopped.

    An activity that points to an order of it, or names it, while nothing on the list is current
    with that ingredient. `drug` chooses the ingredients asked about.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "plan", "source"})

    drug: DrugClass

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def can_be_unsure(self) -> bool:
        return False

    def answers(self, chart: Chart) -> Iterator[Answer]:
        plans = [plan for plan in chart.facts.plans if plan.status == "active"]
        if not plans:
            return
        current = {
            ingredient.rxcui
            for medication in chart.view.medications
            if medication.state is not TherapyState.STOPPED
            for ingredient in medication.ingredients
        }
        for medication in chart.view.medications:
            rxcuis = {ingredient.rxcui for ingredient in medication.ingredients}
            if medication.state is not TherapyState.STOPPED or rxcuis & current:
                continue
            if rxcuis & self.drug.rxcuis:
                yield from self._drifted(chart, plans, medication)

    def _drifted(
        self, chart: Chart, plans: list[Plan], medication: ReconciledEntry
    ) -> Iterator[Answer]:
        for plan in plans:
            for activity in plan.activities:
                line = _pointed_to(plan, activity, medication)
                if activity.status in OVER or (line is None and not _named(activity, medication)):
                    continue
                about = tuple(
                    exposure for exposure in chart.exposures if medication.id in exposure.ids
                )
                yield Answer(
                    Verdict.MET,
                    words={
                        "drug": medication.display,
                        "plan": plan.title or "a care plan",
                        "source": plan.origin.source,
                    },
                    exposures=about,
                    evidence=(
                        _plan_fact(plan, activity),
                        *(line_fact(found.entry) for found in ((line,) if line else ())),
                    ),
                )
                break


def _pointed_to(
    plan: Plan, activity: PlanActivity, medication: ReconciledEntry
) -> PlacedLine | None:
    return next(
        (
            line
            for line in medication.lines
            if line.entry.origin.source == plan.origin.source
            and line.entry.origin.reference == activity.reference
        ),
        None,
    )


def _named(activity: PlanActivity, medication: ReconciledEntry) -> bool:
    words = activity.text.casefold()
    return bool(medication.ingredients) and all(
        ingredient.name.casefold() in words for ingredient in medication.ingredients
    )


def _plan_fact(plan: Plan, activity: PlanActivity) -> Fact:
    origin = plan.origin
    shown = activity.text or activity.reference
    return Fact(origin.source, origin.reference, origin.version, "activity", shown, plan.created)
