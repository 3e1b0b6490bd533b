"""MedicationRequest with intent proposal: a suggested order that no system mistakes for an order.

Source: FHIR request pattern; US Core (clients ask for intent order and plan, never proposal).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.model.review import Decision
from service.write import issue, statement
from service.write.codes import RXNORM, SIGNED, concept
from service.write.desk import Desk
from service.write.elements import compact, instant, meta, narrative, note, person, printable
from service.write.identity import identifier

TYPE = "MedicationRequest"


def build(desk: Desk, medication: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    """The proposal of a changed or added medication; `decision.to` says what is proposed."""
    to = decision.to
    if to is None:
        raise ValueError("a proposal needs what is proposed")
    at = instant(desk.signing.at)
    own_orders = [
        line["reference"]
        for line in medication["lines"]
        if line["source"] == desk.target.name
        and line["kind"] == "request"
        and line["status"] in {"active", "on-hold"}
    ]
    decided = [
        finding["id"]
        for finding in desk.report["findings"]
        if medication["id"] in finding["medications"]
        and desk.will_stand(desk.issue_key(finding["id"]))
    ]
    said = ", ".join(part for part in (to.text, to.timing) if part)
    return compact(
        {
            "resourceType": TYPE,
            "meta": meta([SIGNED], statement.labels_of(medication)),
            "text": narrative(f"Proposal, not an order: {said}", [decision.reason]),
            "identifier": [identifier(desk.event_key(TYPE, medication["id"]))],
            "status": "draft",
            "intent": "proposal",
            "medicationCodeableConcept": _proposed(medication, said),
            "subject": desk.patient_reference(),
            "authoredOn": at,
            "requester": person(desk.signing.by),
            "note": [note(decision.reason, decision.by, at)] if decision.reason else None,
            "dosageInstruction": [
                compact(
                    {
                        "text": printable(said),
                        "route": concept(text=printable(to.route)) if to.route else None,
                    }
                )
            ],
            "priorPrescription": {"reference": own_orders[0]} if len(own_orders) == 1 else None,
            "detectedIssue": [
                desk.ours(issue.TYPE, desk.issue_key(finding)) for finding in decided
            ],
        }
    )


def _proposed(medication: Mapping[str, Any], said: str) -> dict[str, Any]:
    """The ingredient with the words of the proposal: no product is chosen for the prescriber."""
    if len(medication["ingredients"]) != 1:
        return {"text": printable(said)}
    ingredient = medication["ingredients"][0]
    if not ingredient["rxcui"].isdecimal():  # an herbal may be known by its name alone
        return {"text": printable(said)}
    coding = {
        "system": RXNORM,
        "code": ingredient["rxcui"],
        "display": ingredient["name"],
    }
    return {"coding": [coding], "text": printable(said)}
