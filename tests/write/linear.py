"""Sixteen writers on one resource: what was acknowledged stands in its history once, in order."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from typing import Any

import httpx

from service.errors import WriteConflict
from service.fhir.client import FhirClient
from service.fhir.wire import Limits

WRITERS = 16
_MARK = "urn:concord:test:writer"


def care_plan(subject: str) -> dict[str, Any]:
    return {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "plan",
        "subject": {"reference": subject},
    }


async def history_is_linear(
    base_url: str, plan: Mapping[str, Any], *, seconds: float, pause_s: float
) -> int:
    """Lets all writers add their words for so long; gives how many writes were acknowledged.

    Each reads, adds one identifier of its own and updates on top of what it read; who is late
    reads again. The versions that a reader sees never go back.
    """
    async with httpx.AsyncClient(trust_env=False) as http:
        client = FhirClient(base_url, http=http, limits=Limits(in_flight=WRITERS + 1))
        created = await client.create(plan)
        place = f"CarePlan/{json.loads(created.body)['id']}"
        until = asyncio.get_running_loop().time() + seconds
        written = await asyncio.gather(
            *(_writer(client, place, number, until, pause_s) for number in range(WRITERS))
        )
        acknowledged = [word for words in written for word in words]
        versions = [json.loads(one.body) for one in await client.history(place)]
    oldest_first = versions[::-1]
    before: list[str] = []
    for version in oldest_first:
        words = _words(version)
        assert words[: len(before)] == before, "a version takes back what the one before it said"
        assert len(words) - len(before) == (version is not oldest_first[0])
        before = words
    assert sorted(before) == sorted(acknowledged), "each acknowledged write once, no other"
    assert len(oldest_first) == len(acknowledged) + 1
    return len(acknowledged)


async def _writer(
    client: FhirClient, place: str, number: int, until: float, pause_s: float
) -> list[str]:
    rng = random.Random(number)
    written: list[str] = []
    seen = 0
    while not written or asyncio.get_running_loop().time() < until:
        answer = await client.read(place, fresh=True)
        found = json.loads(answer.body)
        assert len(_words(found)) >= seen, "a read went back in time"
        seen = len(_words(found))
        word = f"{number}-{len(written)}"
        marks = [*found.get("identifier", []), {"system": _MARK, "value": word}]
        try:
            await client.update(found | {"identifier": marks}, if_match=answer.version)
        except WriteConflict:
            await asyncio.sleep(rng.uniform(0, pause_s))
            continue
        written.append(word)
        await asyncio.sleep(rng.uniform(0, 4 * pause_s))
    return written


def _words(resource: Mapping[str, Any]) -> list[str]:
    return [one["value"] for one in resource.get("identifier", []) if one["system"] == _MARK]
