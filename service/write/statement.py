"""MedicationStatement: one line of the reconciled list, as it is taken by what the sources say.

A decision to change, hold or stop never changes this line: it is a proposal to whoever owns the
order, and stands in the note until a source says so. Source: SMP and IPS (effective[x] always).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.model.review import Decision, Disposition
from service.write.codes import (
    ADHERENCE,
    DATA_ABSENT,
    DRAFT,
    RXNORM,
    SIGNED,
    TAKEN_AS,
    UCUM,
    concept,
)
from service.write.desk import Desk
from service.write.elements import compact, dose_text, instant, meta, narrative, note, printable
from service.write.identity import identifier

TYPE = "MedicationStatement"

_ENDED = frozenset({"stopped", "cancelled", "completed", "not-taken"})
_STATUS = {"current": "active", "held": "on-hold", "planned": "intended"}
_PROPOSED = {
    Disposition.CHANGE: "Proposed to the prescriber: change to {to}.",
    Disposition.PROPOSE_STOP: "Proposed to the prescriber: stop.",
    Disposition.HOLD: "Proposed to the prescriber: hold.",
    Disposition.NOT_SURE: "Not clear yet; a question was sent.",
}


def build(desk: Desk, medication: Mapping[str, Any], decision: Decision | None) -> dict[str, Any]:
    """The resource for one medication of the list; without a decision it is a draft."""
    at = instant(desk.signing.at)
    answered = (decision.patient_answer if decision else None) or ""
    dose = dose_text(medication)
    notice = desk.notice([medication["id"]])
    notes = [*_notes(decision), *([notice] if notice else [])]
    live = [line for line in medication["lines"] if line["status"] not in _ENDED]
    resource = compact(
        {
            "resourceType": TYPE,
            "meta": meta([SIGNED if decision else DRAFT], labels_of(medication)),
            "text": narrative(medication["display"], [dose, *notes]),
            "identifier": [identifier(desk.standing_key(TYPE, medication["id"]))],
            "status": _STATUS.get(medication["state"], "unknown"),
            "medicationCodeableConcept": drug(medication),
            "subject": desk.patient_reference(),
            **_effective(live),
            "dateAsserted": at,
            "informationSource": desk.patient_reference() if answered else None,
            "basedOn": [
                desk.theirs(line["source"], line["reference"])
                for line in live
                if line["kind"] == "request"
            ],
            "derivedFrom": [
                desk.theirs(line["source"], line["reference"]) for line in medication["lines"]
            ],
            "reasonCode": [concept(text=printable(text)) for text in medication["indication"]],
            "note": [note(text, desk.signing.by, at) for text in notes],
            "dosage": [_dosage(medication, dose, live)] if dose or live else None,
        }
    )
    if answered in TAKEN_AS:
        resource["extension"] = [
            {
                "url": ADHERENCE,
                "extension": [{"url": "code", "valueCodeableConcept": concept(TAKEN_AS[answered])}],
            }
        ]
    return resource


def labels_of(medication: Mapping[str, Any]) -> frozenset[str]:
    """Security labels of every line of a medication."""
    return frozenset(label for line in medication["lines"] for label in line.get("labels", ()))


def drug(medication: Mapping[str, Any]) -> dict[str, Any]:
    """The medication as a CodeableConcept.

    The product that all lines agree on, else the single ingredient, else words alone: two products
    are never put into one concept as if they were the same.
    """
    products = [
        {(c["code"], c["display"]) for c in line["coding"] if c["system"] == RXNORM and c["code"]}
        for line in medication["lines"]
    ]
    common = set.intersection(*products) if products else set()
    coding: list[dict[str, str]] = []
    if common:
        code, display = min(common)
        coding = [{"system": RXNORM, "code": code} | ({"display": display} if display else {})]
    elif len(medication["ingredients"]) == 1:
        ingredient = medication["ingredients"][0]
        if ingredient["rxcui"].isdecimal():  # an herbal may be known by its name alone
            named = {"code": ingredient["rxcui"], "display": ingredient["name"]}
            coding = [{"system": RXNORM, **named}]
    return compact({"coding": coding, "text": printable(medication["display"])})


def _effective(live: list[Mapping[str, Any]]) -> dict[str, Any]:
    starts = sorted(day for line in live if (day := line["start"] or line["authored"]))
    if starts:
        return {"effectivePeriod": {"start": starts[0]}}
    unknown = {"extension": [{"url": DATA_ABSENT, "valueCode": "unknown"}]}
    return {"_effectiveDateTime": unknown}


def _dosage(
    medication: Mapping[str, Any], dose: str, live: list[Mapping[str, Any]]
) -> dict[str, Any]:
    timings = sorted({line["timing"] for line in live if line["timing"]})
    routes = sorted({line["route"] for line in live if line["route"]})
    needed = {line["as_needed"] for line in live}
    said = dict.fromkeys([dose, *timings]) if len(timings) == 1 else dict.fromkeys([dose])
    return compact(
        {
            "text": printable(", ".join(text for text in said if text) or "dose not stated"),
            "timing": {"code": concept(text=timings[0])} if len(timings) == 1 else None,
            "asNeededBoolean": True if needed == {True} else None,
            "route": concept(text=routes[0]) if len(routes) == 1 else None,
            "doseAndRate": _amount(medication, live),
        }
    )


def _amount(
    medication: Mapping[str, Any], live: list[Mapping[str, Any]]
) -> list[dict[str, Any]] | None:
    """The agreed amount of the one ingredient per day, or per interval of a depot.

    A rate, not a dose at a time: how the day is divided is said in words, as the sources differ in
    it while they agree on the amount.
    """
    daily = medication["daily_dose"]
    intervals = {line["interval_d"] for line in live}
    if daily is None or len(intervals) > 1:
        return None
    days = next(iter(intervals), None) or 1
    return [
        {
            "rateRatio": {
                "numerator": _quantity(daily["value"], daily["unit"], daily["unit"]),
                "denominator": _quantity(days, "d", "day"),
            }
        }
    ]


def _quantity(value: float, code: str, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": UCUM, "code": code}


def _notes(decision: Decision | None) -> list[str]:
    if decision is None:
        return []
    to = decision.to.text if decision.to else ""
    said = _PROPOSED.get(decision.disposition, "").format(to=to)
    return [text for text in (said, decision.reason) if text]
