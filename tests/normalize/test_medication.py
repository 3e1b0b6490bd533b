"""The four kinds of line, in R4 and STU3 shapes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from service.model.medication import Kind
from tests.normalize.given import SERTRALINE_50, Json, entry, instruction, record, request

MEDICATION = {"resourceType": "Medication", "id": "m1", "code": SERTRALINE_50}


def by_reference(reference: str, **more: Any) -> Json:
    named = {"reference": reference, **more}
    return request(medicationCodeableConcept=None, medicationReference=named)


@pytest.mark.parametrize(
    "reference",
    [
        "Medication/m1",
        "https://ehr.example/fhir/r4/Medication/m1",
        "Medication/m1/_history/3",
        "urn:uuid:m1",
    ],
)
def test_a_drug_is_found_by_relative_absolute_versioned_and_uuid_reference(reference: str) -> None:
    found = entry(by_reference(reference), MEDICATION)
    assert [one.name for one in found.ingredients] == ["sertraline"]
    assert found.text == SERTRALINE_50["text"]


def test_a_contained_drug_is_found() -> None:
    contained = {**MEDICATION, "id": "inner"}
    found = entry({**by_reference("#inner"), "contained": [contained]})
    assert [one.name for one in found.ingredients] == ["sertraline"]


def test_an_orphan_reference_is_read_by_its_display_and_said() -> None:
    found = entry(by_reference("Medication/gone", display="sertraline 50 mg tablet"))
    assert [one.name for one in found.ingredients] == ["sertraline"]
    assert any("was not found" in problem for problem in found.problems)


def test_a_line_without_any_drug_is_kept_with_a_problem() -> None:
    found = entry(request(medicationCodeableConcept=None))
    assert found.ingredients == ()
    assert "no drug is named" in found.problems


def test_an_order_keeps_what_the_source_says() -> None:
    found = entry(
        request(
            category=[{"coding": [{"code": "community"}]}],
            requester={"reference": "Practitioner/d1"},
            reasonCode=[{"text": "depression"}],
            reasonReference=[{"reference": "Condition/c1", "display": "anxiety"}],
            identifier=[{"system": "urn:rx", "value": "77"}],
            basedOn=[{"reference": "https://ehr.example/fhir/CarePlan/p"}],
            priorPrescription={"identifier": {"system": "urn:rx", "value": "76"}},
            statusReason={"text": "renewed"},
            meta={"versionId": "4", "security": [{"code": "R"}]},
            dispenseRequest={
                "quantity": {"value": 30},
                "expectedSupplyDuration": {"value": 4, "unit": "weeks", "code": "wk"},
                "validityPeriod": {"end": "2026-12"},
            },
        ),
        {
            "resourceType": "Practitioner",
            "id": "d1",
            "name": [{"prefix": ["Dr"], "given": ["Ada"], "family": "Held"}],
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}],
        },
    )
    assert found.kind is Kind.REQUEST
    assert (found.origin.version, found.labels) == ("4", ("R",))
    assert found.category == ("community",)
    assert found.requester == "Dr Ada Held"
    assert found.requester_key == "http://hl7.org/fhir/sid/us-npi|1234567893"
    assert found.reasons == ("depression", "anxiety")
    assert found.identifiers == ("urn:rx|77",)
    assert found.links == ("CarePlan/p", "urn:rx|76")
    assert found.status_reason == "renewed"
    assert (found.quantity, found.days_supply) == (30, 28)
    assert found.valid_until == date(2026, 12, 31)
    assert found.end is None


def test_an_stu3_requester_is_its_agent() -> None:
    agent = {"reference": "Practitioner/d1", "display": "Dr Held"}
    found = entry(request(requester={"agent": agent}, category={"text": "outpatient"}))
    assert (found.requester, found.requester_key) == ("Dr Held", "Practitioner/d1")
    assert found.category == ("outpatient",)


def statement(**elements: Any) -> Json:
    return {
        "resourceType": "MedicationStatement",
        "id": "s1",
        "status": "active",
        "dateAsserted": "2026-02-01",
        "medicationCodeableConcept": SERTRALINE_50,
        **elements,
    }


@pytest.mark.parametrize(
    ("elements", "taken"),
    [
        ({"status": "not-taken"}, "not"),
        ({"taken": "n"}, "not"),
        ({"taken": "y"}, "taking"),
        ({"taken": "unk"}, ""),
        ({}, ""),
    ],
)
def test_a_statement_says_whether_the_drug_is_taken(elements: Json, taken: str) -> None:
    assert entry(statement(**elements)).taken == taken


@pytest.mark.parametrize(
    ("code", "taken"),
    [("1156699004", "taking"), ("715036001", "differently"), ("702565001", "not")],
)
def test_the_adherence_extension_says_how_it_is_taken(code: str, taken: str) -> None:
    coded = {"coding": [{"system": "http://snomed.info/sct", "code": code}]}
    extension = {
        "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-medication-adherence",
        "extension": [{"url": "medicationAdherence", "valueCodeableConcept": coded}],
    }
    assert entry(request(extension=[extension])).taken == taken


def test_a_statement_keeps_period_source_and_stop() -> None:
    found = entry(
        statement(
            status="stopped",
            effectivePeriod={"start": "2025-05", "end": "2026-01"},
            informationSource={"reference": "Patient/p1", "display": "the patient"},
            derivedFrom=[{"reference": "MedicationRequest/r1"}],
        )
    )
    assert found.reported
    assert (found.start, found.end) == (date(2025, 5, 1), date(2026, 1, 31))
    assert found.stopped_on == date(2026, 1, 31)
    assert found.requester == "the patient"
    assert found.links == ("MedicationRequest/r1",)


def dispense(**elements: Any) -> Json:
    return {
        "resourceType": "MedicationDispense",
        "id": "d1",
        "status": "completed",
        "medicationCodeableConcept": SERTRALINE_50,
        "whenPrepared": "2026-02-09",
        "whenHandedOver": "2026-02-10",
        "quantity": {"value": 60, "unit": "TAB"},
        "daysSupply": {"value": 30, "unit": "days", "code": "d"},
        **elements,
    }


def test_a_supply_without_a_dosage_tells_the_dose_by_its_length() -> None:
    found = entry(
        dispense(
            authorizingPrescription=[{"reference": "MedicationRequest/r1"}],
            performer=[{"actor": {"display": "Corner Pharmacy"}}],
        )
    )
    assert found.daily_doses[0].value == 100
    assert "supplied for 30 days" in found.daily_doses[0].working
    assert found.supplied_on == date(2026, 2, 10)
    assert found.end is None
    assert found.links == ("MedicationRequest/r1",)
    assert found.dispenser == "Corner Pharmacy"


def test_a_supply_with_a_dosage_goes_by_it() -> None:
    found = entry(dispense(dosageInstruction=[instruction(1, frequency=1)]))
    assert found.daily_doses[0].value == 50


def test_a_supply_as_needed_gives_no_dose_by_its_length() -> None:
    found = entry(dispense(dosageInstruction=[{"text": "1 tab qid prn"}]))
    assert found.daily_doses[0].value is None


def test_an_administration_is_a_day_and_for_a_depot_a_dose() -> None:
    depot = {
        "coding": [
            {
                "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
                "code": "858048",
                "display": "0.5 ML paliperidone palmitate 156 MG/ML Prefilled Syringe",
            }
        ]
    }
    given = {
        "resourceType": "MedicationAdministration",
        "id": "a1",
        "status": "completed",
        "effectiveDateTime": "2026-02-20T10:00:00+01:00",
        "medicationCodeableConcept": depot,
        "dosage": {"dose": {"value": 78, "unit": "mg"}},
        "request": {"reference": "MedicationRequest/r1"},
    }
    found = entry(given)
    assert found.start == found.supplied_on == date(2026, 2, 20)
    assert [dose.value for dose in found.daily_doses] == [78]
    assert found.links == ("MedicationRequest/r1",)
    oral = {**given, "medicationCodeableConcept": SERTRALINE_50}
    assert entry(oral).daily_doses == ()


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"status": "entered-in-error"}, "entered in error"),
        ({"doNotPerform": True}, "doNotPerform"),
    ],
)
def test_what_is_no_line_is_excluded_with_its_reason(elements: Json, reason: str) -> None:
    found = record(request(**elements))
    assert found.entries == ()
    assert found.excluded == ("MedicationRequest/r1",)
    assert any(reason in problem.what for problem in found.problems)


@pytest.mark.parametrize(
    "elements",
    [
        {"modifierExtension": [{"url": "http://ehr.example/not-really", "valueBoolean": True}]},
        {"implicitRules": "http://ehr.example/rules"},
        {
            "status": None,
            "_status": {
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                        "valueCode": "unknown",
                    }
                ]
            },
        },
        {"status": None},
    ],
)
def test_a_line_whose_state_cannot_be_trusted_is_kept_as_unknown(elements: Json) -> None:
    found = entry(request(**elements))
    assert found.status == "unknown"
    assert any("unknown" in problem for problem in found.problems)


def test_a_wrong_element_costs_that_element_only() -> None:
    found = record(request(authoredOn=20260110, dosageInstruction=[instruction(1, frequency=1)]))
    assert found.entries[0].daily_doses[0].value == 50
    assert any(problem.what.startswith("authoredOn left out") for problem in found.problems)


def test_an_impossible_date_is_a_problem() -> None:
    found = record(request(authoredOn="2026-02-30"))
    assert found.entries[0].authored is None
    assert any("'2026-02-30' is no date" in problem.what for problem in found.problems)


SUPPLY_OF_30_DAYS = {
    "quantity": {"value": 60, "unit": "tablet"},
    "expectedSupplyDuration": {"value": 30, "unit": "days", "code": "d"},
}


def test_an_order_without_directions_tells_the_dose_by_its_own_quantity_and_length() -> None:
    found = entry(request(dosageInstruction=None, dispenseRequest=SUPPLY_OF_30_DAYS))
    (dose,) = found.daily_doses
    assert (dose.value, dose.unit) == (100, "mg")
    assert dose.working.startswith("60 ordered for 30 days")


def test_an_order_with_directions_that_were_not_read_takes_no_dose_from_its_length() -> None:
    unread = [{"text": "taper as told by the clinic"}]
    found = entry(request(dosageInstruction=unread, dispenseRequest=SUPPLY_OF_30_DAYS))
    assert found.daily_doses == ()
