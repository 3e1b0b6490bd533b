"""What became of a write is told by the error: surely not sent, unknown, conflict, refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from service.errors import (
    SourceInvalid,
    WriteConflict,
    WriteError,
    WriteRejected,
    WriteUnavailable,
    WriteUnknown,
)
from service.fhir.auth import Basic, Bearer
from service.fhir.client import Answer, FhirClient
from service.fhir.outgoing import http_client
from service.fhir.wire import Limits
from service.sandbox.faults import Answer as Answered
from service.sandbox.faults import Fault, Hang, Reset
from service.sandbox.manners import PRIMARY_CARE, STRICT, Access, Manners
from service.sandbox.server import Sandbox
from tests.read.stage import on_stage

IDENTIFIER = "urn:concord|1"


def task(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Task",
        "identifier": [{"system": "urn:concord", "value": "1"}],
        "status": "requested",
        "intent": "order",
        **more,
    }


def using(app: Sandbox, use: Callable[[FhirClient], Awaitable[Any]], **client: Any) -> Any:
    async def run(base: str) -> Any:
        async with http_client() as http:
            limits = Limits(connect_s=1, answer_s=0.5)
            return await use(FhirClient(base, http=http, limits=limits, **client))

    with on_stage(app) as base:
        return asyncio.run(run(base))


def test_a_created_resource_has_its_version_and_is_read_back() -> None:
    async def use(client: FhirClient) -> None:
        made = await client.create(task(), if_none_exist=f"identifier={IDENTIFIER}")
        assert made.status == 201
        assert made.version == "1"
        again = await client.create(task(), if_none_exist=f"identifier={IDENTIFIER}")
        assert again.status == 200
        found = await client.search("Task", [("identifier", IDENTIFIER)])
        assert len(found.resources) == 1
        seen = await client.read(found.resources[0].reference, fresh=True)
        assert (seen.status, seen.version) == (200, "1")
        assert len(await client.history(found.resources[0].reference)) == 1

    using(Sandbox(STRICT), use)


def test_an_update_on_an_older_version_is_a_conflict() -> None:
    async def use(client: FhirClient) -> None:
        await client.update(task(id="t1"), if_none_match="*")
        changed = await client.update(task(id="t1", description="x"), if_match="1")
        assert changed.version == "2"
        with pytest.raises(WriteConflict):
            await client.update(task(id="t1", description="y"), if_match="1")
        with pytest.raises(WriteConflict):
            await client.update(task(id="t1"), if_none_match="*")

    using(Sandbox(Manners(name="open")), use)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Reset(at="headers", commit=True), WriteUnknown),
        (Reset(at="request"), WriteUnknown),
        (Hang(seconds=5, commit=True), WriteUnknown),
        (Answered(status=500, commit=True), WriteUnknown),
        (Answered(status=502), WriteUnknown),
        (Answered(status=202), WriteUnknown),
        (Answered(status=429, headers={"Retry-After": "1"}), WriteUnavailable),
        (Answered(status=503), WriteUnavailable),
        (Answered(status=409), WriteConflict),
        (Answered(status=412), WriteConflict),
        (Answered(status=422, issue="no", code="invalid"), WriteRejected),
        (Answered(status=403), WriteRejected),
        (Answered(status=413), WriteRejected),
        (Answered(status=307, headers={"Location": "http://127.0.0.2/fhir/Task"}), WriteRejected),
    ],
)
def test_each_failure_says_what_is_known_and_nothing_is_sent_twice(
    fault: Any, expected: type[WriteError]
) -> None:
    app = Sandbox(Manners(name="open"))
    app.faults.add(Fault(action=fault, method="POST", times=1))

    async def use(client: FhirClient) -> None:
        with pytest.raises(WriteError) as told:
            await client.create(task())
        assert type(told.value) is expected

    using(app, use)
    assert sum(1 for one in app.log if one.method == "POST") == 1


def test_a_server_that_is_not_there_was_surely_not_written_to() -> None:
    async def run() -> None:
        async with http_client() as http:
            client = FhirClient("http://127.0.0.1:1/fhir", http=http)
            with pytest.raises(WriteUnavailable, match="connection refused"):
                await client.create(task())

    asyncio.run(run())


def test_a_transaction_tells_of_each_entry() -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": task(), "request": {"method": "POST", "url": "Task"}}],
    }

    async def use(client: FhirClient) -> Answer:
        return await client.transaction(bundle)

    answer = using(Sandbox(Manners(name="open")), use)
    assert [(one.status, one.version) for one in answer.entries] == [(201, "1")]


def test_what_a_server_says_of_itself_is_known() -> None:
    async def use(client: FhirClient) -> None:
        known = await client.capabilities()
        assert known.release.value == "R4"
        assert known.offers("MedicationStatement")
        assert "create" in known.offer("Task").interactions
        assert "create" not in known.offer("MedicationRequest").interactions

    using(Sandbox(PRIMARY_CARE), use)


@pytest.mark.parametrize(("version", "name"), [("1.0.2", "DSTU2"), ("5.0.0", "R5")])
def test_other_releases_are_refused_by_name(version: str, name: str) -> None:
    async def use(client: FhirClient) -> None:
        with pytest.raises(SourceInvalid, match=name):
            await client.capabilities()

    using(Sandbox(Manners(name="old", fhir_version=version)), use)


@pytest.mark.parametrize("kind", ["bearer", "basic"])
def test_credentials_open_the_door(kind: Any) -> None:
    access = Access(kind=kind, token="secret", user="u", password="p")
    credentials = Bearer("secret") if kind == "bearer" else Basic("u", "p")

    async def use(client: FhirClient) -> None:
        assert (await client.create(task())).status == 201

    using(Sandbox(Manners(name="closed", access=access)), use, credentials=credentials)


def test_secrets_do_not_show_in_a_representation() -> None:
    client = FhirClient("https://ehr.example", Bearer("hush"), http=httpx.AsyncClient())
    assert "hush" not in repr(client)
    assert "hush" not in repr(Basic("u", "hush"))
