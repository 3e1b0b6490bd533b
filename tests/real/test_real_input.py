"""Charts and payloads that nobody here wrote: no crash, honest states, every line placed or told.

Reads the reference payloads (de-identified STU3 charts with fills, Synthea, HL7 and US Core
examples, an aggregator's view, a DSTU2 sandbox) where CONCORD_REFERENCE_DATA names them.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.app import knowledge, reconcile_once
from service.connect import opened_readers
from service.errors import NotKept
from service.model.source import MEDICATION_TYPES, State
from service.pipeline.gather import gather
from service.pipeline.reconcile import Knowledge, report_of
from service.pipeline.who import Who
from service.read.location import open_reader
from service.read.source import PatientQuery
from service.report.document import document
from service.settings import Settings, role_of

DATA = os.environ.get("CONCORD_REFERENCE_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="CONCORD_REFERENCE_DATA is not set")

DAY = date(2026, 11, 15)
FOLDERS = (
    "hl7-r4-examples",
    "smart-stu3-patients",
    "synthea-r4-patients",
    "us-core-examples",
    "zus-aggregator",
)
PLACED = 0.95


@pytest.fixture(scope="module")
def known() -> Knowledge:
    return knowledge(Settings())


def folder(name: str) -> Path:
    return Path(DATA) / "fhir" / name


def resources(value: Any) -> Iterator[dict[str, Any]]:
    """Every resource of a decoded file, Bundles and arrays unpacked."""
    if isinstance(value, list):
        for item in value:
            yield from resources(item)
    elif isinstance(value, dict):
        if value.get("resourceType") == "Bundle":
            for entry in value.get("entry") or ():
                yield from resources(entry.get("resource"))
        elif "resourceType" in value:
            yield value


def written(name: str) -> set[str]:
    """References of the medication resources that stand in the files of a folder."""
    found: set[str] = set()
    for file in sorted(folder(name).iterdir()):
        body = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        if ".json" not in file.suffixes:
            continue
        for one in resources(json.loads(body)):
            if one["resourceType"] in MEDICATION_TYPES:
                found.add(f"{one['resourceType']}/{one.get('id', '')}")
    return found


def people(name: str) -> list[str]:
    """References of everybody of whom a folder holds anything."""
    reader = open_reader("chart", role_of("chart", Settings()), str(folder(name)))
    found = asyncio.run(reader.find(PatientQuery()))
    return [*(raw.reference for raw in found.patients), *found.bare]


def report(name: str, patient: str, known: Knowledge) -> dict[str, Any]:
    async def read() -> dict[str, Any]:
        async with opened_readers({"chart": str(folder(name))}, Settings()) as readers:
            who = Who(source="chart", reference=patient)
            gathered = await gather(readers, who, known.weights)
        return document(report_of(gathered, known, DAY, today=DAY))

    return asyncio.run(read())


@pytest.mark.parametrize("name", FOLDERS)
def test_every_medication_resource_is_placed_or_told(name: str, known: Knowledge) -> None:
    placed: Counter[str] = Counter()
    told: set[str] = set()
    for patient in people(name):
        content = report(name, patient, known)
        lines = [line["reference"] for m in content["medications"] for line in m["lines"]]
        assert len(lines) == len(set(lines)), f"{patient}: a line stands under two medications"
        placed.update(lines)
        told |= {problem["reference"] for problem in content["problems"]}
        assert content["sources"][0]["state"] in {state.value for state in State}
        assert content["sources"][0]["state"] == "complete" or content["sources"][0]["reasons"]
    expected = written(name)
    missing = expected - set(placed) - told
    assert not missing, f"neither placed nor told: {sorted(missing)}"
    assert len(expected & set(placed)) >= PLACED * len(expected), sorted(expected - set(placed))


def test_a_release_that_is_not_read_is_refused_by_name_and_not_an_empty_list() -> None:
    location = str(folder("epic-dstu2-sandbox"))
    with pytest.raises(NotKept, match="DSTU2"):
        reconcile_once({"chart": location}, as_of=DAY)
