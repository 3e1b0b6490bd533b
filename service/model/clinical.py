"""What stands beside the medication list: results, visits, conditions, allergies, people, plans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import msgspec

from service.model.concept import Coding, Ingredient
from service.model.dosage import Quantity
from service.model.evidence import Origin


class LabResult(msgspec.Struct, frozen=True, gc=False):
    """One measured value, from Observation (a panel's components become results of their own).

    `effective` is the day of the measurement (not of the report), None where the source gives none.
    `value` is None for coded or text results (`text` then) and for absent data (`absent` says why).
    `path` leads to the value inside the resource ("valueQuantity", "component[1].valueQuantity").
    `usual` are the low and high ends of the source's own reference range, in the value's unit; an
    end that it does not give is None.
    """

    origin: Origin
    codings: tuple[Coding, ...]
    status: str
    effective: date | None
    effective_at: datetime | None = None
    issued: date | None = None
    value: Quantity | None = None
    comparator: str = ""
    text: str = ""
    value_codings: tuple[Coding, ...] = ()
    absent: str = ""
    path: str = "valueQuantity"
    interpretation: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    usual: tuple[Decimal | None, Decimal | None] = (None, None)


class Visit(msgspec.Struct, frozen=True, gc=False):
    """A contact: Appointment (`kind` "appointment") or Encounter ("encounter").

    `status` is the resource's own (booked, fulfilled, noshow, cancelled, finished ...).
    `services` are codes and texts of serviceType, specialty, type and class; `with_whom` names.
    `source_role` is the role of the source that holds it.
    """

    origin: Origin
    kind: str
    status: str
    start: date | None
    start_at: datetime | None = None
    end: date | None = None
    services: tuple[Coding, ...] = ()
    reasons: tuple[str, ...] = ()
    with_whom: tuple[str, ...] = ()
    participants: tuple[str, ...] = ()
    source_role: str = ""
    discharge: bool = False
    created: date | None = None


class Condition(msgspec.Struct, frozen=True, gc=False):
    """A diagnosis or problem; `active` folds clinicalStatus, `refuted` verificationStatus."""

    origin: Origin
    codings: tuple[Coding, ...]
    text: str
    active: bool
    refuted: bool = False
    onset: date | None = None
    abated: date | None = None
    recorded: date | None = None
    note: str = ""


class Allergy(msgspec.Struct, frozen=True, gc=False):
    """An allergy or intolerance; `ingredients` is what its code or text resolves to, if any."""

    origin: Origin
    codings: tuple[Coding, ...]
    text: str
    ingredients: tuple[Ingredient, ...]
    kind: str = ""
    category: tuple[str, ...] = ()
    criticality: str = ""
    active: bool = True
    refuted: bool = False
    reactions: tuple[str, ...] = ()
    recorded: date | None = None


class CareTeamMember(msgspec.Struct, frozen=True, gc=False):
    """A person or organization of an active CareTeam, or the Patient's generalPractitioner."""

    origin: Origin
    role: str
    name: str
    member: str
    source_role: str = ""


class PlanActivity(msgspec.Struct, frozen=True, gc=False):
    """One activity of a CarePlan: what it refers to, or what it says."""

    reference: str
    text: str
    status: str = ""


class Plan(msgspec.Struct, frozen=True, gc=False):
    """A CarePlan as it stands on its server."""

    origin: Origin
    status: str
    title: str
    categories: tuple[str, ...]
    activities: tuple[PlanActivity, ...]
    created: date | None = None


class Answer(msgspec.Struct, frozen=True, gc=False):
    """That somebody answered or asked: Communication, Task, ServiceRequest, Goal, Consent ...

    `type` is the resource type, `when` its own date, `codings` its code, `about` what it names.
    """

    origin: Origin
    type: str
    status: str
    when: date | None
    codings: tuple[Coding, ...] = ()
    text: str = ""
    about: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


class Person(msgspec.Struct, frozen=True, gc=False):
    """Practitioner, PractitionerRole or Organization: a name for a reference."""

    origin: Origin
    name: str
    kind: str
    identifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything of one patient that rules may ask, merged over the certain sources."""

    birth_date: date | None = None
    sex: str = ""
    deceased: bool = False
    results: tuple[LabResult, ...] = ()
    visits: tuple[Visit, ...] = ()
    conditions: tuple[Condition, ...] = ()
    allergies: tuple[Allergy, ...] = ()
    care_team: tuple[CareTeamMember, ...] = ()
    plans: tuple[Plan, ...] = ()
    answers: tuple[Answer, ...] = ()

    def age_on(self, day: date) -> Decimal | None:
        """Whole years on that day; None when the birth date is unknown."""
        if self.birth_date is None:
            return None
        before = (day.month, day.day) < (self.birth_date.month, self.birth_date.day)
        return Decimal(day.year - self.birth_date.year - before)
