"""The codes and systems of everything that Concord writes: a code never stands without its name.

Sources: HL7 v3-ActCode (terminology.hl7.org 11.0.0), LOINC 2.80 part HL7.SMP, SNOMED CT
International, US Core 6.1.0, the Standardized Medication Profile ballot 1.0.0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from service.model.identity import OUR_IDENTIFIERS


class Code(NamedTuple):
    """One code with its system and its name there."""

    system: str
    code: str
    display: str

    def coding(self) -> dict[str, str]:
        return {"system": self.system, "code": self.code, "display": self.display}


ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
DATA_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
ADHERENCE = "http://hl7.org/fhir/5.0/StructureDefinition/extension-MedicationStatement.adherence"
UCUM = "http://unitsofmeasure.org"
URI = "urn:ietf:rfc:3986"

IDENTIFIER_SYSTEM = OUR_IDENTIFIERS
"""Identifiers of everything that Concord writes; the value is a keyed hash."""
PERSON_SYSTEM = "urn:uuid:1f5c2a3e-7b6d-5a41-8f2e-0f9f4c6d7a21"
"""Ids of the people who sign in here."""
ORGANIZATION_SYSTEM = "urn:uuid:2a9e6b14-3f0c-5c77-b6d1-5e8a7c9b0d32"
DEVICE_SYSTEM = "urn:uuid:3b8d7c25-4e1f-5d88-a7e2-6f9b8dac1e43"
FINDING_SYSTEM = "urn:uuid:4c7e8d36-5d2a-5e99-98f3-70ac9ebd2f54"
"""Types of the catalogue of findings."""
REASON_SYSTEM = "urn:uuid:5d6f9e47-6c3b-5faa-8904-81bdafce3065"
"""Coded reasons for setting a finding aside."""
TAG_SYSTEM = "urn:uuid:6e50af58-7b4c-50bb-9a15-92cec0df4176"
AXIS_SYSTEM = "urn:uuid:7f41c069-8c5d-51cc-ab26-a3dfd1e05287"
"""Whether a discrepancy was judged as meant."""
ACTION_SYSTEM = "urn:uuid:80520d7a-9d6e-52dd-bc37-b4e0e2f16398"
"""Acts of the audit trail that are no requests to a server."""
PATIENT_SYSTEM = "urn:uuid:91631e8b-ae7f-53ee-8d48-c5f1f3027409"
"""Patients by our own opaque ids."""
FCT_SYSTEM = "https://hl7.fr/ig/fhir/medication/CodeSystem/fr-medication-reconciliation-"
"""HL7 France, medication guide 0.1.0 (draft of 2026-01-20): stem of its reconciliation codes."""

SIGNED = Code(TAG_SYSTEM, "signed", "signed by a person in Concord")
DRAFT = Code(TAG_SYSTEM, "draft", "made by software, not signed")
INCOMPLETE = Code(TAG_SYSTEM, "incomplete", "not every source was complete")
WITHHELD = Code(TAG_SYSTEM, "withheld", "something was withheld from this recipient")

RECONCILED_LIST = Code(
    LOINC, "104203-5", "Reconciled medication list [Identifier] Episode Pharmacy"
)
MANAGEMENT_PLAN = Code(SNOMED, "736378000", "Medication management plan")
RECONCILIATION = Code(SNOMED, "430193006", "Medication reconciliation")
ASSESS_PLAN = Code(
    "http://hl7.org/fhir/us/core/CodeSystem/careplan-category",
    "assess-plan",
    "Assessment and Plan of Treatment",
)

DRUG_FLAG = Code("http://terminology.hl7.org/CodeSystem/flag-category", "drug", "Drug")
AUTHOR = Code(PARTICIPANT, "author", "Author")
VERIFIER = Code(PARTICIPANT, "verifier", "Verifier")
ASSEMBLER = Code(PARTICIPANT, "assembler", "Assembler")
NOTIFICATION = Code(
    "http://terminology.hl7.org/CodeSystem/communication-category", "notification", "Notification"
)
MEDICATION_RECORDED = Code("http://www.ama-assn.org/go/cpt", "1111F", "1111F")
"""CPT II, named by its code alone: its words are the American Medical Association's."""

TAKEN_AS = {
    "taking": Code(SNOMED, "1156699004", "Complies with drug therapy"),
    "differently": Code(SNOMED, "702565001", "Non-compliance of drug therapy"),
    "not": Code(SNOMED, "715036001", "Does not take medication"),
}

ACT_CODES = {
    "ALGY": "Allergy Alert",
    "COMPLY": "Compliance Alert",
    "COND": "Condition Alert",
    "DOSE": "Dosage problem",
    "DOSECOND": "dosage-condition alert",
    "DOSEDURH": "Dose-Duration High Alert",
    "DOSEH": "High Dose Alert",
    "DOSEHINDA": "High Dose for Age Alert",
    "DOSEIVL": "Dose-Interval Alert",
    "DOSEL": "Low Dose Alert",
    "DRG": "Drug Interaction Alert",
    "DUPTHPCLS": "duplicate therapeutic alass alert",
    "DUPTHPGEN": "duplicate generic alert",
    "DUPTHPY": "Duplicate Therapy Alert",
    "GEALRT": "geriatric alert",
    "GEN": "Genetic Alert",
    "HELD": "held/suspended alert",
    "HISTORIC": "record recorded as historical",
    "INT": "Intolerance Alert",
    "INTERVAL": "outside requested time",
    "LAB": "Lab Alert",
    "LACT": "Lactation Alert",
    "MDOSE": "maximum dosage reached",
    "NHP": "Natural Health Product Alert",
    "NONRX": "Non-Prescription Interaction Alert",
    "NOTACTN": "no longer actionable",
    "NOTEQUIV": "not equivalent alert",
    "NOTEQUIVGEN": "not generically equivalent alert",
    "PATPREF": "violates stated preferences",
    "PEALRT": "pediatric alert",
    "PLYDOC": "Poly-orderer Alert",
    "PLYPHRM": "Poly-supplier Alert",
    "PREG": "Pregnancy Alert",
    "PREVINEF": "previously ineffective",
    "RALG": "Related Allergy Alert",
    "TIME": "timing detected issue",
    "TOOLATE": "Refill Too Late Alert",
    "TOOSOON": "Refill Too Soon Alert",
}
"""ActDetectedIssueCode, as the catalogue of findings uses it; the spelling is HL7's own."""


def concept(*codes: Code, text: str = "") -> dict[str, Any]:
    """A CodeableConcept of these codes, or of words alone."""
    found: dict[str, Any] = {}
    if codes:
        found["coding"] = [code.coding() for code in codes]
    if text:
        found["text"] = text
    return found
