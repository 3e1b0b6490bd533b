"""In which groups the drugs of a page stand: by need, prescriber, indication, and more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from service.web.cells import ENDED

Medication = Mapping[str, Any]
Finding = Mapping[str, Any]

NEED: Final = ("Needs a decision", "In one source only", "Sources agree", "Stopped")
NOBODY: Final = "Nobody named as prescriber"
NO_INDICATION: Final = "No indication recorded"
DECIDED: Final = ("Not decided yet", "Decided")
BY: Final = {
    "need": "need",
    "undecided": "not yet decided",
    "prescriber": "prescriber",
    "indication": "indication",
    "name": "name",
}
"""How drugs can be grouped, with the words for it."""


def need(medication: Medication, findings: Sequence[Finding]) -> str:
    """What differs or is spoken of comes first, what agrees or has ended last."""
    grave = any(finding["severity"] in {"high", "moderate"} for finding in findings)
    if grave or medication["agreement"] == "different":
        return NEED[0]
    if medication["state"] == "stopped":
        return NEED[3]
    return NEED[1] if medication["agreement"] == "single-source" else NEED[2]


def prescriber(medication: Medication, _findings: Sequence[Finding]) -> str:
    """Everybody who orders it now."""
    running = [line for line in medication["lines"] if line["state"] not in ENDED]
    return ", ".join(sorted({r["requester"] for r in running if r["requester"]})) or NOBODY


def indication(medication: Medication, _findings: Sequence[Finding]) -> str:
    return medication["indication"][0] if medication["indication"] else NO_INDICATION


def grouping(by: str, is_decided: Callable[[str], bool]) -> tuple[Callable[..., str], list[str]]:
    """The group of each drug, and the titles that come in an order of their own.

    Other titles stand between them in the order of the alphabet; "" is one group for all.
    """

    def decided(medication: Medication, _findings: Sequence[Finding]) -> str:
        return DECIDED[1] if is_decided(medication["id"]) else DECIDED[0]

    def all_together(_medication: Medication, _findings: Sequence[Finding]) -> str:
        return "By name"

    known: dict[str, tuple[Callable[..., str], list[str]]] = {
        "undecided": (decided, list(DECIDED)),
        "prescriber": (prescriber, [NOBODY]),
        "indication": (indication, [NO_INDICATION]),
        "name": (all_together, []),
    }
    return known.get(by, (need, list(NEED)))
