"""HAPI's instance validator on everything that the golden patients lead to: no error at all."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.app import reconcile_once
from service.model.around import CareMember, PatientWord, Stay
from service.pipeline import review as desk
from service.report.document import document
from service.store import open_store, patient_words
from service.write.codes import ADHERENCE
from service.write.discrepancy import concept_map
from service.write.target import INSTEAD, WRITTEN, WriteTarget
from tests.patients.golden import AS_OF, GoldenPatient, patients
from tests.servers import build
from tests.servers.conftest import asked_for
from tests.servers.signed import AT, PHARMACIST, reviewed
from tests.servers.validating import Validator, validating
from tests.write import synthetic
from tests.write.given import PSYCHIATRY, of
from tests.write.given import planned as beside

pytestmark = pytest.mark.java

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
PROFILES = {
    "CarePlan": ("us-core-careplan",),
    "MedicationRequest": ("us-core-medicationrequest",),
    "Provenance": ("us-core-provenance",),
}
"""US Core profiles of types that we write; it has none for the others."""
UNDEFINED = "Extension url '{}' is not valid (invalid Version '5.0')"
"""What the validator says of extensions whose definition (R5, for use in R4) no package here holds.

Their form is that of R5, "Extensions for converting between versions".
"""


@pytest.fixture(scope="module")
def command(pytestconfig: pytest.Config) -> list[str]:
    asked_for(pytestconfig, "java")
    try:
        return build.maven("validator", "concord.validator.Main")
    except build.Missing as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def base_r4(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Validator]:
    with validating(command, tmp_path_factory.mktemp("r4") / "stderr") as validator:
        yield validator


@pytest.fixture(scope="module", params=["us_core_610", "us_core_800"])
def us_core(
    request: pytest.FixtureRequest, command: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Validator]:
    data = os.environ.get("CONCORD_REFERENCE_DATA")
    if not data:
        pytest.skip("CONCORD_REFERENCE_DATA is not set; the US Core packages are there")
    package = Path(data) / "ig" / f"{request.param}.tgz"
    log = tmp_path_factory.mktemp(request.param) / "stderr"
    with validating(command, log, package) as validator:
        yield validator


@pytest.fixture(scope="module")
def plans() -> dict[str, list[dict[str, Any]]]:
    """What each golden patient leads to, made once for the module."""
    return {patient.name: planned(patient) for patient in patients()}


def planned(patient: GoldenPatient) -> list[dict[str, Any]]:
    """Every resource, for every source as a server that takes all of them, and as one that takes
    words in place of the list, the plan and the tasks."""
    report = document(reconcile_once(patient.sources, as_of=AS_OF))

    async def run() -> list[dict[str, Any]]:
        store = await open_store("sqlite://")
        try:
            asked = {"source": "psychiatry", "reference": "Patient/any"}
            review = await reviewed(store, report, asked)
            async with store.transaction() as tx:
                for kind in patient_words.KINDS:
                    text = f"A {kind} in the patient's own words & <signs>"
                    await patient_words.note(tx, review.patient, kind, text, PHARMACIST, at=AT)
            everything = frozenset(WRITTEN)
            found = []
            for offered in (everything, everything - INSTEAD.keys()):
                targets = [
                    WriteTarget(name, f"https://{name}.example/fhir", everything, offered)
                    for name in patient.sources
                ]
                view = await desk.plan_of(store, PHARMACIST, review.id, targets, at=AT)
                assert view.problems == ()
                found += [dict(write.resource) for one in view.targets for write in one.writes]
            return found
        finally:
            await store.close()

    return asyncio.run(run())


def judged(errors: tuple[str, ...]) -> list[str]:
    """Errors, less the ones that only say that an R5 definition is not at hand."""
    return [one for one in errors if not one.endswith(UNDEFINED.format(ADHERENCE))]


def named(resource: dict[str, Any], problem: str) -> str:
    return f"{resource['resourceType']} {problem}"


def test_the_validator_sees_a_wrong_code_and_a_missing_element(base_r4: Validator) -> None:
    assert any("status" in e for e in base_r4.errors({"resourceType": "Task", "status": "banana"}))
    assert any("intent" in e for e in base_r4.errors({"resourceType": "Task", "status": "draft"}))


def test_every_resource_that_golden_patients_lead_to_is_valid_r4(
    base_r4: Validator, plans: dict[str, list[dict[str, Any]]]
) -> None:
    kinds = {one["resourceType"] for resources in plans.values() for one in resources}
    assert kinds == set(WRITTEN)
    assert [
        f"{patient}: {named(resource, error)}"
        for patient, resources in plans.items()
        for resource in resources
        for error in judged(base_r4.errors(resource))
    ] == []


def test_the_map_to_french_codes_and_messages_to_members_are_valid_r4(base_r4: Validator) -> None:
    writes = beside(members=(CareMember("psychiatry", "Practitioner/5", "Dr Gita Pract"),))
    (message,) = of(writes, "Communication")
    stay = Stay("psychiatry", "Encounter/1", "1", synthetic.AT.date())
    licensed = replace(PSYCHIATRY, cpt_licensed=True)
    done = [one for one in of(beside(target=licensed, stays=(stay,)), "Task") if "output" in one]
    assert [
        named(one, error)
        for one in (concept_map(), message, *done)
        for error in judged(base_r4.errors(one))
    ] == []


def words_alone() -> dict[str, Any]:
    """The care plan of a patient who said something and of whom nothing else is to be followed."""
    said = tuple(
        PatientWord(number, kind, f"A {kind} & <signs>", PHARMACIST, AT)
        for number, kind in enumerate(patient_words.KINDS, 1)
    )
    (found,) = of(beside(synthetic.report(findings=[]), words=said), "CarePlan")
    return found


def test_a_plan_of_the_patients_words_alone_is_valid_r4(base_r4: Validator) -> None:
    assert judged(base_r4.errors(words_alone())) == []


def test_a_plan_of_the_patients_words_alone_is_valid_under_us_core(us_core: Validator) -> None:
    profiles = [US_CORE + name for name in PROFILES["CarePlan"]]
    assert us_core.errors(words_alone(), profiles) == ()


def test_what_us_core_profiles_is_valid_under_it(
    us_core: Validator, plans: dict[str, list[dict[str, Any]]]
) -> None:
    assert [
        f"{patient}: {named(resource, error)}"
        for patient, resources in plans.items()
        for resource in resources
        if resource["resourceType"] in PROFILES
        for error in us_core.errors(
            resource, [US_CORE + name for name in PROFILES[resource["resourceType"]]]
        )
    ] == []
