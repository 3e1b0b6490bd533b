"""Real charts with fills: an order and what was handed over for it stand in one row.

The de-identified charts link each dispense to its order. With the links hidden, and each drug only
as it is written and coded on its own line, the same rows must come out.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from service.model.medication import Kind, MedicationEntry
from service.model.source import Role
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
def charts() -> tuple[tuple[MedicationEntry, ...], ...]:
    """The medication lines of every chart."""
    location = Path(DATA) / "fhir" / "smart-stu3-patients"
    reader = open_reader("chart", Role.OTHER, str(location))

    async def read() -> Iterator[tuple[MedicationEntry, ...]]:
        people = (await reader.find(PatientQuery())).patients
        return iter(
            [
                normalize(await reader.pull((one.reference,)), tables(), DAY).entries
                for one in people
            ]
        )

    return tuple(asyncio.run(read()))


def rows(lines: tuple[MedicationEntry, ...]) -> dict[str, str]:
    """The medication of each line, by reference."""
    return {entry.origin.reference: one.id for one in group(lines) for entry, _ in one.lines}


def fills(lines: tuple[MedicationEntry, ...]) -> Iterator[tuple[str, str]]:
    """Every dispense with the order that it names, where the chart holds that order."""
    orders = {entry.origin.reference for entry in lines if entry.kind is Kind.REQUEST}
    for entry in lines:
        if entry.kind is Kind.DISPENSE:
            yield from ((entry.origin.reference, link) for link in entry.links if link in orders)


@pytest.mark.parametrize("hidden", [False, True], ids=["linked", "links hidden"])
def test_an_order_and_its_fills_stand_in_one_row(hidden: bool) -> None:
    apart, pairs = [], 0
    for lines in charts():
        seen = tuple(replace(one, links=(), identifiers=()) for one in lines) if hidden else lines
        placed = rows(seen)
        for fill, order in fills(lines):
            pairs += 1
            if placed[fill] != placed[order]:
                apart.append((fill, order))
    assert pairs > 300
    assert len(apart) <= (1 - ONE_ROW) * pairs, apart
