"""Medication and the four resources that become lines of a list, in R4 and STU3 shapes.

What a line says of drug, directions and supply stays the bytes that it came as: most lines repeat
what was read before, and those bytes are then not even decoded (see `normalize.content`). The types
that they are read as stand in `PARTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

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

ABSENT = msgspec.Raw()
"""Stands for a part that the resource does not have."""

Directions = tuple[DosageInstruction, ...]
Concepts = tuple[CodeableConcept, ...] | CodeableConcept
"""One or several: releases differ in whether `category` repeats."""


class MedicationIngredient(Wire, frozen=True):
    item_codeable_concept: CodeableConcept | None = None
    item_reference: Reference | None = None


class Medication(Resource, frozen=True):
    code: CodeableConcept | None = None
    form: CodeableConcept | None = None
    ingredient: tuple[MedicationIngredient, ...] = ()


class MedicationLine(Resource, frozen=True):
    """What the four kinds of line have in common.

    `PARTS` has the type of each element that is kept as bytes, by its name on the wire.
    """

    PARTS: ClassVar[Mapping[str, Any]] = {
        "medicationCodeableConcept": CodeableConcept,
        "category": Concepts,
        "reasonCode": Concepts,
    }

    identifier: tuple[Identifier, ...] | Identifier = ()
    extension: tuple[Extension, ...] = ()
    status: str = ""
    status_ext: PrimitiveExtension | None = msgspec.field(default=None, name="_status")
    category: msgspec.Raw = ABSENT
    medication_codeable_concept: msgspec.Raw = ABSENT
    medication_reference: Reference | None = None
    reason_code: msgspec.Raw = ABSENT
    reason_reference: tuple[Reference, ...] = ()
    based_on: tuple[Reference, ...] = ()
    part_of: tuple[Reference, ...] = ()


class DispenseRequest(Wire, frozen=True):
    validity_period: Period | None = None
    quantity: Quantity | None = None
    expected_supply_duration: Quantity | None = None


class StuRequester(Reference, frozen=True):
    """STU3 requester: a backbone with `agent`; R4: a Reference. One struct reads both."""

    agent: Reference | None = None


class MedicationRequest(MedicationLine, frozen=True):
    PARTS: ClassVar[Mapping[str, Any]] = {
        **MedicationLine.PARTS,
        "dosageInstruction": Directions,
        "dispenseRequest": DispenseRequest,
    }

    intent: str = ""
    do_not_perform: bool = False
    reported_boolean: bool = False
    reported_reference: Reference | None = None
    status_reason: CodeableConcept | None = None
    authored_on: str = ""
    requester: StuRequester | None = None
    prior_prescription: Reference | None = None
    dosage_instruction: msgspec.Raw = ABSENT
    dispense_request: msgspec.Raw = ABSENT


class MedicationStatement(MedicationLine, frozen=True):
    """`taken` and `reasonNotTaken` are STU3; R4 says it in `status`."""

    PARTS: ClassVar[Mapping[str, Any]] = {**MedicationLine.PARTS, "dosage": Directions}

    status_reason: tuple[CodeableConcept, ...] = ()
    taken: str = ""
    reason_not_taken: tuple[CodeableConcept, ...] = ()
    effective_date_time: str = ""
    effective_period: Period | None = None
    date_asserted: str = ""
    information_source: Reference | None = None
    derived_from: tuple[Reference, ...] = ()
    dosage: msgspec.Raw = ABSENT


class Performer(Wire, frozen=True):
    actor: Reference | None = None


class MedicationDispense(MedicationLine, frozen=True):
    PARTS: ClassVar[Mapping[str, Any]] = {
        **MedicationLine.PARTS,
        "dosageInstruction": Directions,
        "quantity": Quantity,
        "daysSupply": Quantity,
    }

    status_reason_codeable_concept: CodeableConcept | None = None
    not_done_reason_codeable_concept: CodeableConcept | None = None
    performer: tuple[Performer, ...] = ()
    authorizing_prescription: tuple[Reference, ...] = ()
    quantity: msgspec.Raw = ABSENT
    days_supply: msgspec.Raw = ABSENT
    when_prepared: str = ""
    when_handed_over: str = ""
    dosage_instruction: msgspec.Raw = ABSENT


class MedicationAdministration(MedicationLine, frozen=True):
    """STU3 calls the order `prescription` and has `notGiven`; R4 says `request` and `not-done`."""

    PARTS: ClassVar[Mapping[str, Any]] = {**MedicationLine.PARTS, "dosage": AdministeredDosage}

    status_reason: tuple[CodeableConcept, ...] = ()
    reason_not_given: tuple[CodeableConcept, ...] = ()
    not_given: bool = False
    effective_date_time: str = ""
    effective_period: Period | None = None
    performer: tuple[Performer, ...] = ()
    request: Reference | None = None
    prescription: Reference | None = None
    dosage: msgspec.Raw = ABSENT
