"""What a signature leaves behind for the next reconciliation: its list, and what was meant.

The list stands as it was shown and signed. A decision to change, hold, stop or add is a proposal to
whoever owns the order, so that it is no change of the list until a source says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from service.model.dosage import DailyDose
from service.model.finding import Severity
from service.model.medication import TherapyState
from service.model.review import Decision
from service.model.signed import Intention, SignedMedication
from service.review.items import ReportJson, findings


def signed_medications(report: ReportJson) -> tuple[SignedMedication, ...]:
    """Every medication of the report that was signed, with its state, doses, route and form."""
    return tuple(
        SignedMedication(
            id=medication["id"],
            state=TherapyState(medication["state"]),
            daily_doses=tuple(_dose(dose) for dose in medication["daily_doses"]),
            route=medication["route"],
            form=medication["form"],
            display=medication["display"],
        )
        for medication in report["medications"]
    )


def intentions(
    report: ReportJson, signed: Mapping[str, Decision], as_of: date
) -> tuple[Intention, ...]:
    """The findings that signed decisions call intended up to a day that is not past.

    Args:
        signed: the decisions under the signature, by item.
        as_of: the day of the reconciliation that asks.
    """
    known = findings(report)
    return tuple(
        Intention(
            type=known[item]["type"],
            medications=tuple(known[item]["medications"]),
            until=decision.due,
            by=decision.by.name,
            reason=decision.reason,
            severity=Severity(known[item]["severity"]),
        )
        for item, decision in sorted(signed.items())
        if item in known and decision.intentional and decision.due and decision.due >= as_of
    )


def _dose(dose: Mapping[str, Any]) -> DailyDose:
    """A dose as the report shows it; its JSON was read with Decimals."""
    return DailyDose(
        rxcui=dose["rxcui"],
        unit=dose["unit"],
        value=_amount(dose["value"]),
        max=_amount(dose["max"]),
        working=dose["working"],
    )


def _amount(value: Decimal | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)
