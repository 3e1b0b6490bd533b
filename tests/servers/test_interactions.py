"""What these servers do of their own, that our guarantees rest on: asked directly, nothing assumed.

A server that changes its ways with a new release fails here first, with the name of the change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from service.errors import WriteConflict, WriteRejected
from service.fhir.client import FhirClient
from service.fhir.outgoing import http_client
from service.model.source import State
from tests.servers.conftest import Server

SYSTEM = "urn:uuid:1f0a36de-5b5c-4a40-8a39-2f3e6a2b9c51"


def task(value: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Task",
        "identifier": [{"system": SYSTEM, "value": value}],
        "status": "requested",
        "intent": "order",
        **more,
    }


def creating(values: list[str], *broken: dict[str, Any]) -> dict[str, Any]:
    """A transaction of conditional creates."""
    entries = [
        {
            "resource": resource,
            "request": {
                "method": "POST",
                "url": "Task",
                "ifNoneExist": f"identifier={SYSTEM}|{resource['identifier'][0]['value']}",
            },
        }
        for resource in [*(task(value) for value in values), *broken]
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


async def count(client: FhirClient, value: str) -> int:
    found = await client.search("Task", [("identifier", f"{SYSTEM}|{value}")])
    assert found.certificate.state is State.COMPLETE, found.certificate.reasons
    return len(found.resources)


def using(server: Server, use: Callable[[FhirClient], Awaitable[None]]) -> None:
    async def run() -> None:
        async with http_client() as http:
            client = FhirClient(server.base_url, http=http)
            await client.capabilities()
            await use(client)

    asyncio.run(run())


def test_a_conditional_create_that_is_repeated_creates_once(server: Server) -> None:
    async def use(client: FhirClient) -> None:
        value = uuid4().hex
        query = f"identifier={SYSTEM}|{value}"
        first = await client.create(task(value), if_none_exist=query)
        again = await client.create(task(value), if_none_exist=query)
        assert (first.status, again.status) == (201, 200)
        assert await count(client, value) == 1

    using(server, use)


def test_an_update_on_an_older_version_is_refused_and_changes_nothing(server: Server) -> None:
    async def use(client: FhirClient) -> None:
        made = await client.create(task(uuid4().hex))
        place = (made.location or "").split("/_history")[0].split("/Task/")[-1]
        seen = made.version
        changed = await client.update(task("x", id=place, description="ours"), if_match=seen)
        assert changed.version not in {None, seen}
        with pytest.raises(WriteConflict):
            await client.update(task("x", id=place, description="lost"), if_match=seen)
        kept = await client.read(f"Task/{place}", fresh=True)
        assert kept.version == changed.version
        assert len(await client.history(f"Task/{place}")) == 2

    using(server, use)


def test_a_transaction_says_of_each_entry_where_it_stands(server: Server) -> None:
    async def use(client: FhirClient) -> None:
        values = [uuid4().hex for _ in range(5)]
        answer = await client.transaction(creating(values))
        assert [entry.status for entry in answer.entries] == [201] * 5
        assert all(entry.location for entry in answer.entries)
        assert [await count(client, value) for value in values] == [1] * 5
        again = await client.transaction(creating(values))
        assert [entry.status for entry in again.entries] == [200] * 5
        assert [await count(client, value) for value in values] == [1] * 5

    using(server, use)


def test_all_pages_come_and_agree_with_the_total(server: Server) -> None:
    async def use(client: FhirClient) -> None:
        group = f"group-{uuid4().hex[:8]}"
        wanted = {uuid4().hex for _ in range(23)}
        for value in sorted(wanted):
            await client.create(task(value, groupIdentifier={"system": SYSTEM, "value": group}))
        params = [("group-identifier", f"{SYSTEM}|{group}"), ("_count", "5")]
        found = await client.search("Task", params)
        assert found.certificate.state is State.COMPLETE, found.certificate.reasons
        assert (len(found.resources), found.certificate.pages) == (23, 5)

    using(server, use)


@pytest.mark.java
def test_hapi_keeps_nothing_of_a_transaction_that_it_refuses(hapi: Server) -> None:
    async def use(client: FhirClient) -> None:
        value = uuid4().hex
        nobody = {"for": {"reference": "Patient/nobody-of-this-name"}}
        with pytest.raises(WriteRejected):
            await client.transaction(creating([value], task(uuid4().hex, **nobody)))
        assert await count(client, value) == 0

    using(hapi, use)


@pytest.mark.node
def test_medplum_processes_a_transaction_as_a_batch_unless_its_flag_is_set(medplum: Server) -> None:
    async def use(client: FhirClient) -> None:
        value = uuid4().hex
        made = await client.create(task(uuid4().hex))
        place = f"Task/{(made.location or '').rpartition('/')[2]}"
        bundle = creating([value])
        bundle["entry"].append(
            {
                "resource": task("x", id=place.removeprefix("Task/")),
                "request": {"method": "PUT", "url": place, "ifMatch": 'W/"another"'},
            }
        )
        answer = await client.transaction(bundle)
        assert [entry.status for entry in answer.entries] == [201, 412]
        assert await count(client, value) == 1

    using(medplum, use)
