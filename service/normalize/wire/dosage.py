"""Dosage and Timing, as R4 and STU3 write them (STU3: doseQuantity beside, not in, doseAndRate)."""

from __future__ import annotations

from decimal import Decimal

from service.normalize.wire.base import (
    CodeableConcept,
    Period,
    Quantity,
    Range,
    Ratio,
    Wire,
    check_numbers,
)


class Repeat(Wire, frozen=True):
    """Timing.repeat. DSTU2 writes `periodUnits` for `periodUnit`; aggregators pass it through."""

    bounds_duration: Quantity | None = None
    bounds_range: Range | None = None
    bounds_period: Period | None = None
    count: Decimal | None = None
    frequency: Decimal | None = None
    frequency_max: Decimal | None = None
    period: Decimal | None = None
    period_max: Decimal | None = None
    period_unit: str = ""
    period_units: str = ""
    day_of_week: tuple[str, ...] = ()
    time_of_day: tuple[str, ...] = ()
    when: tuple[str, ...] | str = ()

    def __post_init__(self) -> None:
        check_numbers(self.count, self.frequency, self.frequency_max, self.period, self.period_max)


class Timing(Wire, frozen=True):
    event: tuple[str, ...] = ()
    repeat: Repeat | None = None
    code: CodeableConcept | None = None


class DoseAndRate(Wire, frozen=True):
    type: CodeableConcept | None = None
    dose_quantity: Quantity | None = None
    dose_range: Range | None = None
    rate_quantity: Quantity | None = None
    rate_range: Range | None = None
    rate_ratio: Ratio | None = None


class DosageInstruction(Wire, frozen=True):
    sequence: int | None = None
    text: str = ""
    patient_instruction: str = ""
    additional_instruction: tuple[CodeableConcept, ...] = ()
    timing: Timing | None = None
    as_needed_boolean: bool | None = None
    as_needed_codeable_concept: CodeableConcept | None = None
    route: CodeableConcept | None = None
    dose_and_rate: tuple[DoseAndRate, ...] = ()
    dose_quantity: Quantity | None = None
    dose_range: Range | None = None
    rate_quantity: Quantity | None = None
    rate_range: Range | None = None
    rate_ratio: Ratio | None = None
    max_dose_per_period: Ratio | None = None


class AdministeredDosage(Wire, frozen=True):
    """MedicationAdministration.dosage: one dose that was given."""

    text: str = ""
    route: CodeableConcept | None = None
    dose: Quantity | None = None
    rate_quantity: Quantity | None = None
    rate_ratio: Ratio | None = None
