"""Observations, visits, conditions, allergies, teams and plans, in R4 and STU3 shapes."""

from __future__ import annotations

from service.normalize.wire.base import (
    Address,
    Annotation,
    CodeableConcept,
    Coding,
    ContactPoint,
    HumanName,
    Identifier,
    Period,
    Quantity,
    Range,
    Ratio,
    Reference,
    Resource,
    Wire,
)


class ReferenceRange(Wire, frozen=True):
    low: Quantity | None = None
    high: Quantity | None = None
    type: CodeableConcept | None = None


class Value(Wire, frozen=True):
    """value[x] of an Observation and of its components."""

    code: CodeableConcept | None = None
    value_quantity: Quantity | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: str = ""
    value_boolean: bool | None = None
    value_integer: int | None = None
    value_range: Range | None = None
    value_ratio: Ratio | None = None
    value_date_time: str = ""
    data_absent_reason: CodeableConcept | None = None
    interpretation: tuple[CodeableConcept, ...] | CodeableConcept | None = None
    reference_range: tuple[ReferenceRange, ...] = ()


class Observation(Resource, frozen=True):
    status: str = ""
    category: tuple[CodeableConcept, ...] | CodeableConcept | None = None
    code: CodeableConcept | None = None
    effective_date_time: str = ""
    effective_period: Period | None = None
    effective_instant: str = ""
    issued: str = ""
    value_quantity: Quantity | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: str = ""
    value_boolean: bool | None = None
    value_integer: int | None = None
    value_range: Range | None = None
    value_ratio: Ratio | None = None
    value_date_time: str = ""
    data_absent_reason: CodeableConcept | None = None
    interpretation: tuple[CodeableConcept, ...] | CodeableConcept | None = None
    reference_range: tuple[ReferenceRange, ...] = ()
    component: tuple[Value, ...] = ()


class Participant(Wire, frozen=True):
    """Who takes part: `actor` of Appointment, `individual` of Encounter, `member` of CareTeam."""

    actor: Reference | None = None
    individual: Reference | None = None
    member: Reference | None = None
    role: tuple[CodeableConcept, ...] | CodeableConcept | None = None
    period: Period | None = None


class Appointment(Resource, frozen=True):
    status: str = ""
    service_category: tuple[CodeableConcept, ...] | CodeableConcept | None = None
    service_type: tuple[CodeableConcept, ...] | CodeableConcept | None = None
    specialty: tuple[CodeableConcept, ...] | CodeableConcept | None = None
    appointment_type: CodeableConcept | None = None
    reason_code: tuple[CodeableConcept, ...] = ()
    reason: tuple[CodeableConcept, ...] = ()
    description: str = ""
    start: str = ""
    end: str = ""
    created: str = ""
    participant: tuple[Participant, ...] = ()


class Hospitalization(Wire, frozen=True):
    discharge_disposition: CodeableConcept | None = None


class Encounter(Resource, frozen=True):
    status: str = ""
    class_: Coding | None = None
    type: tuple[CodeableConcept, ...] = ()
    service_type: CodeableConcept | None = None
    reason_code: tuple[CodeableConcept, ...] = ()
    reason: tuple[CodeableConcept, ...] = ()
    period: Period | None = None
    participant: tuple[Participant, ...] = ()
    service_provider: Reference | None = None
    hospitalization: Hospitalization | None = None


class Condition(Resource, frozen=True):
    """STU3 writes clinicalStatus as a code, R4 as a concept; STU3 dates it `assertedDate`."""

    clinical_status: CodeableConcept | str | None = None
    verification_status: CodeableConcept | str | None = None
    code: CodeableConcept | None = None
    onset_date_time: str = ""
    onset_period: Period | None = None
    abatement_date_time: str = ""
    abatement_period: Period | None = None
    abatement_boolean: bool | None = None
    recorded_date: str = ""
    asserted_date: str = ""
    note: tuple[Annotation, ...] = ()


class Reaction(Wire, frozen=True):
    substance: CodeableConcept | None = None
    manifestation: tuple[CodeableConcept, ...] = ()
    description: str = ""


class AllergyIntolerance(Resource, frozen=True):
    clinical_status: CodeableConcept | str | None = None
    verification_status: CodeableConcept | str | None = None
    type: str = ""
    category: tuple[str, ...] | str = ()
    criticality: str = ""
    code: CodeableConcept | None = None
    onset_date_time: str = ""
    recorded_date: str = ""
    asserted_date: str = ""
    reaction: tuple[Reaction, ...] = ()


class CareTeam(Resource, frozen=True):
    status: str = ""
    name: str = ""
    period: Period | None = None
    participant: tuple[Participant, ...] = ()


class ActivityDetail(Wire, frozen=True):
    status: str = ""
    code: CodeableConcept | None = None
    description: str = ""


class Activity(Wire, frozen=True):
    reference: Reference | None = None
    detail: ActivityDetail | None = None


class CarePlan(Resource, frozen=True):
    status: str = ""
    title: str = ""
    description: str = ""
    category: tuple[CodeableConcept, ...] = ()
    created: str = ""
    period: Period | None = None
    activity: tuple[Activity, ...] = ()


class Link(Wire, frozen=True):
    other: Reference | None = None
    type: str = ""


class Patient(Resource, frozen=True):
    identifier: tuple[Identifier, ...] = ()
    active: bool = True
    name: tuple[HumanName, ...] = ()
    telecom: tuple[ContactPoint, ...] = ()
    gender: str = ""
    birth_date: str = ""
    deceased_boolean: bool | None = None
    deceased_date_time: str = ""
    address: tuple[Address, ...] = ()
    general_practitioner: tuple[Reference, ...] = ()
    link: tuple[Link, ...] = ()


class Practitioner(Resource, frozen=True):
    identifier: tuple[Identifier, ...] = ()
    name: tuple[HumanName, ...] | HumanName = ()


class PractitionerRole(Resource, frozen=True):
    identifier: tuple[Identifier, ...] = ()
    practitioner: Reference | None = None
    organization: Reference | None = None
    code: tuple[CodeableConcept, ...] = ()
    specialty: tuple[CodeableConcept, ...] = ()


class Organization(Resource, frozen=True):
    identifier: tuple[Identifier, ...] = ()
    name: str = ""
