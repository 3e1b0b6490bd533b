"""Puts golden patients on a server, as a transaction of PUTs under their own ids."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec

from tests.patients.golden import GoldenPatient

_encode = msgspec.json.Encoder(decimal_format="number").encode
_HEADERS = {"Content-Type": "application/fhir+json"}


def fill(base_url: str, patient: GoldenPatient, source: str, suffix: str = "") -> str:
    """Loads one source of a patient; gives the reference of the Patient there.

    Args:
        suffix: put behind every id, for a test that wants the patient for itself.
    """
    resources = [_renamed(one, suffix) for one in patient.resources(source)]
    with httpx.Client(base_url=base_url, timeout=60, headers=_HEADERS) as http:
        # Medplum takes at most 50 updates in one transaction; people and organizations come first,
        # because HAPI refuses a reference to what is not there yet.
        ordered = sorted(resources, key=lambda one: one["resourceType"] not in _FIRST)
        for start in range(0, len(ordered), 40):
            entries = [
                {
                    "resource": one,
                    "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"},
                }
                for one in ordered[start : start + 40]
            ]
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
            answer = http.post("", content=_encode(bundle))
            assert answer.status_code == 200, answer.text
    (person,) = (one for one in resources if one["resourceType"] == "Patient")
    return f"Patient/{person['id']}"


def _renamed(value: Any, suffix: str, name: str = "") -> Any:
    """A resource with its own id and its references to others renamed."""
    if isinstance(value, dict):
        return {key: _renamed(inner, suffix, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner, suffix) for inner in value]
    return f"{value}{suffix}" if name in {"id", "reference"} else value


_FIRST = frozenset({"Organization", "Practitioner", "Patient", "Medication"})
