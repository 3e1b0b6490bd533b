"""A decision as somebody asks for it over the API, before it is known whether it is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from service.errors import DecisionNotAllowed
from service.model.review import Decision, Disposition, Target, User


@dataclass(frozen=True, slots=True)
class Asked:
    """The body of PUT /api/reviews/{id}/decisions/{item}, read and typed."""

    disposition: Disposition
    to: Target | None = None
    reason: str = ""
    reason_code: str = ""
    mitigation: str = ""
    harm: int | None = None
    intentional: bool | None = None
    patient_answer: str | None = None
    assigned_to: str | None = None
    due: date | None = None

    def decision(self, review: str, item: str, number: int, by: User, at: datetime) -> Decision:
        """The decision as it would be appended."""
        return Decision(
            review=review,
            item=item,
            number=number,
            disposition=self.disposition,
            by=by,
            at=at,
            to=self.to,
            reason=self.reason,
            reason_code=self.reason_code,
            mitigation=self.mitigation,
            harm=self.harm,
            intentional=self.intentional,
            patient_answer=self.patient_answer,
            assigned_to=self.assigned_to,
            due=self.due,
        )


_KEYS = frozenset(
    {
        "decision", "to", "reason", "reason_code", "mitigation", "harm", "intentional",
        "patient_answer", "assigned_to", "due",
    }
)  # fmt: skip
_LONGEST = 5_000


def asked(body: Mapping[str, Any]) -> Asked:
    """The decision that a JSON body asks for.

    Raises: DecisionNotAllowed naming the key that cannot be understood, never its value.
    """
    unknown = sorted(body.keys() - _KEYS)
    if unknown:
        raise DecisionNotAllowed("a decision has unknown keys; see the API's description")
    try:
        disposition = Disposition(body.get("decision", ""))
    except ValueError:
        known = ", ".join(disposition.value for disposition in Disposition)
        raise DecisionNotAllowed(f"decision is one of {known}") from None
    harm, intentional = body.get("harm"), body.get("intentional")
    if harm is not None and (not isinstance(harm, int) or isinstance(harm, bool)):
        raise DecisionNotAllowed("harm is a level from 1 to 5")
    if intentional is not None and not isinstance(intentional, bool):
        raise DecisionNotAllowed("intentional is true, false or null")
    return Asked(
        disposition=disposition,
        to=_target(body.get("to")),
        reason=_text(body, "reason"),
        reason_code=_text(body, "reason_code"),
        mitigation=_text(body, "mitigation"),
        harm=harm,
        intentional=intentional,
        patient_answer=_text(body, "patient_answer") or None,
        assigned_to=_text(body, "assigned_to") or None,
        due=_day(_text(body, "due")),
    )


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise DecisionNotAllowed(f"{key} is a text of at most {_LONGEST} characters")
    return value.strip()


def _day(value: str) -> date | None:
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise DecisionNotAllowed("due is a day, YYYY-MM-DD") from None


def _target(to: object) -> Target | None:
    if to is None:
        return None
    if not isinstance(to, Mapping):
        raise DecisionNotAllowed("to is an object with text, daily_doses, route and timing")
    doses = to.get("daily_doses") or []
    if not isinstance(doses, list) or not all(isinstance(dose, Mapping) for dose in doses):
        raise DecisionNotAllowed("to.daily_doses is a list of doses")
    return Target(
        text=_text(to, "text"),
        daily_doses=tuple(
            (str(dose.get("rxcui", "")), str(dose.get("value", "")), str(dose.get("unit", "")))
            for dose in doses
        ),
        route=_text(to, "route"),
        timing=_text(to, "timing"),
    )
