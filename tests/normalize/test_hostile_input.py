"""Whatever a source sends, normalize answers with records and problems, in bounded time."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from service.model.source import RawResource, Role, SourceRead
from service.normalize import normalize
from tests.normalize.given import SERTRALINE_50, TODAY, Json, observation, raw, request, tables

QUANTITY: Json = {"value": 1, "unit": "mg", "code": "mg", "system": "http://unitsofmeasure.org"}
SPAN: Json = {"value": 1, "unit": "d", "code": "d", "system": "http://unitsofmeasure.org"}
DOSAGE: Json = {
    "sequence": 1,
    "text": "1 tab bid x 10 days",
    "timing": {
        "event": ["2026-01-01"],
        "repeat": {
            "boundsDuration": SPAN,
            "boundsPeriod": {"start": "2026-01-01", "end": "2026-02-01"},
            "count": 3,
            "duration": 1,
            "frequency": 1,
            "frequencyMax": 2,
            "period": 1,
            "periodMax": 2,
            "periodUnit": "d",
            "dayOfWeek": ["mon"],
            "timeOfDay": ["08:00:00"],
            "when": ["MORN"],
        },
    },
    "doseAndRate": [
        {
            "doseRange": {"low": QUANTITY, "high": QUANTITY},
            "rateRatio": {"numerator": QUANTITY, "denominator": SPAN},
        }
    ],
    "maxDosePerPeriod": {"numerator": QUANTITY, "denominator": SPAN},
}
RESOURCES: tuple[Json, ...] = (
    request(
        dosageInstruction=[DOSAGE, {**DOSAGE, "sequence": 2}],
        dispenseRequest={"quantity": QUANTITY, "expectedSupplyDuration": SPAN},
    ),
    {
        "resourceType": "MedicationDispense",
        "id": "d",
        "status": "completed",
        "whenHandedOver": "2026-01-01",
        "medicationCodeableConcept": SERTRALINE_50,
        "quantity": {"value": 30, "unit": "TAB"},
        "daysSupply": SPAN,
    },
    {
        "resourceType": "MedicationAdministration",
        "id": "a",
        "status": "completed",
        "effectivePeriod": {"start": "2026-01-01"},
        "medicationCodeableConcept": SERTRALINE_50,
        "dosage": {"dose": QUANTITY},
    },
    observation(valueQuantity=QUANTITY, component=[{"valueInteger": 3}]),
)
NUMBERS = (0, -1, 1e300, -1e300, 1e-300, 10**40, "NaN", "Infinity", "-Infinity", "sNaN", "1e999")
SHAPES = ("", "x", None, True, [], {}, [None], {"value": {}})
TEXTS = (
    "9999-12-31",
    "0001-01-01",
    "2026-99",
    "\u0000",
    "Medication/",
    "#",
    "urn:uuid:",
    "a" * 5000,
)
ODD = (*NUMBERS, *SHAPES, *TEXTS)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every element inside a resource."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inner:
        yield (*path, key)
        if isinstance(one, (dict, list)):
            yield from leaves(one, (*path, key))


def changed(resource: Json, path: tuple[Any, ...], value: Any) -> Json:
    found: Any = copy.deepcopy(resource)
    place = found
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return dict(found)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one["resourceType"])
def test_one_odd_value_anywhere_loses_no_resource(resource: Json) -> None:
    for path in leaves(resource):
        if path in (("resourceType",), ("id",)):
            continue
        for odd in ODD:
            sent = changed(resource, path, odd)
            found = normalize(SourceRead("pharmacy", Role.PHARMACY, (raw(sent),)), tables(), TODAY)
            kept = found.entries or found.results or found.excluded or found.later
            assert kept or found.problems, (path, odd)


@given(st.data())
@settings(max_examples=60)
def test_several_odd_values_at_once_lose_no_resource(data: st.DataObject) -> None:
    sent = data.draw(st.sampled_from(RESOURCES))
    for _ in range(data.draw(st.integers(2, 6))):
        paths = [path for path in leaves(sent) if path[0] not in ("resourceType", "id")]
        path = data.draw(st.sampled_from(paths))
        sent = changed(sent, path, data.draw(st.sampled_from(ODD)))
    found = normalize(SourceRead("pharmacy", Role.PHARMACY, (raw(sent),)), tables(), TODAY)
    kept = found.entries or found.results or found.excluded or found.later
    assert kept or found.problems


@given(st.binary(max_size=200), st.sampled_from(["MedicationRequest", "Patient", "Observation"]))
def test_bytes_that_are_no_resource_are_a_problem(body: bytes, kind: str) -> None:
    assume(body.strip() != b"{}")  # a resource that says nothing
    broken = RawResource(kind, "x", None, body)
    found = normalize(SourceRead("patient", Role.PATIENT, (broken,)), tables(), TODAY)
    assert found.problems


def test_ten_thousand_lines_take_seconds_and_all_are_kept() -> None:
    text = "take 1 tablet by mouth every morning and 2 at bedtime"
    body = json.dumps(request(dosageInstruction=[{"text": text}])).encode()
    raws = tuple(RawResource("MedicationRequest", f"r{n}", None, body) for n in range(10_000))
    begin = time.perf_counter()
    found = normalize(SourceRead("pharmacy", Role.PHARMACY, raws), tables(), TODAY)
    assert len(found.entries) == 10_000
    assert time.perf_counter() - begin < 30
