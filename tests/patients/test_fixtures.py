"""The golden patients are sound themselves: references, ids, codes, dates, and nobody real."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.patients.golden import AS_OF, ROOT, GoldenPatient, documents, files, patients, walk

LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
UCUM = "http://unitsofmeasure.org"
SHARED = "https://example.org/mrn"
SCHEMA = Path(__file__).parents[2] / "service" / "report" / "schema" / "report-1.json"
PLANNED = {"Appointment"}
MADE_ON = (
    "authoredOn",
    "issued",
    "effectiveDateTime",
    "dateAsserted",
    "whenHandedOver",
    "recordedDate",
    "created",
)
LARGEST = 1_500_000


@pytest.fixture(params=patients(), ids=lambda patient: patient.name)
def patient(request: pytest.FixtureRequest) -> GoldenPatient:
    return request.param


@pytest.fixture(scope="module")
def everything() -> dict[str, list[dict[str, Any]]]:
    """All resources by source, over all patients, as the demo's servers hold them."""
    held: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in patients():
        for source in one.sources:
            held[source].extend(one.resources(source))
    return held


def codings(resources: list[dict[str, Any]], system: str) -> set[tuple[str, str]]:
    """(code, display) of one code system, wherever it stands."""
    return {
        (value["code"], value.get("display", ""))
        for resource in resources
        for _, value in walk(resource)
        if isinstance(value, dict) and value.get("system") == system and "code" in value
    }


def reference_data(name: str) -> Path:
    folder = os.environ.get("CONCORD_REFERENCE_DATA")
    if not folder:
        pytest.skip("CONCORD_REFERENCE_DATA is unset: codes are not compared with RxNorm")
    return Path(folder) / "rxnorm" / name


def rows(name: str) -> csv.DictReader[str]:
    text = gzip.decompress(reference_data(name).read_bytes()).decode()
    return csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)


def loinc_check_digit(number: str) -> int:
    """LOINC's mod-10 check digit (LOINC Users' Guide, "Calculating Mod 10 check digits")."""
    odd = int("".join(reversed(number))[::2]) * 2
    even = "".join(reversed(number))[1::2]
    total = sum(int(digit) for digit in f"{even}{odd}")
    return -total % 10


def test_there_are_enough_patients_and_they_stay_small() -> None:
    sources = [path for one in patients() for path in files(one.folder / "sources")]
    assert len(patients()) >= 14
    assert sum(path.stat().st_size for path in sources) < LARGEST


def test_each_patient_has_a_story_expectations_and_three_servers(patient: GoldenPatient) -> None:
    assert {"psychiatry", "primary-care", "pharmacy"} <= set(patient.sources)
    assert "(invented)" in patient.story
    assert "A careful pharmacist asks" in patient.story
    assert patient.expected["medications"]


def test_expectations_use_the_types_of_findings_and_say_why(patient: GoldenPatient) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    known = set(schema["properties"]["findings"]["items"]["properties"]["type"]["enum"])
    for expectation in (*patient.expected.get("must", []), *patient.expected["must_not"]):
        types = expectation["type"]
        assert {types} if isinstance(types, str) else set(types) <= known
        assert expectation["why"]
        assert set(expectation.get("sources", ())) <= set(patient.sources)


def test_the_age_in_the_story_is_the_age_on_the_day(patient: GoldenPatient) -> None:
    told = re.search(r"\(invented\), (\d+)", patient.story)
    assert told
    for source in patient.sources:
        born = date.fromisoformat(person(patient, source)["birthDate"])
        had_birthday = (AS_OF.month, AS_OF.day) >= (born.month, born.day)
        assert AS_OF.year - born.year - (not had_birthday) == int(told[1])


def person(patient: GoldenPatient, source: str) -> dict[str, Any]:
    found = [r for r in patient.resources(source) if r["resourceType"] == "Patient"]
    assert len(found) == 1, f"{source} holds one patient"
    return found[0]


