"""A plan of the small report for servers that take everything, with what is known beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from service.model.review import PlannedWrite, Review
from service.write.known import Known
from service.write.plan import plan
from service.write.target import WRITTEN, Signing, WriteTarget
from tests.write.synthetic import AT, PHARMACIST, all_decided, report, reviewed

PSYCHIATRY = WriteTarget(
    "psychiatry", "https://psy.example/fhir", frozenset(WRITTEN), transactions=True
)
PRIMARY_CARE = replace(PSYCHIATRY, name="primary-care", base_url="https://pc.example/fhir")
SIGNING = Signing("sg-1", PHARMACIST, AT, "all")


def planned(
    content: dict[str, Any] | None = None,
    target: WriteTarget = PSYCHIATRY,
    *,
    review: Review | None = None,
    signing: Signing = SIGNING,
    **known: Any,
) -> tuple[PlannedWrite, ...]:
    """The writes for one target; keywords are those of `Known`."""
    return plan(
        review or reviewed(*all_decided()),
        content or report(),
        (target, replace(PRIMARY_CARE, allowed=frozenset())) if target is PSYCHIATRY else (target,),
        signing,
        key=b"k" * 32,
        version="0.1.0",
        known=Known(**known),
    )


def of(writes: tuple[PlannedWrite, ...], kind: str, target: str = "") -> list[dict[str, Any]]:
    """The resources of one type that go, in their order."""
    return [
        dict(write.resource)
        for write in writes
        if write.type == kind and not write.skipped and target in {"", write.target}
    ]
