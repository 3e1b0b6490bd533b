"""The connection test: each step in words up to the one that fails, and no patient read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from service.fhir.auth import Anonymous, SmartBackend
from service.fhir.client import FhirClient
from service.fhir.outgoing import http_client
from service.read.connection import Step, connection
from tests.read.catalogue import KEY, PROFILES, TOKENS
from tests.read.chart import sandbox
from tests.read.stage import on_stage


def steps(app: Any, credentials: Callable[[], Any] = Anonymous) -> dict[str, Step]:
    async def run(base: str) -> dict[str, Step]:
        async with http_client() as http:
            client = FhirClient(base, credentials(), http=http)
            return {step.tried: step for step in await connection(client)}

    with on_stage(app) as base:
        return asyncio.run(run(base))


def backend(client: str = "concord") -> SmartBackend:
    return SmartBackend(client, KEY.as_pem(private=True).decode(), key_id="k")


def test_a_server_in_order_passes_every_step_and_shows_nobody() -> None:
    app = sandbox()
    found = steps(app)
    assert [step.fine for step in found.values()] == [True, None, True, True, True]
    assert found["It lets us sign in"].words == "no sign-in is configured for it"
    assert {line.path.rpartition("/")[2].partition("?")[0] for line in app.log} <= {
        "metadata",
        "Patient",
        "_search",
    }


def test_a_token_that_opens_less_than_is_read_is_named_by_type() -> None:
    narrow = replace(TOKENS, scopes=("system/Patient.rs", "system/Observation.rs"))
    found = steps(sandbox(access=narrow), backend)
    assert found["It lets us sign in"].fine
    assert found["It grants what we read"].fine is False
    assert "MedicationRequest" in found["It grants what we read"].types
    assert "Observation" not in found["It grants what we read"].types


def test_a_client_that_is_not_known_there_is_refused_at_signing_in() -> None:
    found = steps(sandbox(access=TOKENS), lambda: backend("nobody"))
    assert list(found) == ["It lets us sign in"]
    assert found["It lets us sign in"].fine is False


def test_a_server_that_is_down_fails_the_first_step_in_words() -> None:
    async def run() -> tuple[Step, ...]:
        async with http_client() as http:
            return await connection(FhirClient("http://127.0.0.1:9/fhir", http=http))

    (only,) = asyncio.run(run())
    assert only.fine is False
    assert only.words


def test_how_the_server_is_asked_and_what_of_it_no_vendor_told_stands_beside_it() -> None:
    async def run() -> str:
        async with http_client() as http:
            with on_stage(sandbox(software="NextGen")) as base:
                first, *_ = await connection(FhirClient(base, http=http), PROFILES)
        return first.words

    words = asyncio.run(run())
    assert "asked as NextGen" in words
    assert words.count("unverified: ") == 2
