"""One planned write on its way to one server, and where it stands now."""

from __future__ import annotations

from dataclasses import dataclass

from service.model.review import DeliveryState, PlannedWrite

GIVEN_UP = frozenset({DeliveryState.REFUSED, DeliveryState.DEAD, DeliveryState.CANCELLED})
"""Ends without a resource on the server."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One planned write on its way. `location` is where it stands, once that is known."""

    id: str
    write: PlannedWrite
    location: str = ""
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a parcel stands now. SENDING with a location: written, not yet read back."""

    id: str
    state: DeliveryState
    reason: str = ""
    location: str = ""
    version: str | None = None
    strategy: str = ""


def to_person(
    parcel: Parcel, reason: str, version: str | None = None, strategy: str = ""
) -> Outcome:
    """What cannot be known or must not be decided here: somebody looks at the server."""
    return Outcome(
        parcel.id, DeliveryState.NEEDS_REVIEW, reason, parcel.location, version, strategy
    )
