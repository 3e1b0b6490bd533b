"""Report documents made by hand, with only what a test is about said."""

from __future__ import annotations

from typing import Any

from service.web.view import Page

AS_OF = "2026-11-15"


def line(source: str, kind: str = "request", **said: Any) -> dict[str, Any]:
    """One line: a current daily 50 mg order unless said otherwise; `dose` is mg a day."""
    dose = said.pop("dose", 50)
    number = said.pop("number", 1)
    resource = {
        "request": "MedicationRequest",
        "statement": "MedicationStatement",
        "dispense": "MedicationDispense",
        "administration": "MedicationAdministration",
    }[kind]
    doses = [] if dose is None else [{"rxcui": "36437", "value": dose, "unit": "mg", "max": None}]
    return {
        "source": source,
        "kind": kind,
        "reference": f"{resource}/{source}-{number}",
        "version": "1",
        "text": "sertraline 50 mg tablet",
        "coding": [],
        "status": "completed" if kind in {"dispense", "administration"} else "active",
        "state": "current",
        "intent": None,
        "route": "oral",
        "form": "tablet",
        "timing": "once a day",
        "sig": "",
        "daily_dose": None,
        "daily_doses": doses,
        "as_needed": False,
        "interval_d": None,
        "authored": "2026-10-01",
        "start": None,
        "end": None,
        "last_supplied": None,
        "days_supply": None,
        "requester": None,
        "labels": [],
        "match": {"level": 2, "confidence": "certain", "evidence": []},
        **said,
    }


def medication(*lines: dict[str, Any], id: str = "m-1", **said: Any) -> dict[str, Any]:
    return {
        "id": id,
        "ingredients": [{"rxcui": "36437", "name": "sertraline"}],
        "display": "sertraline 50 mg oral tablet",
        "route": "oral",
        "form": "tablet",
        "class": "systemic",
        "state": "current",
        "daily_dose": None,
        "daily_doses": [],
        "agreement": "different",
        "proposal": {"action": "continue", "text": "Continue sertraline.", "reason": "As ordered."},
        "change": None,
        "indication": [],
        "lines": list(lines),
        **said,
    }


def finding(type: str, *lines: dict[str, Any], id: str = "f-1", **said: Any) -> dict[str, Any]:
    """A shown high finding about medication m-1, these lines its evidence."""
    return {
        "id": id,
        "type": type,
        "severity": "high",
        "urgent": False,
        "bucket": "shown",
        "title": f"A finding of type {type}",
        "message": "Something differs.",
        "advice": "",
        "reason": "",
        "act_code": None,
        "medications": ["m-1"],
        "sources": [],
        "ingredients": ["sertraline"],
        "evidence": [
            {
                "source": one["source"],
                "reference": one["reference"],
                "version": "1",
                "path": "status",
                "value": one["status"],
                "date": one["authored"],
            }
            for one in lines
        ],
        "rule": {"id": f"reconcile/{type}", "version": 1, "source": "ours", "reviewed": False},
        "due": None,
        "appointment": None,
        **said,
    }


def source(name: str, state: str = "complete", **said: Any) -> dict[str, Any]:
    return {
        "name": name,
        "role": name,
        "state": state,
        "reasons": [] if state == "complete" else ["it did not answer"],
        "resources": {},
        "counts": {},
        **said,
    }


def document(
    *medications: dict[str, Any],
    findings: tuple[dict[str, Any], ...] = (),
    sources: tuple[dict[str, Any], ...] = (source("psychiatry"), source("pharmacy")),
    problems: tuple[dict[str, str], ...] = (),
    **said: Any,
) -> dict[str, Any]:
    """A whole report of one person."""
    return {
        "schema": "concord/report/1",
        "as_of": AS_OF,
        "patient": {
            "grade": "certain",
            "name": "TESTERMAN, CALLUM",
            "birth_date": "1974-06-11",
            "sex": "male",
            "deceased": False,
            "records": [],
        },
        "sources": list(sources),
        "medications": list(medications),
        "findings": list(findings),
        "problems": list(problems),
        "provenance": {"service": "0", "mappings": "sha256:0", "rxnorm": "2025-10"},
        "next_appointment": None,
        "context": {"allergies": [], "measures": []},
        **said,
    }


def page(content: dict[str, Any], **said: Any) -> Page:
    return Page(id="p-1", content=content, **said)