def test_each_source_knows_the_patient_by_a_number_of_its_own_and_a_shared_one(
    patient: GoldenPatient,
) -> None:
    shared, own = set(), set()
    for source in patient.sources:
        numbers = {i["system"]: i["value"] for i in person(patient, source)["identifier"]}
        shared.add(numbers.pop(SHARED))
        own.update(numbers)
    assert len(shared) == 1
    assert len(own) == len(patient.sources)


def test_shared_numbers_belong_to_one_patient_each() -> None:
    numbers = [
        i["value"]
        for one in patients()
        for i in person(one, "psychiatry")["identifier"]
        if i["system"] == SHARED
    ]
    assert len(set(numbers)) == len(patients())


def test_ids_are_unique_on_each_server_over_all_patients(
    everything: dict[str, list[dict[str, Any]]],
) -> None:
    for source, resources in everything.items():
        keys = [(resource["resourceType"], resource["id"]) for resource in resources]
        assert len(keys) == len(set(keys)), source


def test_references_resolve_inside_the_source(patient: GoldenPatient) -> None:
    for source in patient.sources:
        resources = patient.resources(source)
        known = {f"{resource['resourceType']}/{resource['id']}" for resource in resources}
        for resource in resources:
            contained = {f"#{inner['id']}" for inner in resource.get("contained", [])}
            for path, value in walk(resource):
                if path.endswith("reference") and isinstance(value, str):
                    assert value in known | contained, f"{source} {resource['id']} {path}"


def test_authorizing_prescriptions_by_number_exist_in_some_source(patient: GoldenPatient) -> None:
    prescribed = {
        (number["system"], number["value"])
        for source in patient.sources
        for resource in patient.resources(source)
        if resource["resourceType"] == "MedicationRequest"
        for number in resource["identifier"]
    }
    for dispense in of_type(patient, "MedicationDispense"):
        for prescription in dispense.get("authorizingPrescription", []):
            number = prescription["identifier"]
            assert (number["system"], number["value"]) in prescribed, dispense["id"]


def of_type(patient: GoldenPatient, kind: str) -> list[dict[str, Any]]:
    return [
        resource
        for source in patient.sources
        for resource in patient.resources(source)
        if resource["resourceType"] == kind
    ]


def test_every_resource_and_bundle_is_valid_r4b(patient: GoldenPatient) -> None:
    r4b = pytest.importorskip("fhir.resources.R4B")
    for source in patient.sources:
        for path in files(patient.folder / "sources" / source):
            for document in documents(path):
                text = json.dumps(document, default=float)
                r4b.get_fhir_model_class(document["resourceType"]).model_validate_json(text)


def test_resources_carry_a_version_and_are_not_older_than_what_they_tell(
    patient: GoldenPatient,
) -> None:
    for source in patient.sources:
        for resource in patient.resources(source):
            meta = resource["meta"]
            assert meta["versionId"], resource["id"]
            updated = meta["lastUpdated"][:10]
            assert updated <= AS_OF.isoformat(), resource["id"]
            made = [resource[key][:10] for key in MADE_ON if key in resource]
            assert all(day <= updated for day in made), resource["id"]


def test_only_appointments_lie_after_the_day_of_reference(patient: GoldenPatient) -> None:
    later = {
        resource["resourceType"]
        for source in patient.sources
        for resource in patient.resources(source)
        for key in (*MADE_ON, "start")
        if resource.get(key, "")[:10] > AS_OF.isoformat()
    }
    assert later <= PLANNED
    for visit in of_type(patient, "Appointment"):
        booked = visit["status"] == "booked"
        assert booked == (visit["start"][:10] > AS_OF.isoformat()), visit["id"]
        assert booked or visit["start"][:10] <= visit["meta"]["lastUpdated"][:10], visit["id"]


