"""Our Subscriptions on servers that nobody here wrote: made once, found again, mended, ended."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from service.fhir.client import FhirClient
from service.fhir.outgoing import http_client
from service.fhir.wire import Limits
from service.read.subscriber import Subscriber
from service.read.subscription import Wish, steps, wanted
from tests.servers.conftest import Server

NOW = datetime(2026, 3, 10, 8, tzinfo=UTC)
SECRET = "a-secret-of-more-than-sixteen-characters"
PATIENT = Limits(answer_s=90, deadline_s=120)


async def converged(ours: Subscriber, now: datetime, *, stop: bool = False) -> list[str]:
    """Do what there is to do; the deeds."""
    want = wanted(ours.wish, [("p-1", "17"), ("p-2", "18")])
    planned = steps(ours.wish, want, await ours.found(want), now=now, stop=stop)
    for step in planned:
        await ours.do(step, now=now)
    return sorted(step.deed.value for step in planned)


async def standing(client: FhirClient, wish: Wish) -> dict[str, str]:
    """Status of each of ours by the address that it leads to, as the server gives them."""
    found = await client.search("Subscription", [], fresh=True)
    told = [msgspec.json.decode(one.body) for one in found.resources]
    ours = [one for one in told if one["channel"]["endpoint"].startswith(wish.address)]
    assert len({one["channel"]["endpoint"] for one in ours}) == len(ours)
    return {one["channel"]["endpoint"].removeprefix(wish.address): one["status"] for one in ours}


@pytest.mark.parametrize("signed", [False, True], ids=["shown", "signed"])
def test_a_subscription_for_each_patient_is_made_once_renewed_and_switched_off(
    server: Server, signed: bool
) -> None:
    address = f"https://concord.example/api/notifications/{uuid4().hex}"
    wish = Wish(address, ("MedicationRequest?patient={patient}",), SECRET, signed=signed)
    after_that = NOW + timedelta(days=80)

    async def run() -> None:
        async with http_client() as http:
            client = FhirClient(server.base_url, http=http, limits=PATIENT)
            ours = Subscriber(client, wish)
            other = await client.create(
                {
                    "resourceType": "Subscription",
                    "status": "requested",
                    "reason": "Somebody else's",
                    "criteria": "Observation?patient=17",
                    "channel": {"type": "rest-hook", "endpoint": "https://other.example/hook"},
                }
            )
            assert await converged(ours, NOW) == ["create", "create"]
            assert await converged(ours, NOW) == ["keep", "keep"]
            assert set(await standing(client, wish)) == {"/of/p-1", "/of/p-2"}
            assert await converged(ours, after_that) == ["renew", "renew"]
            assert await converged(ours, after_that) == ["keep", "keep"]
            assert await converged(ours, after_that, stop=True) == ["switch off", "switch off"]
            assert await standing(client, wish) == {"/of/p-1": "off", "/of/p-2": "off"}
            assert await converged(ours, after_that, stop=True) == []
            left = msgspec.json.decode(other.body)["id"]
            theirs = await client.read(f"Subscription/{left}")
            assert msgspec.json.decode(theirs.body)["status"] == "requested"

    asyncio.run(run())
