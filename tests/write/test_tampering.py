"""What was approved is what is written: no other byte, on no other version, over nobody else."""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import replace

import pytest

from service.model.review import DeliveryState
from service.pipeline.claim import as_approved
from service.sandbox.manners import STRICT
from service.sandbox.run import running
from service.sandbox.server import Sandbox
from tests.write.bench import Bench, on_bench
from tests.write.linear import WRITERS, care_plan, history_is_linear

FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"
MUTATIONS = 10_000 if FULL else 500
SECONDS = 60.0 if FULL else 0.5


def mutated(body: bytes, rng: random.Random) -> bytes:
    """The bytes with one flipped, added, taken away, or with a piece said twice."""
    at = rng.randrange(len(body))
    match rng.randrange(4):
        case 0:
            return body[:at] + bytes([body[at] ^ (1 << rng.randrange(8))]) + body[at + 1 :]
        case 1:
            return body[:at] + bytes([rng.randrange(256)]) + body[at:]
        case 2:
            return body[:at] + body[at + 1 :]
    return body[: at + 1] + body[max(0, at - 8) :]


def test_no_changed_byte_of_what_was_approved_is_accepted() -> None:
    async def use(bench: Bench) -> None:
        rows = await bench.rows(await bench.signed())
        rng = random.Random(12)
        accepted = 0
        for _ in range(MUTATIONS):
            row = rng.choice(rows)
            other = mutated(row.body, rng)
            if other != row.body:
                now = as_approved(replace(row, body=other))
                accepted += now.state is not DeliveryState.REFUSED
        assert accepted == 0
        assert [as_approved(row) for row in rows] == list(rows)

    on_bench(use)


@pytest.mark.parametrize("pause_s", [0.001, 0.02])
def test_sixteen_writers_on_one_care_plan_make_one_line_of_versions(pause_s: float) -> None:
    app = Sandbox(STRICT)
    app.load([{"resourceType": "Patient", "id": "17"}])
    plan = care_plan("Patient/17")
    with running(app) as base_url:
        done = history_is_linear(base_url, plan, seconds=SECONDS, pause_s=pause_s)
        assert asyncio.run(done) >= WRITERS
