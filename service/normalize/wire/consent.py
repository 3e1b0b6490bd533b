"""Consent with its provisions. Source: HL7 FHIR R4 (4.0.1), Consent."""

from __future__ import annotations

import msgspec

from service.normalize.wire.base import (
    CodeableConcept,
    Coding,
    Extension,
    Period,
    Reference,
    Resource,
    Wire,
)


class Actor(Wire, frozen=True):
    role: CodeableConcept | None = None
    reference: Reference | None = None


class Data(Wire, frozen=True):
    meaning: str = ""
    reference: Reference | None = None


class Provision(Wire, frozen=True):
    modifier_extension: tuple[Extension, ...] = ()
    type: str = ""
    period: Period | None = None
    actor: tuple[Actor, ...] = ()
    action: tuple[CodeableConcept, ...] = ()
    security_label: tuple[Coding, ...] = ()
    purpose: tuple[Coding, ...] = ()
    class_: tuple[Coding, ...] = ()
    code: tuple[CodeableConcept, ...] = ()
    data_period: Period | None = None
    data: tuple[Data, ...] = ()
    provision: tuple[Provision, ...] = ()


class Consent(Resource, frozen=True):
    """`except_` is the STU3 shape of the rules: seen, not read."""

    status: str = ""
    scope: CodeableConcept | None = None
    policy_rule: CodeableConcept | None = None
    provision: Provision | None = None
    except_: tuple[msgspec.Raw, ...] = ()
