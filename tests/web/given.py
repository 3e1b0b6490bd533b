"""Report documents made by hand, with only what a test is about said."""

from __future__ import annotations

from typing import Any

from service.web.patient.view import Page

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


KEPT = frozenset(
    {
        "schema", "id", "as_of", "grade", "birth_date", "severity", "bucket", "state", "kind",
        "agreement", "action", "authored", "start", "end", "last_supplied", "date", "due",
        "class", "medications", "rxcui", "type",
    }
)  # fmt: skip
"""Keys of a report whose values are ours: enumerations, dates, ids."""


def hostile(value: Any, text: str, kept: frozenset[str] = KEPT) -> Any:
    """The same document with this text in every field that a source could have written."""
    if isinstance(value, dict):
        return {
            k: v if k in kept and not _nested(v) else hostile(v, text, kept)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [hostile(item, text, kept) for item in value]
    return text if isinstance(value, str) else value


def _nested(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def full(**said: Any) -> dict[str, Any]:
    """A document with something in every field that a page shows."""
    lines = [
        line("psychiatry", requester="Dr. A", sig="one tablet", end="2026-12-01"),
        line("psychiatry", number=2, state="stopped", status="stopped", end="2026-01-01"),
        line("pharmacy", "dispense", last_supplied="2026-11-01", days_supply=30, requester="Dr. B"),
        line("pharmacy", "dispense", number=2, last_supplied="2026-10-01", days_supply=30),
    ]
    return document(
        medication(*lines, indication=["depression"]),
        medication(line("psychiatry", number=3), id="m-2", agreement="single-source"),
        findings=(
            finding("dose-mismatch", *lines, advice="Ask.", reason="Seen.", due="2026-12-01"),
            finding("addition", lines[0], id="f-2", bucket="suppressed", severity="low"),
            finding("above-maximum", lines[0], id="f-3", bucket="not-evaluable", reason="No age."),
        ),
        sources=(
            source("psychiatry", resources={"Patient": CERTIFICATE}),
            source("pharmacy", "partial", resources={"Patient": CERTIFICATE}),
        ),
        problems=(
            {"source": "psychiatry", "reference": "Observation/1", "what": "no date"},
            {"source": "psychiatry", "reference": "Observation/2", "what": "no date"},
            {"source": "", "reference": "", "what": "the day lies in the past"},
        ),
        next_appointment={"appointment": "a", "date": "2026-12-01", "with": ["Dr. C"]},
        context={
            "allergies": ["penicillin (rash)"],
            "measures": [{"title": "eGFR", "value": "60", "detail": "2026-01-01, psychiatry"}],
            "visits": [visit("2026-10-01", "noshow"), visit("2026-12-01", "booked")],
            "results": [result("2026-09-01", 60), result("2026-10-01", 55)],
        },
        plan={"calendar": [due("eGFR", "2026-11-01")]},
        **said,
    )


def visit(day: str, status: str, **said: Any) -> dict[str, Any]:
    return {
        "date": day,
        "kind": "appointment",
        "status": status,
        "source": "psychiatry",
        "reference": f"Appointment/{day}",
        "with": ["Dr. C"],
        **said,
    }


def result(day: str, value: float | None, title: str = "eGFR", **said: Any) -> dict[str, Any]:
    return {
        "titles": [title],
        "date": day,
        "value": value,
        "comparator": "",
        "unit": "mL/min",
        "text": "",
        "interpretation": [],
        "source": "primary-care",
        "reference": f"Observation/{day}",
        "path": "valueQuantity",
        **said,
    }


def due(what: str, day: str, **said: Any) -> dict[str, Any]:
    """An entry of the plan's calendar, overdue when its day has passed."""
    return {
        "what": what,
        "due": day,
        "overdue": day < AS_OF,
        "rule": "monitoring/some-test",
        "medications": ["m-1"],
        "owner": "Dr. Marrowby",
        "appointment": None,
        "appointment_date": None,
        **said,
    }


CERTIFICATE = {
    "state": "partial",
    "reasons": ["a page is missing"],
    "count": 3,
    "pages": 1,
    "total": 4,
}


def planned() -> dict[str, Any]:
    """A document with something in every list of its plan."""
    where = {
        "source": "psychiatry",
        "reference": "Goal/1",
        "status": "active",
        "date": "2026-01-01",
    }
    return {
        **full(),
        "plan": {
            "calendar": [due("eGFR", "2026-11-01")],
            "questions": [{"finding": "f-1", "text": "Ask.", "appointment_date": "2026-12-01"}],
            "activities": [{"kind": "cbt", "title": "Course", **where}],
            "goals": [
                {"kind": "goal", "text": "Sleep", **where},
                {"kind": "preference", "text": "No injections", **where},
            ],
            "education": [{"text": "Drink.", "source": "Label", "medications": ["m-1"]}],
        },
    }
