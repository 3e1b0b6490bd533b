"""Real payloads, broken anywhere: a state or a Problem comes of it, and never a crash.

`CONCORD_TEST_SCALE=full` tries a hundred times as many. A failure names the number that replays it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.errors import SourceInvalid
from service.fhir import about
from service.fhir import bundle as bundles
from service.fhir.answer import answer_of
from service.fhir.capability import capabilities
from service.fhir.outcome import issues
from service.fhir.paging import Paging, Stop
from service.fhir.policy import Endpoint
from service.fhir.release import Release
from service.fhir.wire import Reply
from service.mappings.folder import shipped
from service.mappings.frequency import load_frequencies
from service.mappings.routes import load_routes
from service.mappings.rxnorm import load_drug_table
from service.mappings.units import load_units
from service.model.source import Role, SourceRead, State
from service.normalize import Tables, normalize, patients
from service.sandbox.server import resources_of
from tests.read.chart import LINES as CHARTED
from tests.read.chart import sandbox
from tests.read.mutation import mutated
from tests.read.test_properties import BASE, LINES, paged, read_from

SCALE = 100 if os.environ.get("CONCORD_TEST_SCALE") == "full" else 1
HERE = Endpoint.parse(BASE)
GOLDEN = Path(__file__).parents[2] / "fixtures" / "patients"
AS_OF = date(2026, 3, 10)
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [
        {
            "severity": "warning",
            "code": "incomplete",
            "details": {"coding": [{"system": "urn:vendor", "code": "4119"}], "text": "partly"},
            "diagnostics": "one shard did not answer",
        }
    ],
}


def seeds(number: int) -> list[int]:
    return list(range(number * SCALE))


@cache
def real(path: str) -> dict[str, Any]:
    """What a sandbox server answers to a GET of `path`."""

    async def asked() -> dict[str, Any]:
        app = sandbox(page_size=50, max_count=50)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
            found: dict[str, Any] = (await http.get(f"{BASE}/{path}")).json()
            return found

    return asyncio.run(asked())


@cache
def resources() -> Sequence[dict[str, Any]]:
    """Every resource of the golden patients, one of each shape and type."""
    shapes: dict[tuple[str, ...], dict[str, Any]] = {}
    for folder in sorted(GOLDEN.iterdir()):
        if (folder / "sources").is_dir():
            for one in resources_of(folder / "sources"):
                shapes.setdefault((one["resourceType"], *sorted(one)), one)
    return list(shapes.values())


def searched() -> dict[str, Any]:
    """A page as this test's server sends it, with a warning and an included resource in it."""
    page: dict[str, Any] = real("MedicationRequest?patient=1")
    extra = [{"resource": OUTCOME, "search": {"mode": "outcome"}}]
    return {**page, "entry": [*page["entry"], *extra]}


@pytest.mark.parametrize("payload", ["Bundle", "CapabilityStatement", "OperationOutcome"])
def test_what_is_read_of_a_broken_payload_is_told_in_words(payload: str) -> None:
    """The parsers themselves: nothing but SourceInvalid and Stop leaves them."""
    whole = {
        "Bundle": searched(),
        "CapabilityStatement": real("metadata"),
        "OperationOutcome": OUTCOME,
    }[payload]
    for seed in seeds(400 if payload != "CapabilityStatement" else 40):
        body = mutated(whole, seed)
        with suppress(SourceInvalid):
            capabilities(body)
        issues(body)
        answer_of(Reply(200, {}, body))
        paging = Paging(
            "MedicationRequest",
            (("patient", "1"),),
            frozenset({"Patient/1"}),
            expected=Release.R4,
            offered=True,
        )
        paging.pages = 1
        with suppress(SourceInvalid, Stop):
            paging.take(bundles.decode_bundle(body), HERE)
        for one in paging.result().resources:
            whom = about.subjects(bundles.peek(one.body)).references
            assert "Patient/1" in {HERE.relative(name) or name for name in whom}, seed


