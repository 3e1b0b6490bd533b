"""The whole plan: calendar with owner and visit, questions, therapies, goals, education."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from service.assess.chart import Chart
from service.assess.engine import Examination, calendar
from service.assess.exposure import Exposure, Taking
from service.assess.facts import result_fact
from service.assess.time_line import Told, time_line
from service.assess.value_sets import CodeSet, DrugClass, Laboratory
from service.model.care import (
    Booked,
    CalendarEntry,
    CareActivity,
    CarePlanItems,
    CarriedGoal,
    Education,
    Question,
)
from service.model.clinical import Answer, Visit
from service.model.concept import Coding
from service.model.evidence import Origin
from service.model.finding import Bucket, Finding, Severity
from service.model.medication import Kind, ReconciledEntry, TherapyState
from service.model.source import Role

BOOKED = frozenset({"booked", "pending", "arrived", "checked-in", "waitlist"})
LIVE = (TherapyState.CURRENT, TherapyState.CONFLICT, TherapyState.HELD, TherapyState.PLANNED)
OVER = frozenset({"cancelled", "rejected", "revoked", "stopped", "entered-in-error", "noshow"})
OPEN_GOALS = frozenset({"proposed", "planned", "accepted", "active", "on-hold", "in-progress"})
ORDERED_AS = frozenset({"ServiceRequest", "Procedure"})
AHEAD = timedelta(days=28)
"""How long before its day a test can be done at a visit that is booked anyway."""
PSYCHIATRY = Role.PSYCHIATRY.value


@dataclass(frozen=True, slots=True)
class Taught:
    """What everyone who takes a drug of the class should know."""

    drug: DrugClass
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Planning:
    """The value sets that the plan asks for: kinds of activity by name, what is taught and told."""

    activities: tuple[tuple[str, CodeSet], ...] = ()
    told: Told = field(default_factory=Told)
    preferences: Laboratory | None = None
    taught: tuple[Taught, ...] = ()


def plan_items(
    examination: Examination, findings: Sequence[Finding], planning: Planning
) -> CarePlanItems:
    """What the findings and the rules' calendar lead to, every part in a stable order.

    Args:
        examination: the answers of all rules; its calendar becomes the monitoring calendar.
        findings: all findings of the report, whichever stage made them.
        planning: what a therapy, a scale and a preference are, and what is taught.
    """
    chart = examination.chart
    if chart.facts.deceased:
        return CarePlanItems()
    visits = _booked(chart)
    medications = {medication.id: medication for medication in chart.view.medications}
    return CarePlanItems(
        calendar=_calendar(examination, medications, visits),
        questions=tuple(_questions(findings, visits)),
        activities=_activities(chart, planning),
        goals=_goals(chart, planning),
        education=_education(chart, planning),
        timeline=time_line(chart, planning.told),
    )


def _booked(chart: Chart) -> list[Visit]:
    """Booked appointments from the day on, soonest first."""
    visits = [
        visit
        for visit in chart.facts.visits
        if visit.kind == "appointment"
        and visit.status in BOOKED
        and visit.start is not None
        and visit.start >= chart.as_of
    ]
    return sorted(visits, key=lambda visit: (visit.start or date.max, visit.origin))


def _visit(visits: Iterable[Visit], source_role: str) -> Booked | None:
    """The next booked visit of the sources of this role ("": of any)."""
    for visit in visits:
        if visit.start is not None and source_role in ("", visit.source_role):
            return Booked(f"{visit.origin.source}:{visit.origin.reference}", visit.start)
    return None


def _calendar(
    examination: Examination, medications: dict[str, ReconciledEntry], visits: list[Visit]
) -> tuple[CalendarEntry, ...]:
    """The soonest day of each test per drug; several rules about one test are one entry."""
    entries: dict[tuple[str, tuple[str, ...]], CalendarEntry] = {}
    for due in calendar(examination):
        held = [medications[id] for id in due.medications if id in medications]
        entries.setdefault(
            (due.what, due.medications),
            CalendarEntry(
                due.what,
                due.due,
                due.overdue,
                due.rule,
                due.medications,
                _owner(held),
                _visit([v for v in visits if _serves(v, due.due)], _role(held)),
            ),
        )
    return tuple(entries.values())


def _serves(visit: Visit, due: date) -> bool:
    """Whether the visit lies late enough to do on it what falls due."""
    return visit.start is not None and visit.start >= due - AHEAD


def _owner(medications: Iterable[ReconciledEntry]) -> str:
    """Who wrote the newest current order, with the source where it stands."""
    orders = [
        line.entry
        for medication in medications
        for line in medication.lines
        if line.entry.kind is Kind.REQUEST and line.state in LIVE and line.entry.requester
    ]
    if not orders:
        return ""
    newest = max(orders, key=lambda entry: (entry.authored or date.min, entry.origin))
    return f"{newest.requester} ({newest.origin.source})"


def _role(medications: Iterable[ReconciledEntry]) -> str:
    roles = {
        line.entry.role.value
        for medication in medications
        for line in medication.lines
        if line.entry.kind is Kind.REQUEST and line.state in LIVE
    }
    return PSYCHIATRY if PSYCHIATRY in roles or not roles else min(roles)


def _questions(findings: Iterable[Finding], visits: list[Visit]) -> Iterable[Question]:
    """The advice of every shown high or moderate finding, at the visit that it belongs to."""
    for finding in findings:
        if finding.bucket is not Bucket.SHOWN or finding.severity not in (
            Severity.HIGH,
            Severity.MODERATE,
        ):
            continue
        if finding.advice:
            own = _visit(visits, PSYCHIATRY) or _visit(visits, "")
            yield Question(finding.id, finding.advice, own)


def _activities(chart: Chart, planning: Planning) -> tuple[CareActivity, ...]:
    """Therapies and team roles that a source orders, books, plans or names, each once."""
    found: dict[tuple[str, Origin], CareActivity] = {}
    for kind, words in planning.activities:
        for made in (*_ordered(chart), *_visited(chart), *_planned(chart), *_members(chart)):
            title, codings, origin, status, on = made
            if status not in OVER and words.holds(codings, title):
                found.setdefault((kind, origin), CareActivity(kind, title, origin, status, on))
    return tuple(
        sorted(found.values(), key=lambda a: (a.kind, a.origin, a.title, a.on or date.min))
    )


_Named = tuple[str, tuple[Coding, ...], Origin, str, date | None]


def _ordered(chart: Chart) -> Iterable[_Named]:
    for answer in chart.facts.answers:
        if answer.type in ORDERED_AS:
            yield _title(answer), answer.codings, answer.origin, answer.status, answer.when


def _title(answer: Answer) -> str:
    return answer.text or next((c.display or c.code for c in answer.codings), "")


def _visited(chart: Chart) -> Iterable[_Named]:
    for visit in _booked(chart):
        named = next((c.display or c.code for c in visit.services), "")
        if named:
            yield named, visit.services, visit.origin, visit.status, visit.start


def _planned(chart: Chart) -> Iterable[_Named]:
    for plan in chart.facts.plans:
        if plan.status == "active":
            for activity in plan.activities:
                if activity.text:
                    yield activity.text, (), plan.origin, activity.status or "active", plan.created


def _members(chart: Chart) -> Iterable[_Named]:
    for member in chart.facts.care_team:
        if member.role:
            yield f"{member.role}: {member.name}", (), member.origin, "active", None


def _goals(chart: Chart, planning: Planning) -> tuple[CarriedGoal, ...]:
    goals = [
        CarriedGoal("goal", answer.text, answer.origin, answer.status, answer.when)
        for answer in chart.facts.answers
        if answer.type == "Goal" and answer.status in OPEN_GOALS and answer.text
    ]
    told = chart.measured(planning.preferences) if planning.preferences is not None else ()
    goals += [
        CarriedGoal(
            "preference", fact.value, measured.result.origin, measured.result.status, measured.day
        )
        for measured in told
        if (fact := result_fact(measured.result)).value
    ]
    return tuple(sorted(goals, key=lambda goal: (goal.kind, goal.origin, goal.text)))


def _education(chart: Chart, planning: Planning) -> tuple[Education, ...]:
    return tuple(
        Education(taught.text, taught.source, _ids(taken))
        for taught in planning.taught
        if (taken := chart.of(taught.drug, Taking.NOW, Taking.PLANNED))
    )


def _ids(taken: Iterable[Exposure]) -> tuple[str, ...]:
    return tuple(sorted({id for exposure in taken for id in exposure.ids}))
