"""The last list that a person signed, as far as the next reconciliation compares itself with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from service.model.dosage import DailyDose
from service.model.finding import Severity
from service.model.medication import TherapyState


@dataclass(frozen=True, slots=True)
class SignedMedication:
    """One medication as it was signed; `id` is that of its ReconciledEntry."""

    id: str
    state: TherapyState
    daily_doses: tuple[DailyDose, ...] = ()
    route: str = ""
    form: str = ""
    display: str = ""


@dataclass(frozen=True, slots=True)
class Intention:
    """A finding that a person called intended (a cross-taper, an overlap), quiet until that day.

    `type` is the finding's type, `medications` the ids of all that it named, `severity` how grave
    it was when it was judged: what is graver by now, or is about another drug as well, was not.
    """

    type: str
    medications: tuple[str, ...]
    until: date
    by: str
    reason: str = ""
    severity: Severity = Severity.HIGH


@dataclass(frozen=True, slots=True)
class SignedList:
    """What was signed on `as_of`: the baseline of every `change`, and what was said to be meant."""

    as_of: date
    medications: tuple[SignedMedication, ...]
    intended: tuple[Intention, ...] = ()
