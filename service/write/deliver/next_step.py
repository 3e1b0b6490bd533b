"""What a person does next about a write, by where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from service.model.review import DeliveryState

NEXT_STEP: Final[Mapping[DeliveryState, str]] = {
    DeliveryState.PLANNED: "Nothing: it is sent by itself; its reason says why not yet.",
    DeliveryState.SENDING: "Nothing: it is looked up and read back by itself.",
    DeliveryState.CONFLICT: "Read the patient again, look at what changed there, and sign again.",
    DeliveryState.NEEDS_REVIEW: "Look at the resource on the server; then send again or leave it.",
    DeliveryState.REFUSED: "Settle the reason with those who run the server; then send again.",
    DeliveryState.DEAD: "Send again once the server answers: its identifier keeps it single.",
    DeliveryState.CANCELLED: "Nothing: what is still meant is written by the next signature.",
    DeliveryState.DONE: "Nothing: it stands there as it was signed.",
}
"""Sending again always keeps the identifier, and looks before it sends."""
