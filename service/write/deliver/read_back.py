"""What the server keeps of a write, read past its caches and compared with what was approved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from service.errors import SourceError
from service.fhir.client import Answer
from service.model.review import DeliveryState
from service.write.compare import additions, differences
from service.write.crash import CrashPoint, crash_point
from service.write.deliver.parcel import Outcome, Parcel, to_person
from service.write.deliver.places import resolved
from service.write.deliver.recipient import Server
from service.write.seen import content_version, version_of

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
    if wrong:
        shown = ", ".join(wrong[:_SHOWN])
        return to_person(parcel, f"the server keeps something else at {shown}")
    version = _ours(parcel, sent, kept, answer)
    return Outcome(parcel.id, DeliveryState.DONE, "", parcel.location, version)


def _ours(
    parcel: Parcel, sent: Mapping[str, Any], kept: Mapping[str, Any], answer: Answer
) -> str | None:
    """The version on top of which the next signature goes, so that it writes over nothing unseen.

    What stands there is ours where our own write was answered with it, or where it holds nothing
    that we did not send: what a server adds by itself raises no alarm then. Otherwise somebody may
    have added to it since, and ours is the version that was answered, or the content that was sent:
    the next signature finds it changed, and a person looks before anything is written over.
    """
    stands = version_of(answer.version, answer.body)
    unnamed = parcel.just_written and parcel.version is None
    if unnamed or stands == parcel.version or not additions(sent, kept):
        return stands
    return parcel.version or content_version(sent)
