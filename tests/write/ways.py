"""The ways by which a server takes what is signed, and what stands there once it has it."""

from __future__ import annotations

from typing import Any

from service.model.review import DeliveryState
from service.pipeline.deliver import deliver_due
from service.write.target import ORDER
from tests.write.bench import Bench

WAYS: dict[str, dict[str, Any]] = {
    "in one transaction": {},
    "by PUT under our id": {"transaction": "refused"},
    "by conditional create": {"transaction": "refused", "update_create": False},
    "by POST with a key": {
        "transaction": "refused",
        "update_create": False,
        "conditional_create": False,
        "idempotency_header": "x-amz-fhir-idempotency-key",
    },
    "by POST once": {
        "transaction": "refused",
        "update_create": False,
        "conditional_create": False,
    },
}
EXPECTED = {
    "MedicationStatement": 2,
    "DetectedIssue": 2,
    "MedicationRequest": 1,
    "List": 1,
    "Flag": 1,
    "Task": 3,
    "CarePlan": 1,
    "Provenance": 1,
}
DONE, REFUSED, CONFLICT = DeliveryState.DONE, DeliveryState.REFUSED, DeliveryState.CONFLICT


def counts(bench: Bench, source: str = "psychiatry") -> dict[str, int]:
    return {kind: len(found) for kind, found in bench.holds(source).items()}


def versions(bench: Bench, source: str = "psychiatry") -> set[int]:
    storage = bench.servers[source].storage
    return {v.number for kind in ORDER for v in storage.live(kind) if not v.loaded}


async def drain(bench: Bench, rounds: int = 6) -> None:
    for _ in range(rounds):
        await deliver_due(bench.courier)
        bench.later(120)
