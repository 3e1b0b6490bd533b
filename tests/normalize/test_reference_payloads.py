"""Payloads that nobody here wrote: nothing breaks, nothing is lost, doses are found."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from service.model.record import SourceRecord
from service.model.source import MEDICATION_TYPES, RawResource, Role, SourceRead
from service.normalize import normalize
from tests.normalize.given import Json, tables

FOLDER = os.environ.get("CONCORD_REFERENCE_DATA", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="CONCORD_REFERENCE_DATA is not set")
FOLDERS = (
    "hl7-r4-examples",
    "smart-stu3-patients",
    "synthea-r4-patients",
    "us-core-examples",
    "zus-aggregator",
)


def resources(content: Json | list[Json]) -> Iterator[Json]:
    if isinstance(content, list):
        for one in content:
            yield from resources(one)
    elif content.get("resourceType") == "Bundle":
        for one in content.get("entry", []):
            yield from resources(one.get("resource", {}))
    elif "resourceType" in content:
        yield content


def read(folder: str) -> SourceRecord:
    raws: list[RawResource] = []
    for file in sorted((Path(FOLDER) / "fhir" / folder).iterdir()):
        body = file.read_bytes()
        if file.suffix == ".gz":
            body = gzip.decompress(body)
        for one in resources(json.loads(body)):
            reference = one.get("id") or f"no-id-{len(raws)}"
            raws.append(RawResource(one["resourceType"], reference, None, json.dumps(one).encode()))
    source = SourceRead(folder, Role.OTHER, tuple(raws))
    return normalize(source, tables(), date(2026, 3, 10))


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_medication_resource_is_a_line_or_is_accounted_for(folder: str) -> None:
    found = read(folder)
    sent = [raw for raw in found.read.resources if raw.type in MEDICATION_TYPES]
    later = sum(count for type_name, count in found.later if type_name in MEDICATION_TYPES)
    assert len(found.entries) + len(found.excluded) + later == len(sent)
    resolved = [entry for entry in found.entries if entry.ingredients]
    assert len(resolved) >= 0.9 * len(found.entries)


def test_most_lines_of_the_charts_have_a_daily_dose_or_say_why_not() -> None:
    found = read("smart-stu3-patients")
    dosed = [entry for entry in found.entries if entry.daily_doses]
    assert len(dosed) >= 0.85 * len(found.entries)


def test_an_order_and_its_fills_come_to_one_daily_dose() -> None:
    found = read("smart-stu3-patients")
    orders = {entry.origin.reference: entry for entry in found.entries}
    compared = same = 0
    for fill in found.entries:
        order = next((orders[link] for link in fill.links if link in orders), None)
        if order is None or not order.daily_doses or not fill.daily_doses:
            continue
        ordered, supplied = order.daily_doses[0].value, fill.daily_doses[0].value
        if ordered is None or supplied is None or order.interval_d != fill.interval_d:
            continue
        compared += 1
        same += abs(ordered - supplied) <= ordered / 100
    assert compared > 100
    assert same >= 0.8 * compared, f"{same} of {compared}"
