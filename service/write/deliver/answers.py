"""What an answer or an error means for one resource: each has one state and a sentence."""

from __future__ import annotations

from service.errors import (
    WriteConflict,
    WriteError,
    WriteRejected,
    WriteUnavailable,
    WriteUnknown,
)
from service.model.review import DeliveryState
from service.write.deliver.parcel import Outcome, Parcel
from service.write.deliver.places import place_of

_FINDS = frozenset({"transaction", "conditional-create"})
"""Ways of creating by which a server may answer with what stood there before."""


def answered(
    parcel: Parcel, status: int, location: str | None, version: str | None, strategy: str
) -> Outcome:
    """What a status means for one resource, by itself or inside a transaction's response.

    A conditional create that is answered without 201 made nothing: it found what stands there.
    """
    if status in {409, 412}:
        reason = "it changed there since it was seen; look at it and decide again"
        return Outcome(parcel.id, DeliveryState.CONFLICT, reason, strategy=strategy)
    if not status:
        unsaid = WriteUnknown("the answer does not say what became of it")
        return failed(parcel, unsaid, strategy)
    if not 200 <= status < 300:
        reason = f"the server refuses it ({status})"
        return Outcome(parcel.id, DeliveryState.REFUSED, reason, strategy=strategy)
    place = place_of(location, parcel.write.type) or parcel.write.reference
    if not place:
        return failed(parcel, WriteUnknown("the answer does not say where it stands"), strategy)
    if status != 201 and strategy in _FINDS and not parcel.write.reference:
        return Outcome(parcel.id, DeliveryState.SENDING, "", place, strategy=strategy)
    return Outcome(parcel.id, DeliveryState.SENDING, "", place, version, strategy, True)


def failed(parcel: Parcel, error: WriteError, strategy: str) -> Outcome:
    """Where a parcel stands after an error: each kind of error has one state."""
    states = (
        (WriteUnavailable, DeliveryState.PLANNED),
        (WriteConflict, DeliveryState.CONFLICT),
        (WriteRejected, DeliveryState.REFUSED),
    )
    state = next((s for kind, s in states if isinstance(error, kind)), DeliveryState.SENDING)
    return Outcome(parcel.id, state, error.message, strategy=strategy)
