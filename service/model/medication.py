"""Lines of source lists, and the medications they are gathered into."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum

import msgspec

from service.model.concept import AdministrationClass, Coding, Ingredient, Resolution
from service.model.dosage import DailyDose, Dosage
from service.model.evidence import Origin
from service.model.source import Role


class Kind(StrEnum):
    """Which resource a line came from."""

    REQUEST = "request"
    STATEMENT = "statement"
    DISPENSE = "dispense"
    ADMINISTRATION = "administration"


class TherapyState(StrEnum):
    """Whether a therapy runs on the day asked (REPORT.md, "Words")."""

    CURRENT = "current"
    PLANNED = "planned"
    HELD = "held"
    STOPPED = "stopped"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"


class MedicationEntry(msgspec.Struct, frozen=True, gc=False):
    """One line of one source's list, normalized; the original stays (`text`, `codings`).

    Dates are calendar days as the source wrote them. `links` are references (of the same source,
    relative) to the order or dispense that this line belongs to: basedOn, authorizingPrescription,
    priorPrescription, derivedFrom. `identifiers` are "system|value". `requester` is a name for
    people, `requester_key` a stable key for comparison ("Practitioner/7" or an NPI). `dispenser`
    names the pharmacy. `stopped_on` is when a stop is documented, where the source says it.
    `taken` is what a statement or adherence extension says: "taking", "differently", "not", "" .
    `labels` are security labels (meta.security codes) of the resource. `daily_doses` hold on
    `as_of`; `interval_d` is set for interval dosing (depots, weekly drugs). `valid_until` is the
    end of the time in which an order may be dispensed: no end of the therapy.
    """

    origin: Origin
    role: Role
    kind: Kind
    text: str
    codings: tuple[Coding, ...]
    resolution: Resolution
    status: str
    intent: str = ""
    category: tuple[str, ...] = ()
    reported: bool = False
    dosages: tuple[Dosage, ...] = ()
    daily_doses: tuple[DailyDose, ...] = ()
    as_needed: bool = False
    interval_d: Decimal | None = None
    route: str = ""
    form: str = ""
    timing: str = ""
    authored: date | None = None
    start: date | None = None
    end: date | None = None
    stopped_on: date | None = None
    supplied_on: date | None = None
    days_supply: Decimal | None = None
    quantity: Decimal | None = None
    requester: str = ""
    requester_key: str = ""
    dispenser: str = ""
    reasons: tuple[str, ...] = ()
    reason_codings: tuple[Coding, ...] = ()
    status_reason: str = ""
    identifiers: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    taken: str = ""
    labels: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    valid_until: date | None = None

    @property
    def ingredients(self) -> tuple[Ingredient, ...]:
        return self.resolution.drug.ingredients if self.resolution.drug else ()

    @property
    def administration(self) -> AdministrationClass:
        drug = self.resolution.drug
        return drug.administration if drug else AdministrationClass.SYSTEMIC


class MatchConfidence(StrEnum):
    """`confirm` asks a person before the lines are taken as one therapy."""

    CERTAIN = "certain"
    CONFIRM = "confirm"


class LineMatch(msgspec.Struct, frozen=True, gc=False):
    """Why a line stands under its medication: the best level of match (1 to 7) with evidence."""

    level: int
    confidence: MatchConfidence
    evidence: tuple[str, ...] = ()


class PlacedLine(msgspec.Struct, frozen=True, gc=False):
    """A line, its state on the day asked, and why it stands where it stands."""

    entry: MedicationEntry
    state: TherapyState
    match: LineMatch
    last_supplied: date | None = None


class Agreement(StrEnum):
    """How the sources of one medication agree."""

    IDENTICAL = "identical"
    EQUIVALENT = "equivalent"
    DIFFERENT = "different"
    SINGLE_SOURCE = "single-source"


class Action(StrEnum):
    """What is proposed to the reviewer for one medication."""

    CONTINUE = "continue"
    CHANGE = "change"
    STOP = "stop"
    HOLD = "hold"
    ADD = "add"
    ASK = "ask"


class Change(StrEnum):
    """Against the last signed list."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    STARTED = "started"
    STOPPED = "stopped"


class Proposal(msgspec.Struct, frozen=True, gc=False):
    """What to consider for one medication, with the reason in words; never acted on by itself."""

    action: Action
    text: str
    reason: str


class ReconciledEntry(msgspec.Struct, frozen=True, gc=False):
    """One medication: one set of active moieties in one administration class, from all sources.

    `id` is a hash of content that stays while ingredients, class and (for unresolved lines) the
    text stay. `daily_doses` are agreed ones (empty with a conflict). `lines` are sorted by source,
    then reference.
    """

    id: str
    ingredients: tuple[Ingredient, ...]
    display: str
    route: str
    form: str
    administration: AdministrationClass
    state: TherapyState
    agreement: Agreement
    proposal: Proposal
    lines: tuple[PlacedLine, ...]
    daily_doses: tuple[DailyDose, ...] = ()
    change: Change | None = None
    indication: tuple[str, ...] = ()
