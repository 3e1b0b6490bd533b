"""Our reader on servers that nobody here wrote: the same report as from files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.app import reconcile_once
from service.report.document import document
from tests.patients.golden import AS_OF, GoldenPatient, patients
from tests.servers.conftest import Server
from tests.servers.filled import fill

PATIENTS = patients()


@pytest.fixture(params=PATIENTS, ids=lambda patient: patient.name)
def patient(request: pytest.FixtureRequest) -> GoldenPatient:
    found: GoldenPatient = request.param
    return found


def served_source(patient: GoldenPatient) -> str:
    """Each patient has one source on the server; which one goes round."""
    names = sorted(patient.sources)
    return names[PATIENTS.index(patient) % len(names)]


def without_versions(value: Any) -> Any:
    """A report less the version numbers that each server gives."""
    if isinstance(value, dict):
        return {name: without_versions(v) for name, v in value.items() if name != "version"}
    return [without_versions(v) for v in value] if isinstance(value, list) else value


def said(report: dict[str, Any]) -> list[str]:
    """The findings in an order of their own: their ids rest on the versions of their facts."""
    found = without_versions(report["findings"])
    return sorted(json.dumps({**one, "id": ""}, default=str) for one in found)


def test_a_source_on_a_server_gives_the_same_list_and_findings_as_its_files(
    server: Server, patient: GoldenPatient
) -> None:
    source = served_source(patient)
    reference = fill(server.base_url, patient, source)
    who = f"{source}:{reference}"
    from_files = document(reconcile_once(patient.sources, patient=who, as_of=AS_OF))
    served = {**patient.sources, source: server.base_url}
    from_server = document(reconcile_once(served, patient=who, as_of=AS_OF))
    for part in ("medications", "patient"):
        assert without_versions(from_server[part]) == without_versions(from_files[part])
    assert said(from_server) == said(from_files)
    (read,) = (one for one in from_server["sources"] if one["name"] == source)
    assert (read["state"], read["reasons"]) == ("complete", [])
    lines = [
        line
        for medication in from_server["medications"]
        for line in medication["lines"]
        if line["source"] == source
    ]
    assert all(line["version"] for line in lines)
