"""Sixteen writers on one care plan of a server that nobody here wrote: one line of versions."""

from __future__ import annotations

import asyncio
import os

import httpx
import pytest

from tests.servers.conftest import Server
from tests.write.linear import WRITERS, care_plan, history_is_linear

SECONDS = 60.0 if os.environ.get("CONCORD_TEST_SCALE") == "full" else 1.0


@pytest.mark.parametrize("pause_s", [0.01, 0.05])
def test_sixteen_writers_on_one_care_plan_make_one_line_of_versions(
    server: Server, pause_s: float
) -> None:
    patient = httpx.post(
        f"{server.base_url}/Patient",
        json={"resourceType": "Patient"},
        headers={"Content-Type": "application/fhir+json"},
        timeout=60,
        trust_env=False,
    )
    plan = care_plan(f"Patient/{patient.json()['id']}")
    done = history_is_linear(server.base_url, plan, seconds=SECONDS, pause_s=pause_s)
    assert asyncio.run(done) >= WRITERS
