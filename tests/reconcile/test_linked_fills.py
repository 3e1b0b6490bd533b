"""Real charts with fills: an order and what was handed over for it stand in one row.

The de-identified charts link each dispense to its order. With the links hidden, and each drug only
as it is written and coded on its own line, the same rows must come out.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from msgspec import structs

from service.model.medication import Kind, MedicationEntry
from service.model.source import RawResource, Role, SourceRead
from service.normalize import normalize
from service.read.location import open_reader
from service.read.source import PatientQuery
from service.reconcile.group import group
from tests.normalize.given import tables

DATA = os.environ.get("CONCORD_REFERENCE_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="CONCORD_REFERENCE_DATA is not set")
DAY = date(2026, 11, 15)
ONE_ROW = 0.99


@cache
def reads() -> tuple[SourceRead, ...]:
    """What was read of every chart."""
    location = Path(DATA) / "fhir" / "smart-stu3-patients"
    reader = open_reader("chart", Role.OTHER, str(location))

    async def read() -> tuple[SourceRead, ...]:
        people = (await reader.find(PatientQuery())).patients
        return tuple([await reader.pull((one.reference,)) for one in people])

    return asyncio.run(read())


@cache
def charts(kept: str = "") -> tuple[tuple[MedicationEntry, ...], ...]:
    """The medication lines of every chart; of the fills' drugs only the words or the codes kept."""
    return tuple(
        normalize(
            replace(read, resources=tuple(fill_with(raw, kept) for raw in read.resources)),
            tables(),
            DAY,
        ).entries
        for read in reads()
    )


def fill_with(raw: RawResource, kept: str) -> RawResource:
    """A dispense that names its drug by its words alone, or by its codes alone."""
    if not kept or raw.type != "MedicationDispense":
        return raw
    body = json.loads(raw.body)
    concept = body["medicationCodeableConcept"]
    if kept == "words":
        words = concept.get("text") or concept["coding"][0]["display"]
        body["medicationCodeableConcept"] = {"text": words}
    else:
        coded = [{"system": c["system"], "code": c["code"]} for c in concept["coding"]]
        body["medicationCodeableConcept"] = {"coding": coded}
    return structs.replace(raw, body=json.dumps(body).encode())


def rows(lines: tuple[MedicationEntry, ...]) -> dict[str, str]:
    """The medication of each line, by reference."""
    return {entry.origin.reference: one.id for one in group(lines) for entry, _ in one.lines}


def fills(lines: tuple[MedicationEntry, ...]) -> Iterator[tuple[str, str]]:
    """Every dispense with the order that it names, where the chart holds that order."""
    orders = {entry.origin.reference for entry in lines if entry.kind is Kind.REQUEST}
    for entry in lines:
        if entry.kind is Kind.DISPENSE:
            yield from ((entry.origin.reference, link) for link in entry.links if link in orders)


@pytest.mark.parametrize(
    ("hidden", "kept"),
    [(False, ""), (True, ""), (True, "words"), (True, "codes")],
    ids=["linked", "links hidden", "links and codes hidden", "links and words hidden"],
)
def test_an_order_and_its_fills_stand_in_one_row(hidden: bool, kept: str) -> None:
    """A fifth of the codes are of products that the shipped table does not carry."""
    apart, pairs = [], 0
    for lines in charts(kept):
        seen = lines
        if hidden:
            seen = tuple(structs.replace(one, links=(), identifiers=()) for one in lines)
        placed = rows(seen)
        for fill, order in fills(lines):
            pairs += 1
            if placed[fill] != placed[order]:
                apart.append((fill, order))
    assert pairs > 300
    assert len(apart) <= (1 - ONE_ROW) * pairs, apart
