"""A small report as JSON, and people who review it; all synthetic."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

from service.model.review import Decision, Disposition, Review, Target, User, UserRole

AS_OF = date(2026, 3, 10)
AT = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
PHARMACIST = User("u-ph", "Paula <b>Pharm</b>", UserRole.PHARMACIST, "North Clinic")
PSYCHIATRIST = User("u-ps", "Piet Psych", UserRole.PSYCHIATRIST, "South Clinic")
DOCTOR = User("u-gp", "Gita Pract", UserRole.PRIMARY_CARE, "West Practice")
SCHEDULER = User("u-it", "Ira Tech", UserRole.IT)
SOURCES = ("pharmacy", "primary-care", "psychiatry")


def line(source: str, number: int, dose: int | None = 100, **more: Any) -> dict[str, Any]:
    return {
        "source": source,
        "kind": "request",
        "reference": f"MedicationRequest/{number}",
        "version": "2",
        "text": "as written",
        "coding": [],
        "status": "active",
        "state": "current",
        "intent": "order",
        "route": "oral",
        "form": "tablet",
        "timing": "once a day",
        "daily_dose": None if dose is None else {"value": dose, "unit": "mg"},
        "daily_doses": [],
        "as_needed": False,
        "interval_d": None,
        "authored": "2026-01-10",
        "start": None,
        "end": None,
        "last_supplied": None,
        "days_supply": None,
        "requester": None,
        "labels": [],
        "match": {"level": 1, "confidence": "certain", "evidence": []},
    } | more


def medication(
    id_: str, rxcui: str, name: str, lines: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    return {
        "id": id_,
        "ingredients": [{"rxcui": rxcui, "name": name}],
        "display": f"{name} 100 mg oral tablet",
        "route": "oral",
        "form": "tablet",
        "class": "systemic",
        "state": "current",
        "daily_dose": {"value": 100, "unit": "mg"},
        "daily_doses": [],
        "agreement": "identical",
        "proposal": {"action": "continue", "text": "", "reason": ""},
        "change": None,
        "indication": [],
        "lines": lines,
    } | more


def finding(
    id_: str, medications: list[str], severity: str = "high", **more: Any
) -> dict[str, Any]:
    return {
        "id": id_,
        "type": "dose-mismatch",
        "severity": severity,
        "urgent": False,
        "bucket": "shown",
        "title": "Two doses <script>",
        "message": "The daily doses differ.",
        "advice": "Ask the prescriber.",
        "reason": "",
        "act_code": "DOSE",
        "medications": medications,
        "sources": [],
        "ingredients": [],
        "evidence": [
            {
                "source": "psychiatry",
                "reference": "MedicationRequest/1",
                "version": "2",
                "path": "dosageInstruction",
                "value": "100 mg",
                "date": None,
            }
        ],
        "rule": {
            "id": "reconcile/dose-mismatch",
            "version": 1,
            "source": "ours",
            "reviewed": False,
        },
        "due": None,
        "appointment": None,
    } | more


def report(**more: Any) -> dict[str, Any]:
    """Sertraline in two sources with a finding, and lithium in one."""
    return {
        "schema": "concord/report/1",
        "as_of": AS_OF.isoformat(),
        "patient": {
            "grade": "certain",
            "records": [
                {"source": s, "reference": "Patient/17", "grade": "certain", "evidence": []}
                for s in SOURCES
            ],
        },
        "sources": [
            {
                "name": s,
                "role": s,
                "state": "complete",
                "reasons": [],
                "resources": {},
                "counts": {},
            }
            for s in SOURCES
        ],
        "medications": [
            medication(
                "m-ser", "36437", "sertraline", [line("psychiatry", 1), line("pharmacy", 2)]
            ),
            medication("m-li", "6448", "lithium", [line("psychiatry", 3)]),
        ],
        "findings": [finding("f-dose", ["m-ser"]), finding("f-low", ["m-li"], "low")],
        "problems": [],
        "provenance": {"service": "0.1.0", "mappings": "ab" * 32, "rxnorm": "2025-10"},
        "next_appointment": {"appointment": "psychiatry:Appointment/3", "date": "2026-03-20"},
    } | more


def body(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode()


def decision(
    item: str,
    disposition: Disposition,
    number: int = 1,
    by: User = PHARMACIST,
    **more: Any,
) -> Decision:
    return Decision("rv-1", item, number, disposition, by, AT + timedelta(seconds=number), **more)


def reviewed(*decisions: Decision, **more: Any) -> Review:
    return Review(
        "rv-1", "p-1", "report-1", "00", PHARMACIST, AT, decisions=tuple(decisions), **more
    )


def all_decided() -> tuple[Decision, ...]:
    return (
        decision("m-ser", Disposition.CHANGE, to=Target("sertraline 50 mg"), reason="too much"),
        decision("m-li", Disposition.CONTINUE, patient_answer="taking"),
        decision("f-dose", Disposition.ACCEPT, mitigation="5", assigned_to="Dr Gita Pract"),
        decision("f-low", Disposition.OVERRIDE, reason_code="monitored"),
    )
