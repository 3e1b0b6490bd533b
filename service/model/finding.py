"""What reconcile and assess say: one plain sentence with its evidence, ranked by harm."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

from service.model.evidence import Fact


class Severity(StrEnum):
    """Gravest first."""

    HIGH = "high"
    MODERATE = "moderate"
    LOW = "low"
    NONE = "none"

    @property
    def rank(self) -> int:
        return _RANKS[self]

    def raised(self) -> Severity:
        """One step graver; high and none stay."""
        return {Severity.LOW: Severity.MODERATE, Severity.MODERATE: Severity.HIGH}.get(self, self)

    def lowered(self) -> Severity:
        """One step milder, never below low; none stays."""
        return {Severity.HIGH: Severity.MODERATE, Severity.MODERATE: Severity.LOW}.get(self, self)


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Bucket(StrEnum):
    """`suppressed` carries its reason; `not-evaluable` names what is missing, never "safe"."""

    SHOWN = "shown"
    SUPPRESSED = "suppressed"
    NOT_EVALUABLE = "not-evaluable"


class RuleReference(msgspec.Struct, frozen=True, gc=False):
    """Which rule spoke: families A to D are `reconcile/<type>`."""

    id: str
    version: int
    source: str
    reviewed: bool


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One thing for a person to judge. `type` is a name of the catalogue, letter for letter.

    `id` is a hash of content (`finding_id`), the same while the content is the same. `medications`
    are ids of ReconciledEntry, `sources` whom it concerns, `appointment` "source:Appointment/id".
    """

    id: str
    type: str
    severity: Severity
    title: str
    message: str
    rule: RuleReference
    advice: str = ""
    bucket: Bucket = Bucket.SHOWN
    urgent: bool = False
    reason: str = ""
    medications: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    ingredients: tuple[str, ...] = ()
    evidence: tuple[Fact, ...] = ()
    act_code: str = ""
    due: date | None = None
    appointment: str | None = None
