"""By which way one resource is sent by itself: the strongest guard that its server has."""

from __future__ import annotations

from service.model.review import PlannedWrite
from service.write.target import WriteTarget

BY_KEY = "idempotency-key"
"""A POST under a key of ours, which the server takes once: 409 where it has had it already.

Source: AWS HealthLake, developer guide, Idempotency and Concurrency (read 2026): a UUID in a header
of the POST of one resource.
"""


def strategy_of(write: PlannedWrite, target: WriteTarget) -> str:
    """The strongest way by which this server takes this resource by itself."""
    if write.reference:
        return "update"
    if write.type in target.put_creates:
        return "put-as-create"
    if target.idempotency_header:
        return BY_KEY
    return "conditional-create" if write.type in target.conditional else "post-once"
