"""A person's work on one report: decisions, appended and never edited, and the signature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class UserRole(StrEnum):
    """What a person may do here."""

    PHARMACIST = "pharmacist"
    PSYCHIATRIST = "psychiatrist"
    PRIMARY_CARE = "primary-care"
    THERAPIST = "therapist"
    IT = "it"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class User:
    """Who is signed in; `id` is stable, `name` is what stands under a signature."""

    id: str
    name: str
    role: UserRole
    organization: str = ""


class Disposition(StrEnum):
    """The words of a decision (REPORT.md): the first six for a medication, then for a finding."""

    CONTINUE = "continue"
    CHANGE = "change"
    PROPOSE_STOP = "propose-stop"
    HOLD = "hold"
    ADD = "add"
    NOT_SURE = "not-sure"
    ACCEPT = "accept"
    OVERRIDE = "override"
    DEFER = "defer"
    UNDECIDED = "undecided"


MEDICATION_DISPOSITIONS = frozenset(
    {
        Disposition.CONTINUE,
        Disposition.CHANGE,
        Disposition.PROPOSE_STOP,
        Disposition.HOLD,
        Disposition.ADD,
        Disposition.NOT_SURE,
        Disposition.UNDECIDED,
    }
)
FINDING_DISPOSITIONS = frozenset(
    {Disposition.ACCEPT, Disposition.OVERRIDE, Disposition.DEFER, Disposition.UNDECIDED}
)


MITIGATIONS = {
    "1": "Therapy Appropriate",
    "2": "Assessed Patient",
    "3": "Patient Explanation",
    "4": "Consulted Other Source",
    "5": "Consulted Prescriber",
    "6": "Prescriber Declined Change",
    "7": "Interacting Therapy No Longer Active/Planned",
    "8": "Other Action Taken",
    "9": "Instituted Ongoing Monitoring Program",
    "10": "Provided Patient Education",
    "11": "Added Concurrent Therapy",
    "12": "Temporarily Suspended Concurrent Therapy",
    "13": "Stopped Concurrent Therapy",
}
"""HL7 v3-ActCode, ActDetectedIssueManagementCode: what was done about a finding."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a `change` or `add` leads to. Doses are (rxcui, value, unit)."""

    text: str = ""
    daily_doses: tuple[tuple[str, str, str], ...] = ()
    route: str = ""
    timing: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """One word of one person about one medication or finding; the newest `number` counts."""

    review: str
    item: str
    number: int
    disposition: Disposition
    by: User
    at: datetime
    to: Target | None = None
    reason: str = ""
    reason_code: str = ""
    mitigation: str = ""
    harm: int | None = None
    intentional: bool | None = None
    patient_answer: str | None = None
    assigned_to: str | None = None
    due: date | None = None


class ReviewState(StrEnum):
    """Open until signed; superseded when a newer report replaced the one it was made on."""

    OPEN = "open"
    SIGNED = "signed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Review:
    """A review of exactly one report (`report_digest` is what the person saw)."""

    id: str
    patient: str
    report: str
    report_digest: str
    opened_by: User
    opened_at: datetime
    state: ReviewState = ReviewState.OPEN
    decisions: tuple[Decision, ...] = ()
    signed_by: User | None = None
    signed_at: datetime | None = None
    scope: str = ""

    @property
    def standing(self) -> dict[str, Decision]:
        """The decision that counts for each item; what was taken back is left out."""
        newest: dict[str, Decision] = {}
        for decision in sorted(self.decisions, key=lambda one: one.number):
            newest[decision.item] = decision
        return {
            item: decision
            for item, decision in newest.items()
            if decision.disposition is not Disposition.UNDECIDED
        }

    def number_of(self, item: str) -> int:
        """How often this item was decided, taking back included: its ETag on the wire."""
        return max((one.number for one in self.decisions if one.item == item), default=0)


class DeliveryState(StrEnum):
    """Where one planned write stands (REPORT.md, deliveries)."""

    PLANNED = "planned"
    SENDING = "sending"
    CONFLICT = "conflict"
    NEEDS_REVIEW = "needs-review"
    DONE = "done"
    REFUSED = "refused"
    DEAD = "dead"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """One resource for one target, decided before anything is sent.

    `key` is stable over restarts (the business identifier's value), `resource` the FHIR JSON as a
    dict, `if_match` the version that the person saw for an update, None for a create. `reference`
    is where our earlier resource stands ("List/12"), for an update. `item` is the medication or
    finding it is about, "" where it is about the whole. `skipped` says why it is not written.
    `text` is the exact JSON of somebody else's resource with ours added, to be sent as it stands;
    "" for what is all ours.
    """

    key: str
    target: str
    ordinal: int
    type: str
    resource: dict[str, object]
    if_match: str | None = None
    skipped: str = ""
    reference: str = ""
    item: str = ""
    text: str = ""