@pytest.mark.parametrize("broken", ["MedicationRequest", "metadata", "everything"])
def test_a_server_with_broken_payloads_gets_a_state_and_never_another_patients_lines(
    broken: str,
) -> None:
    plain = paged([LINES])
    statement = json.loads(plain(httpx.Request("GET", f"{BASE}/metadata")).content)
    page = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(LINES),
        "link": [{"relation": "self", "url": f"{BASE}/MedicationRequest?patient=1&_count=200"}],
        "entry": [{"resource": one, "search": {"mode": "match"}} for one in LINES],
    }
    for seed in seeds(25):

        def answer(asked: httpx.Request, seed: int = seed) -> httpx.Response:
            kind = asked.url.path.removeprefix("/fhir/")
            spoil = broken in {kind, "everything"}
            if kind == "metadata" and spoil:
                return httpx.Response(200, content=mutated(statement, seed))
            if kind == "MedicationRequest" and spoil:
                return httpx.Response(200, content=mutated(page, seed))
            if broken == "everything":
                return httpx.Response(
                    (200, 400, 404, 500)[seed % 4], content=mutated(OUTCOME, seed)
                )
            return plain(asked)

        read = read_from(answer)
        state = read.state_of("MedicationRequest")
        assert state in State
        if state is not State.COMPLETE:
            assert read.reasons or any(one.reasons for one in read.certificates), seed
        lines = [one for one in read.resources if one.type == "MedicationRequest"]
        for one in lines:
            whom = about.subjects(bundles.peek(one.body)).references
            assert any(name.endswith("Patient/1") for name in whom), seed


@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_an_error_told_in_latin_1_is_an_error_and_no_crash(status: int) -> None:
    told = json.dumps({**OUTCOME, "text": "Störung"}, ensure_ascii=False).encode("latin-1")
    latin = told.replace(b"incomplete", b"Kapazit\xe4t")
    plain = paged([LINES])

    def answer(asked: httpx.Request) -> httpx.Response:
        if asked.url.path.endswith("/MedicationRequest"):
            return httpx.Response(status, content=latin)
        return plain(asked)

    read = read_from(answer)
    assert read.state_of("MedicationRequest") in {State.UNAVAILABLE, State.NOT_OFFERED}
    assert read.state_of("Patient") is State.COMPLETE


@pytest.fixture(scope="module")
def tables() -> Tables:
    folder = shipped("mappings")
    return Tables(
        drugs=load_drug_table(folder),
        units=load_units(folder),
        frequencies=load_frequencies(folder),
        routes=load_routes(folder),
    )


def test_a_broken_resource_becomes_lines_or_problems_and_none_is_lost(tables: Tables) -> None:
    """Every resource of the golden patients in turn, through all of normalize."""
    known = resources()
    assert {"MedicationRequest", "Observation", "Appointment"} <= {r["resourceType"] for r in known}
    for seed in seeds(1200):
        whole = known[seed % len(known)]
        body = mutated(whole, seed)
        try:
            seen = bundles.peek(body)
        except SourceInvalid:
            continue
        kept = bundles.raw_resource(seen, "", body)
        read = SourceRead("clinic", Role.OTHER, resources=(kept,), base_url=BASE)
        record = normalize(read, tables, AS_OF)
        patients((kept,) if kept.type == "Patient" else (), "clinic")
        if kept.type == "MedicationRequest":
            placed = {entry.origin.reference for entry in record.entries}
            told = {problem.reference for problem in record.problems}
            assert kept.reference in placed | set(record.excluded) | told or record.later, seed


def test_the_payloads_that_are_broken_are_whole_before() -> None:
    paging = Paging(
        "MedicationRequest",
        (("patient", "1"),),
        frozenset({"Patient/1"}),
        expected=Release.R4,
        offered=True,
        pages=1,
    )
    paging.take(
        bundles.decode_bundle(json.dumps(real("MedicationRequest?patient=1")).encode()), HERE
    )
    assert paging.result().certificate.count == CHARTED
    assert capabilities(json.dumps(real("metadata")).encode()).known
