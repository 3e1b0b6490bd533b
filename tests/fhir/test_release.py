"""Which release something is in is told by its name or its shape; what we write is checked."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from service.fhir import bundle as bundles
from service.fhir.release import Release, check, named


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("4.0.1", Release.R4),
        ("4.3.0", Release.R4),
        ("4.0", Release.R4),
        ("R4", Release.R4),
        ("3.0.2", Release.STU3),
        ("1.0.2", Release.DSTU2),
        ("5.0.0", Release.R5),
        ("4.6.0", Release.R5),
        ("", Release.UNKNOWN),
        ("40.1", Release.UNKNOWN),
    ],
)
def test_a_version_has_the_name_people_use(version: str, release: Release) -> None:
    assert named(version) is release


@pytest.mark.parametrize(
    ("resource", "release"),
    [
        ({"resourceType": "MedicationRequest", "medication": {}}, Release.R5),
        ({"resourceType": "MedicationStatement", "patient": {}}, Release.DSTU2),
        ({"resourceType": "MedicationOrder"}, Release.DSTU2),
        ({"resourceType": "MedicationStatement", "taken": "y", "subject": {}}, Release.STU3),
        (
            {
                "resourceType": "MedicationRequest",
                "subject": {},
                "dosageInstruction": [{"doseQuantity": {"value": 1}}],
            },
            Release.STU3,
        ),
        (
            {
                "resourceType": "MedicationRequest",
                "subject": {},
                "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": 1}}]}],
            },
            Release.R4,
        ),
        ({"resourceType": "Condition", "clinicalStatus": "active", "subject": {}}, Release.STU3),
        ({"resourceType": "Condition", "clinicalStatus": {}, "subject": {}}, Release.R4),
        ({"resourceType": "Patient", "id": "1"}, Release.UNKNOWN),
    ],
)
def test_a_shape_tells_its_release(resource: dict[str, object], release: Release) -> None:
    body = msgspec.json.encode(resource)
    assert bundles.shape(bundles.peek(body), body) is release


def test_what_we_write_is_checked_against_r4b() -> None:
    task = {"resourceType": "Task", "status": "requested", "intent": "order"}
    assert check(task) == ()
    assert check(task | {"nonsense": 1})
    assert any("intent" in problem for problem in check({"resourceType": "Task", "status": "x"}))
    assert check({"resourceType": "Nonsense"}) == ("resourceType: 'Nonsense' is no R4B resource",)
    assert check({}) == ("resourceType: missing",)


def test_importing_the_wire_does_not_load_the_fhir_models() -> None:
    code = (
        "import sys, service.fhir.client, service.fhir.release, service.read.server;"
        "sys.exit(any(name.startswith('fhir.resources') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
