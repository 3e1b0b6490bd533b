"""What the sources hold around the medications, as far as what we write refers to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from service.model.review import User


@dataclass(frozen=True, slots=True)
class PatientWord:
    """One question ("question") or wish ("preference") of the patient, and who noted it when."""

    number: int
    kind: str
    text: str
    by: User
    at: datetime


@dataclass(frozen=True, slots=True)
class CareMember:
    """Somebody of an active CareTeam: `reference` at `source` ("Practitioner/5"), and the name."""

    source: str
    reference: str
    name: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay in hospital that has ended: the Encounter and the day of the discharge."""

    source: str
    reference: str
    version: str | None
    ended: date


@dataclass(frozen=True, slots=True)
class ForeignPlan:
    """A CarePlan as its server sent it: `text` is its very JSON, `version` the one that was seen.

    `unusable` says why nothing can be added to it, "" where something can.
    """

    source: str
    reference: str
    version: str | None
    text: str
    title: str = ""
    status: str = ""
    unusable: str = ""

    @property
    def name(self) -> str:
        """How a person chooses it, in the version seen: "psychiatry:CarePlan/7/_history/2"."""
        return f"{self.source}:{self.reference}/_history/{self.version}"