def test_what_was_dispensed_lasts_as_long_as_its_label_says(patient: GoldenPatient) -> None:
    for dispense in of_type(patient, "MedicationDispense"):
        a_day = Decimal(0)
        for dosage in dispense["dosageInstruction"]:
            repeat = dosage["timing"]["repeat"]
            assert repeat["periodUnit"] == "d"
            times = Decimal(repeat["frequency"]) / Decimal(repeat["period"])
            a_day += times * Decimal(dosage["doseAndRate"][0]["doseQuantity"]["value"])
        lasts = Decimal(dispense["quantity"]["value"]) / a_day
        assert lasts == dispense["daysSupply"]["value"], dispense["id"]


def test_quantities_carry_their_ucum_code(everything: dict[str, list[dict[str, Any]]]) -> None:
    for resources in everything.values():
        for resource in resources:
            for path, value in walk(resource):
                if isinstance(value, dict) and "value" in value and "unit" in value:
                    assert value["system"] == UCUM, f"{resource['id']} {path}"
                    assert value["code"], f"{resource['id']} {path}"


def test_loinc_codes_have_their_check_digit(everything: dict[str, list[dict[str, Any]]]) -> None:
    assert loinc_check_digit("2951") == 2
    assert loinc_check_digit("14334") == 7
    for resources in everything.values():
        for code, _ in codings(resources, LOINC):
            number, digit = code.split("-")
            assert loinc_check_digit(number) == int(digit), code


def test_a_code_has_one_name_everywhere(everything: dict[str, list[dict[str, Any]]]) -> None:
    for system in (LOINC, RXNORM, "http://hl7.org/fhir/sid/icd-10-cm", "http://snomed.info/sct"):
        names: dict[str, set[str]] = defaultdict(set)
        for resources in everything.values():
            for code, display in codings(resources, system):
                names[code].add(display)
        assert not {code: told for code, told in names.items() if len(told) > 1}
        assert all(display for told in names.values() for display in told)


def test_rxnorm_codes_and_names_are_those_of_rxnorm(
    everything: dict[str, list[dict[str, Any]]],
) -> None:
    names = {row["rxcui"]: row["name"] for row in rows("rxnorm_concepts.tsv.gz")}
    for resources in everything.values():
        for code, display in codings(resources, RXNORM):
            assert names.get(code) == display


def test_package_codes_lead_to_the_product_on_the_label(
    everything: dict[str, list[dict[str, Any]]],
) -> None:
    products = {row["ndc11"]: row["rxcui"] for row in rows("rxnorm_ndc.tsv.gz")}
    names = {row["rxcui"]: row["name"] for row in rows("rxnorm_concepts.tsv.gz")}
    for dispense in everything["pharmacy"]:
        if dispense["resourceType"] != "MedicationDispense":
            continue
        drug = dispense["medicationCodeableConcept"]
        sent = {coding["system"]: coding["code"] for coding in drug["coding"]}
        product = products[sent[NDC]]
        assert sent.get(RXNORM, product) == product
        ingredient = drug["text"].split()[0].casefold()
        assert ingredient in names[product].casefold()


def test_nobody_in_the_fixtures_could_be_real(
    everything: dict[str, list[dict[str, Any]]],
) -> None:
    for resources in everything.values():
        for resource in resources:
            for path, value in walk(resource):
                where = f"{resource['id']} {path}"
                if re.search(r"identifier(\[\d+\])?\.system$", path):
                    assert re.match(r"https://([a-z-]+\.)?example\.org/", value), where
                if re.search(r"telecom\[\d+\]\.value$", path):
                    assert re.fullmatch(r"\+1-555-01\d\d", value), where
                if path.endswith("postalCode"):
                    assert value.startswith("00"), where
                if isinstance(value, str):
                    assert not re.search(r"\b\d{3}-\d{2}-\d{4}\b", value), where


def test_bundles_stand_on_example_addresses() -> None:
    for path in sorted(ROOT.glob("*/sources/**/*.json")):
        for document in documents(path):
            for entry in document.get("entry", []):
                assert re.match(r"https://[a-z-]+\.example\.org/", entry["fullUrl"]), path
