"""What reconcile may be told by a clinician: windows, drugs of special care, who holds what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from service.model.finding import Severity
from service.model.source import Role

FINDING_TYPES = frozenset(
    {
        "confirmed-match",
        "equivalent-product",
        "salt-or-moiety-variant",
        "dose-mismatch",
        "frequency-mismatch",
        "route-mismatch",
        "form-mismatch",
        "prn-versus-scheduled",
        "indication-mismatch",
        "prescriber-mismatch",
        "poly-pharmacy-supply",
        "omission-prescribed",
        "omission-specialist-supplied",
        "omission-self-medication",
        "addition",
        "stopped-versus-active",
        "held-versus-active",
        "stale-entry",
        "superseded-not-closed",
        "unresolvable-drug",
        "text-structure-conflict",
        "identity-doubt",
        "source-incomplete",
        "code-text-conflict",
        "duplicate-same-drug",
    }
)


class LineKind(StrEnum):
    """What kind of therapy a line stands for; the rows of the expected-holder table."""

    COMMUNITY = "community"
    CLINIC = "clinic-administered"
    INPATIENT = "inpatient"
    SELF = "self-medication"
    AS_NEEDED_UNFILLED = "as-needed-unfilled"
    SHORT_COURSE = "short-course"


class Expectation(StrEnum):
    """Whether a source of one role should list a therapy of one kind.

    `if-supplied`: a pharmacy lists what was dispensed in its network. `ask`: not expected, but the
    patient is to be asked.
    """

    EXPECTED = "expected"
    IF_SUPPLIED = "if-supplied"
    NOT_EXPECTED = "not-expected"
    ASK = "ask"


class Raise(StrEnum):
    """What makes a finding one step graver."""

    NARROW_INDEX = "narrow-index"
    RATIO = "dose-ratio"
    AGE = "age"
    KIDNEY = "kidney"
    UNCONFIRMED = "unconfirmed-supply"
    RELEASE = "release-critical"


@dataclass(frozen=True, slots=True)
class FindingKind:
    """One type of the catalogue of findings: its default severity, code and source."""

    type: str
    severity: Severity
    source: str
    act_code: str = ""
    raised_by: frozenset[Raise] = frozenset()


@dataclass(frozen=True, slots=True)
class Windows:
    """Spans in days; each stands in precedence.toml beside its source.

    `stale`: current without any sign of life for longer (or `stale_supply_factor` times the days'
    supply). `supply_tolerance`: a supply counts as running this long after it should have run out.
    `first_fill`: an order this young need not have been dispensed. `as_needed_unfilled`: as-needed
    drugs without a fill for longer are expected nowhere. `short_course`: what is ordered, or handed
    over once, for no longer is a course. `depot_interval`, `administration`: how
    long one administration lasts where nobody says it.
    """

    stale: int
    stale_supply_factor: int
    supply_tolerance: int
    supply_unknown: int
    first_fill: int
    as_needed_unfilled: int
    short_course: int
    depot_interval: int
    administration: int


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Numbers that decide between agreement and difference, and between grades of severity.

    `dose_tolerance` is a share of the larger dose; `ratio_raise` raises one step;
    `decimal_low` to `decimal_high` is the ratio of a slipped decimal point. Ages in years, the
    filtration rate in mL/min/1.73 m2.
    """

    dose_tolerance: Decimal
    ratio_raise: Decimal
    decimal_low: Decimal
    decimal_high: Decimal
    age_old: int
    age_young: int
    egfr_low: Decimal


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything of precedence.toml, loaded and checked.

    Drug lists map an RxNorm ingredient (IN) to its name. `specialist` are supplied by specialists
    and often missing elsewhere; `clinic` are given on site whatever their form; `self_medication`
    are bought without a prescription, `grave_self_medication` those of them (or substances) whose
    absence matters, `courses` are taken for days where a single short supply is seen, `nsaids`
    those that matter beside lithium. `egfr_codes` are LOINC codes.
    """

    expected: Mapping[LineKind, Mapping[Role, Expectation]]
    findings: Mapping[str, FindingKind]
    windows: Windows
    thresholds: Thresholds
    narrow_index: Mapping[str, str]
    release_critical: Mapping[str, str]
    specialist: Mapping[str, str]
    clinic: Mapping[str, str]
    self_medication: Mapping[str, str]
    grave_self_medication: Mapping[str, str]
    courses: Mapping[str, str]
    nsaids: Mapping[str, str]
    lithium: Mapping[str, str]
    egfr_codes: Mapping[str, str]

    def expectation(self, kind: LineKind, role: Role) -> Expectation:
        """What the table says; a role that it does not name is expected to hold nothing."""
        return self.expected[kind].get(role, Expectation.NOT_EXPECTED)
