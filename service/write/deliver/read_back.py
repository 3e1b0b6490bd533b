"""What the server keeps of a write, read past its caches and compared with what was approved."""

from __future__ import annotations

import json
from collections.abc import Mapping

from service.errors import SourceError
from service.model.review import DeliveryState
from service.write.compare import differences
from service.write.crash import CrashPoint, crash_point
from service.write.deliver.parcel import Outcome, Parcel, to_person
from service.write.deliver.places import resolved
from service.write.deliver.recipient import Server
from service.write.seen import version_of

_SHOWN = 5


async def read_back(parcel: Parcel, server: Server, places: Mapping[str, str]) -> Outcome:
    """DONE when the server keeps what was approved, SENDING when it cannot be read yet."""
    crash_point(CrashPoint.BEFORE_READ_BACK)
    try:
        answer = await server.read(parcel.location, fresh=True)
    except SourceError as error:
        waiting = f"written, not yet read back: {error.message}"
        return Outcome(parcel.id, DeliveryState.SENDING, waiting, parcel.location, parcel.version)
    crash_point(CrashPoint.AFTER_READ_BACK)
    if answer.status != 200:
        return to_person(parcel, f"{parcel.location} is not there right after it was written")
    kept = json.loads(answer.body)
    sent = resolved(parcel.write.resource, places)
    wrong = differences(sent, kept, server.base_url)
    version = version_of(answer.version, answer.body)
    if wrong:
        shown = ", ".join(wrong[:_SHOWN])
        return to_person(parcel, f"the server keeps something else at {shown}", version)
    return Outcome(parcel.id, DeliveryState.DONE, "", parcel.location, version)
