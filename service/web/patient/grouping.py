"""In which groups the drugs of a page stand: by need, prescriber, indication, and more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from service.web.patient.cells import ENDED

Medication = Mapping[str, Any]
Finding = Mapping[str, Any]

NEED: Final = (
    "Needs a decision",
    "In one source only",
    "The same in other words",
    "Identical in all that list it",
    "Stopped",
)
NO_CLASS: Final = "No class known here"
NOBODY: Final = "Nobody named as prescriber"
NO_INDICATION: Final = "No indication recorded"
BY_NAME: Final = "By name"
DECIDED: Final = ("Not decided yet", "Decided")
BY: Final = {
    "need": "need",
    "undecided": "not yet decided",
    "class": "class",
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
        return NEED[4]
    if medication["agreement"] == "single-source":
        return NEED[1]
    return NEED[2] if medication["agreement"] == "equivalent" else NEED[3]


def prescriber(medication: Medication, _findings: Sequence[Finding]) -> str:
    """Everybody who orders it now."""
    running = [line for line in medication["lines"] if line["state"] not in ENDED]
    return ", ".join(sorted({r["requester"] for r in running if r["requester"]})) or NOBODY


def indication(medication: Medication, _findings: Sequence[Finding]) -> str:
    return medication["indication"][0] if medication["indication"] else NO_INDICATION


def grouping(
    by: str, is_decided: Callable[[str], bool], drug_classes: Mapping[str, str]
) -> tuple[Callable[..., str], list[str]]:
    """The group of each drug, and the titles that come in an order of their own.

    Other titles stand between them in the order of the alphabet; "" is one group for all.

    Args:
        drug_classes: the therapeutic class of an ingredient by RxCUI.
    """

    def decided(medication: Medication, _findings: Sequence[Finding]) -> str:
        return DECIDED[1] if is_decided(medication["id"]) else DECIDED[0]

    def of_class(medication: Medication, _findings: Sequence[Finding]) -> str:
        known = {drug_classes.get(i["rxcui"], "") for i in medication["ingredients"]} - {""}
        return " and ".join(sorted(known)) or NO_CLASS

    def all_together(_medication: Medication, _findings: Sequence[Finding]) -> str:
        return BY_NAME

    known: dict[str, tuple[Callable[..., str], list[str]]] = {
        "undecided": (decided, list(DECIDED)),
        "class": (of_class, [NO_CLASS]),
        "prescriber": (prescriber, [NOBODY]),
        "indication": (indication, [NO_INDICATION]),
        "name": (all_together, []),
    }
    return known.get(by, (need, list(NEED)))
