"""What the findings lead to beside pills: which test when, which visit, therapy and goal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from service.model.evidence import Origin


@dataclass(frozen=True, slots=True)
class Booked:
    """A booked contact: "source:Appointment/id" and its day."""

    reference: str
    on: date


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One test, injection or visit with its next day, its owner and the visit that can serve it.

    `owner` is who orders the drug that asks for it, "" where no source names anybody.
    """

    what: str
    due: date
    overdue: bool
    rule: str
    medications: tuple[str, ...]
    owner: str
    visit: Booked | None


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask the patient about one finding, and the follow-up visit that it belongs to."""

    finding: str
    text: str
    visit: Booked | None


@dataclass(frozen=True, slots=True)
class CareActivity:
    """A therapy or a role of team care, as a source has it: what the plan refers to.

    `kind` is "individual-therapy", "family-therapy", "group-therapy", "cbt", "tms" or
    "coordinated-specialty-care".
    """

    kind: str
    title: str
    origin: Origin
    status: str
    on: date | None


@dataclass(frozen=True, slots=True)
class CarriedGoal:
    """A goal ("goal") or a stated preference ("preference") of the patient, carried along."""

    kind: str
    text: str
    origin: Origin
    status: str
    on: date | None


@dataclass(frozen=True, slots=True)
class Education:
    """What a patient who takes these medications should know, with its source."""

    text: str
    source: str
    medications: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """One point of the time line on a day: a dose ("dose"), a score ("scale"), a "side-effect".

    A side effect has what it is in `what`, how it is in `value`: a score, its reactions, whether it
    is over.
    """

    on: date
    kind: str
    what: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class CarePlanItems:
    """The whole plan, not pills alone."""

    calendar: tuple[CalendarEntry, ...] = ()
    questions: tuple[Question, ...] = ()
    activities: tuple[CareActivity, ...] = ()
    goals: tuple[CarriedGoal, ...] = ()
    education: tuple[Education, ...] = ()
    timeline: tuple[Moment, ...] = ()
