"""Medication and the four resources that become lines of a list, in R4 and STU3 shapes."""

from __future__ import annotations

import msgspec

from service.normalize.wire.base import (
    CodeableConcept,
    Extension,
    Identifier,
    Period,
    PrimitiveExtension,
    Quantity,
    Reference,
    Resource,
    Wire,
)
from service.normalize.wire.dosage import AdministeredDosage, DosageInstruction


class MedicationIngredient(Wire, frozen=True):
    item_codeable_concept: CodeableConcept | None = None
    item_reference: Reference | None = None


class Medication(Resource, frozen=True):
    code: CodeableConcept | None = None
    form: CodeableConcept | None = None
    ingredient: tuple[MedicationIngredient, ...] = ()


class MedicationLine(Resource, frozen=True):
    """What the four kinds of line have in common."""

    identifier: tuple[Identifier, ...] | Identifier = ()
    extension: tuple[Extension, ...] = ()
    status: str = ""
    status_ext: PrimitiveExtension | None = msgspec.field(default=None, name="_status")
    category: tuple[CodeableConcept, ...] | CodeableConcept | None = None
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    reason_code: tuple[CodeableConcept, ...] = ()
    reason_reference: tuple[Reference, ...] = ()
    based_on: tuple[Reference, ...] = ()
    part_of: tuple[Reference, ...] = ()


class DispenseRequest(Wire, frozen=True):
    validity_period: Period | None = None
    quantity: Quantity | None = None
    expected_supply_duration: Quantity | None = None


class StuRequester(Wire, frozen=True):
    """STU3 requester: a backbone with `agent`; R4: a Reference. One struct reads both."""

    reference: str = ""
    display: str = ""
    identifier: Identifier | None = None
    agent: Reference | None = None


class MedicationRequest(MedicationLine, frozen=True):
    intent: str = ""
    do_not_perform: bool = False
    reported_boolean: bool = False
    reported_reference: Reference | None = None
    status_reason: CodeableConcept | None = None
    authored_on: str = ""
    requester: StuRequester | None = None
    prior_prescription: Reference | None = None
    dosage_instruction: tuple[DosageInstruction, ...] = ()
    dispense_request: DispenseRequest | None = None


class MedicationStatement(MedicationLine, frozen=True):
    """`taken` and `reasonNotTaken` are STU3; R4 says it in `status`."""

    status_reason: tuple[CodeableConcept, ...] = ()
    taken: str = ""
    reason_not_taken: tuple[CodeableConcept, ...] = ()
    effective_date_time: str = ""
    effective_period: Period | None = None
    date_asserted: str = ""
    information_source: Reference | None = None
    derived_from: tuple[Reference, ...] = ()
    dosage: tuple[DosageInstruction, ...] = ()


class Performer(Wire, frozen=True):
    actor: Reference | None = None


class MedicationDispense(MedicationLine, frozen=True):
    status_reason_codeable_concept: CodeableConcept | None = None
    not_done_reason_codeable_concept: CodeableConcept | None = None
    performer: tuple[Performer, ...] = ()
    authorizing_prescription: tuple[Reference, ...] = ()
    quantity: Quantity | None = None
    days_supply: Quantity | None = None
    when_prepared: str = ""
    when_handed_over: str = ""
    dosage_instruction: tuple[DosageInstruction, ...] = ()


class MedicationAdministration(MedicationLine, frozen=True):
    """STU3 calls the order `prescription` and has `notGiven`; R4 says `request` and `not-done`."""

    status_reason: tuple[CodeableConcept, ...] = ()
    reason_not_given: tuple[CodeableConcept, ...] = ()
    not_given: bool = False
    effective_date_time: str = ""
    effective_period: Period | None = None
    performer: tuple[Performer, ...] = ()
    request: Reference | None = None
    prescription: Reference | None = None
    dosage: AdministeredDosage | None = None
