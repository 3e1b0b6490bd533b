"""One planned write on its way to one server, and where it stands now."""

from __future__ import annotations

from dataclasses import dataclass

from service.model.review import DeliveryState, PlannedWrite

GIVEN_UP = frozenset({DeliveryState.REFUSED, DeliveryState.DEAD, DeliveryState.CANCELLED})
"""Ends without a resource on the server."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One planned write on its way. `location` is where it stands, once that is known.

    `version` is the one that the answer to our own write named; None where that answer was lost or
    named none. `just_written` says that it was answered a moment ago.
    """

    id: str
    write: PlannedWrite
    location: str = ""
    version: str | None = None
    just_written: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a parcel stands now. SENDING with a location: written, not yet read back.

    `just_written` where this very answer says so: what was found there may be anybody's by now.
    """

    id: str
    state: DeliveryState
    reason: str = ""
    location: str = ""
    version: str | None = None
    strategy: str = ""
    just_written: bool = False


def to_person(parcel: Parcel, reason: str, strategy: str = "") -> Outcome:
    """What cannot be known or must not be decided here: somebody looks at the server."""
    return Outcome(
        parcel.id, DeliveryState.NEEDS_REVIEW, reason, parcel.location, strategy=strategy
    )
