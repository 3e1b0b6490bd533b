"""What shows that somebody answered a finding or what the patient wants, each as one Answer.

Source: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2): Communication, Task, ServiceRequest, Goal,
FamilyMemberHistory, QuestionnaireResponse, Procedure, Consent, DetectedIssue, List.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from service.model.clinical import Answer
from service.model.evidence import Origin
from service.normalize.concept import labels, text_of, texts, with_text
from service.normalize.context import Context, Notes
from service.normalize.dates import first_day
from service.normalize.wire import answer as wire
from service.normalize.wire import base


@dataclass(frozen=True, slots=True)
class _Told:
    """What an answer is made of: status, date as written, concepts, text, and what it is about."""

    status: str
    when: str
    concepts: tuple[base.CodeableConcept | None, ...] = ()
    text: str = ""
    about: tuple[base.Reference | None, ...] = ()
    codings: tuple[base.Coding, ...] = ()


def answered_on(found: base.Resource) -> date | None:
    return first_day(ANSWERS[type(found)](found).when)


def answer(
    origin: Origin,
    found: base.Resource,
    context: Context,
    notes: Notes,
) -> Answer:
    """One resource as an answer."""
    told = ANSWERS[type(found)](found)
    concepts = (*told.concepts, base.CodeableConcept(coding=told.codings))
    return Answer(
        origin=origin,
        type=found.resource_type,
        status=told.status,
        when=notes.first_day(told.when, "date"),
        codings=with_text(*concepts),
        text=told.text or text_of(next((one for one in told.concepts if one is not None), None)),
        about=tuple(dict.fromkeys(filter(None, map(context.key_of, told.about)))),
        labels=labels(found),
    )


def communication(found: wire.Communication) -> _Told:
    payload = found.payload
    return _Told(
        status=found.status,
        when=found.sent or found.received,
        concepts=(*base.several(found.category), *base.several(found.topic), *found.reason_code),
        text=_joined(one.content_string for one in payload),
        about=(
            *found.about,
            *found.based_on,
            *found.reason_reference,
            *(one.content_reference for one in payload),
        ),
    )


def task(found: wire.Task) -> _Told:
    return _Told(
        status=found.status,
        when=found.authored_on or found.last_modified,
        concepts=(found.code, found.reason_code),
        text=found.description,
        about=(found.focus, *found.based_on, found.reason_reference),
    )


def service_request(found: wire.ServiceRequest) -> _Told:
    period = found.occurrence_period
    return _Told(
        status=found.status,
        when=found.authored_on or found.occurrence_date_time or (period.start if period else ""),
        concepts=(found.code, *found.reason_code),
        about=(*found.reason_reference, *found.based_on),
    )


def goal(found: wire.Goal) -> _Told:
    return _Told(
        status=found.lifecycle_status or found.status,
        when=found.status_date or found.start_date,
        concepts=(found.description, *found.category),
        text=_joined([text_of(found.description), *(note.text for note in found.note)]),
        about=found.addresses,
    )


def family_member_history(found: wire.FamilyMemberHistory) -> _Told:
    conditions = tuple(one.code for one in found.condition)
    said = ", ".join(texts(one for one in conditions if one is not None))
    return _Told(
        status=found.status,
        when=found.date,
        concepts=conditions,
        text=": ".join(filter(None, (text_of(found.relationship), said))),
    )


def questionnaire_response(found: wire.QuestionnaireResponse) -> _Told:
    """The questionnaire's name as text, with every coded answer; free answers as text."""
    canonical = found.questionnaire
    name = canonical if isinstance(canonical, str) else canonical.reference or canonical.display
    answers = list(_answers(found.item))
    return _Told(
        status=found.status,
        when=found.authored,
        text=_joined([name, *(one.value_string for one in answers)]),
        about=found.based_on,
        codings=tuple(one.value_coding for one in answers if one.value_coding is not None),
    )


def procedure(found: wire.Procedure) -> _Told:
    period = found.performed_period
    return _Told(
        status=found.status,
        when=found.performed_date_time or (period.start if period else ""),
        concepts=(found.code, *found.reason_code),
        text=_joined([text_of(found.code), *(note.text for note in found.note)]),
        about=(*found.reason_reference, *found.based_on),
    )


def consent(found: wire.Consent) -> _Told:
    return _Told(status=found.status, when=found.date_time, concepts=(*found.category, found.scope))


def detected_issue(found: wire.DetectedIssue) -> _Told:
    return _Told(
        status=found.status,
        when=found.identified_date_time or found.date,
        concepts=(found.code or found.category,),
        text=found.detail,
        about=found.implicated,
    )


def medication_list(found: wire.List) -> _Told:
    return _Told(
        status=found.status,
        when=found.date,
        concepts=(found.code,),
        text=found.title,
        about=tuple(one.item for one in found.entry),
    )


ANSWERS: Mapping[type[base.Resource], Callable[..., _Told]] = {
    wire.Communication: communication,
    wire.Task: task,
    wire.ServiceRequest: service_request,
    wire.Goal: goal,
    wire.FamilyMemberHistory: family_member_history,
    wire.QuestionnaireResponse: questionnaire_response,
    wire.Procedure: procedure,
    wire.Consent: consent,
    wire.DetectedIssue: detected_issue,
    wire.List: medication_list,
}
"""How each resource type becomes an answer."""


def _answers(items: Iterable[wire.QuestionnaireItem]) -> Iterable[wire.QuestionnaireAnswer]:
    """Every answer, with those of nested items."""
    waiting = list(reversed(list(items)))
    while waiting:
        item = waiting.pop()
        yield from item.answer
        waiting.extend(reversed(item.item))


def _joined(texts_found: Iterable[str]) -> str:
    return "; ".join(filter(None, texts_found))
