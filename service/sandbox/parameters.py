"""The search parameters of FHIR R4 that the sandbox knows, per resource type.

Source: FHIR R4 (4.0.1), search parameter registry. Each line is `name` or `name=path|path`; the
path defaults to the name. Paths are element names joined by dots, lists are looked through.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

_COMMON = {
    "token": "_id=id _tag=meta.tag _security=meta.security",
    "date": "_lastUpdated=meta.lastUpdated",
}
_PERSON = {
    "token": "identifier active gender telecom phone=telecom email=telecom",
    "string": "family=name.family given=name.given name address "
    "address-postalcode=address.postalCode",
}
_OF_PATIENT = "patient=subject subject encounter"

_TABLE: dict[str, dict[str, str]] = {
    "Patient": {
        "token": _PERSON["token"] + " deceased=deceasedBoolean",
        "string": _PERSON["string"],
        "date": "birthdate=birthDate death-date=deceasedDateTime",
        "reference": "general-practitioner=generalPractitioner organization=managingOrganization "
        "link=link.other",
    },
    "Practitioner": _PERSON,
    "RelatedPerson": {
        "token": _PERSON["token"] + " relationship",
        "string": _PERSON["string"],
        "reference": "patient",
    },
    "PractitionerRole": {
        "token": "identifier active role=code specialty",
        "reference": "practitioner organization location",
    },
    "Organization": {
        "token": "identifier active type",
        "string": "name",
        "reference": "partof=partOf",
    },
    "Location": {
        "token": "identifier status type",
        "string": "name",
        "reference": "organization=managingOrganization",
    },
    "Subscription": {
        "token": "status type=channel.type",
        "string": "criteria",
        "uri": "url=channel.endpoint",
    },
    "Device": {"token": "identifier status type", "reference": "patient"},
    "MedicationRequest": {
        "token": "identifier status intent priority category code=medicationCodeableConcept",
        "reference": _OF_PATIENT + " requester medication=medicationReference "
        "intended-performer=performer",
        "date": "authoredon=authoredOn date=dosageInstruction.timing",
    },
    "MedicationStatement": {
        "token": "identifier status category code=medicationCodeableConcept",
        "reference": "patient=subject subject context medication=medicationReference "
        "source=informationSource part-of=partOf",
        "date": "effective=effectiveDateTime|effectivePeriod",
    },
    "MedicationDispense": {
        "token": "identifier status type code=medicationCodeableConcept",
        "reference": "patient=subject subject context medication=medicationReference "
        "performer=performer.actor prescription=authorizingPrescription receiver destination",
        "date": "whenhandedover=whenHandedOver whenprepared=whenPrepared",
    },
    "MedicationAdministration": {
        "token": "identifier status code=medicationCodeableConcept reason-given=reasonCode",
        "reference": "patient=subject subject context medication=medicationReference "
        "performer=performer.actor request device",
        "date": "effective-time=effectiveDateTime|effectivePeriod",
    },
    "Medication": {
        "token": "identifier status code form ingredient-code=ingredient.itemCodeableConcept",
        "reference": "ingredient=ingredient.itemReference manufacturer",
    },
    "Observation": {
        "token": "identifier status category code combo-code=code|component.code "
        "component-code=component.code value-concept=valueCodeableConcept",
        "reference": _OF_PATIENT + " performer based-on=basedOn",
        "date": "date=effectiveDateTime|effectivePeriod|effectiveInstant",
    },
    "DiagnosticReport": {
        "token": "identifier status category code",
        "reference": _OF_PATIENT + " performer result based-on=basedOn",
        "date": "date=effectiveDateTime|effectivePeriod issued",
    },
    "Appointment": {
        "token": "identifier status service-category=serviceCategory service-type=serviceType "
        "specialty appointment-type=appointmentType reason-code=reasonCode",
        "reference": "actor=participant.actor patient=participant.actor "
        "practitioner=participant.actor location=participant.actor based-on=basedOn slot",
        "date": "date=start",
    },
    "Encounter": {
        "token": "identifier status class type reason-code=reasonCode",
        "reference": "patient=subject subject appointment participant=participant.individual "
        "service-provider=serviceProvider based-on=basedOn",
        "date": "date=period",
    },
    "Condition": {
        "token": "identifier clinical-status=clinicalStatus verification-status=verificationStatus "
        "category code severity",
        "reference": _OF_PATIENT + " asserter",
        "date": "onset-date=onsetDateTime|onsetPeriod recorded-date=recordedDate "
        "abatement-date=abatementDateTime|abatementPeriod",
    },
    "AllergyIntolerance": {
        "token": "identifier clinical-status=clinicalStatus verification-status=verificationStatus "
        "type category criticality code=code|reaction.substance",
        "reference": "patient asserter recorder",
        "date": "date=recordedDate onset=reaction.onset last-date=lastOccurrence",
    },
    "CareTeam": {
        "token": "identifier status category",
        "reference": _OF_PATIENT + " participant=participant.member",
        "date": "date=period",
    },
    "CarePlan": {
        "token": "identifier status intent category activity-code=activity.detail.code",
        "reference": _OF_PATIENT + " activity-reference=activity.reference care-team=careTeam "
        "condition=addresses goal based-on=basedOn part-of=partOf replaces",
        "date": "date=period",
    },
    "Communication": {
        "token": "identifier status category medium",
        "reference": _OF_PATIENT + " recipient sender based-on=basedOn part-of=partOf",
        "date": "sent received",
    },
    "CommunicationRequest": {
        "token": "identifier status category priority medium",
        "reference": _OF_PATIENT + " recipient sender requester based-on=basedOn",
        "date": "authored=authoredOn",
    },
    "Task": {
        "token": "identifier status intent code priority business-status=businessStatus "
        "group-identifier=groupIdentifier performer=performerType",
        "reference": "patient=for subject=for encounter focus owner requester based-on=basedOn "
        "part-of=partOf",
        "date": "authored-on=authoredOn modified=lastModified period=executionPeriod",
    },
    "ServiceRequest": {
        "token": "identifier status intent category code priority",
        "reference": _OF_PATIENT + " requester performer based-on=basedOn replaces",
        "date": "authored=authoredOn occurrence=occurrenceDateTime|occurrencePeriod",
    },
    "Goal": {
        "token": "identifier lifecycle-status=lifecycleStatus category "
        "achievement-status=achievementStatus",
        "reference": "patient=subject subject",
        "date": "start-date=startDate target-date=target.dueDate",
    },
    "FamilyMemberHistory": {
        "token": "identifier status code=condition.code relationship sex",
        "reference": "patient",
        "date": "date",
    },
    "QuestionnaireResponse": {
        "token": "identifier status",
        "reference": _OF_PATIENT + " author source based-on=basedOn part-of=partOf",
        "date": "authored",
        "uri": "questionnaire",
    },
    "Procedure": {
        "token": "identifier status category code reason-code=reasonCode",
        "reference": _OF_PATIENT + " performer=performer.actor based-on=basedOn part-of=partOf",
        "date": "date=performedDateTime|performedPeriod",
    },
    "Consent": {
        "token": "identifier status category scope action=provision.action "
        "security-label=provision.securityLabel",
        "reference": "patient consentor=performer organization actor=provision.actor.reference",
        "date": "date=dateTime period=provision.period",
    },
    "Immunization": {
        "token": "identifier status vaccine-code=vaccineCode",
        "reference": "patient performer=performer.actor",
        "date": "date=occurrenceDateTime",
    },
    "DocumentReference": {
        "token": "identifier status type category security-label=securityLabel",
        "reference": "patient=subject subject author encounter=context.encounter custodian",
        "date": "date period=context.period",
    },
    "List": {
        "token": "identifier status code empty-reason=emptyReason",
        "reference": _OF_PATIENT + " item=entry.item source",
        "date": "date",
        "string": "title",
    },
    "DetectedIssue": {
        "token": "identifier code",
        "reference": "patient author implicated",
        "date": "identified=identifiedDateTime|identifiedPeriod",
    },
    "Flag": {
        "token": "identifier",
        "reference": _OF_PATIENT + " author",
        "date": "date=period",
    },
    "Provenance": {
        "token": "agent-type=agent.type agent-role=agent.role",
        "reference": "patient=target target agent=agent.who entity=entity.what location",
        "date": "recorded when=occurredDateTime",
    },
    "AuditEvent": {
        "token": "type subtype action outcome",
        "reference": "patient=agent.who|entity.what agent=agent.who entity=entity.what",
        "date": "date=recorded",
    },
    "Coverage": {
        "token": "identifier status type",
        "reference": "patient=beneficiary beneficiary payor",
    },
    "Group": {
        "token": "identifier actual type code",
        "reference": "member=member.entity managing-entity=managingEntity",
    },
}

RESOURCE_TYPES = tuple(_TABLE)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter: its type (token, reference, date, string, uri) and where it looks."""

    name: str
    kind: str
    paths: tuple[str, ...]


@cache
def parameters(type_: str) -> dict[str, Parameter]:
    """The search parameters of a resource type by name, those of every resource included."""
    found: dict[str, Parameter] = {}
    for table in (_COMMON, _TABLE.get(type_, {})):
        for kind, words in table.items():
            for word in words.split():
                name, _, path = word.partition("=")
                found[name] = Parameter(name, kind, tuple((path or name).split("|")))
    return found
