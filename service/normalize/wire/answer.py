"""What shows that somebody answered a finding, or what the patient wants; R4 and STU3 shapes.

One struct per resource type, each with the elements from which an Answer is made.
"""

from __future__ import annotations

from service.normalize.wire.base import (
    Annotation,
    CodeableConcept,
    Coding,
    Period,
    Reference,
    Resource,
    Wire,
)


class Payload(Wire, frozen=True):
    content_string: str = ""
    content_reference: Reference | None = None


class Communication(Resource, frozen=True):
    status: str = ""
    category: tuple[CodeableConcept, ...] | CodeableConcept | None = None
    topic: tuple[CodeableConcept, ...] | CodeableConcept | None = None
    reason_code: tuple[CodeableConcept, ...] = ()
    about: tuple[Reference, ...] = ()
    based_on: tuple[Reference, ...] = ()
    reason_reference: tuple[Reference, ...] = ()
    sent: str = ""
    received: str = ""
    payload: tuple[Payload, ...] = ()


class Task(Resource, frozen=True):
    status: str = ""
    code: CodeableConcept | None = None
    description: str = ""
    focus: Reference | None = None
    based_on: tuple[Reference, ...] = ()
    reason_code: CodeableConcept | None = None
    reason_reference: Reference | None = None
    authored_on: str = ""
    last_modified: str = ""


class ServiceRequest(Resource, frozen=True):
    status: str = ""
    intent: str = ""
    code: CodeableConcept | None = None
    reason_code: tuple[CodeableConcept, ...] = ()
    reason_reference: tuple[Reference, ...] = ()
    based_on: tuple[Reference, ...] = ()
    authored_on: str = ""
    occurrence_date_time: str = ""
    occurrence_period: Period | None = None


class Goal(Resource, frozen=True):
    lifecycle_status: str = ""
    status: str = ""
    category: tuple[CodeableConcept, ...] = ()
    description: CodeableConcept | None = None
    addresses: tuple[Reference, ...] = ()
    start_date: str = ""
    status_date: str = ""
    note: tuple[Annotation, ...] = ()


class FamilyCondition(Wire, frozen=True):
    code: CodeableConcept | None = None


class FamilyMemberHistory(Resource, frozen=True):
    status: str = ""
    date: str = ""
    relationship: CodeableConcept | None = None
    condition: tuple[FamilyCondition, ...] = ()


class QuestionnaireAnswer(Wire, frozen=True):
    value_coding: Coding | None = None
    value_string: str = ""


class QuestionnaireItem(Wire, frozen=True):
    link_id: str = ""
    text: str = ""
    answer: tuple[QuestionnaireAnswer, ...] = ()
    item: tuple[QuestionnaireItem, ...] = ()


class QuestionnaireResponse(Resource, frozen=True):
    status: str = ""
    questionnaire: str | Reference = ""
    authored: str = ""
    based_on: tuple[Reference, ...] = ()
    item: tuple[QuestionnaireItem, ...] = ()


class Procedure(Resource, frozen=True):
    status: str = ""
    code: CodeableConcept | None = None
    performed_date_time: str = ""
    performed_period: Period | None = None
    reason_code: tuple[CodeableConcept, ...] = ()
    reason_reference: tuple[Reference, ...] = ()
    based_on: tuple[Reference, ...] = ()
    note: tuple[Annotation, ...] = ()


class Consent(Resource, frozen=True):
    status: str = ""
    scope: CodeableConcept | None = None
    category: tuple[CodeableConcept, ...] = ()
    date_time: str = ""


class DetectedIssue(Resource, frozen=True):
    status: str = ""
    code: CodeableConcept | None = None
    category: CodeableConcept | None = None
    detail: str = ""
    implicated: tuple[Reference, ...] = ()
    identified_date_time: str = ""
    date: str = ""


class ListEntry(Wire, frozen=True):
    item: Reference | None = None


class List(Resource, frozen=True):
    status: str = ""
    title: str = ""
    code: CodeableConcept | None = None
    date: str = ""
    entry: tuple[ListEntry, ...] = ()
