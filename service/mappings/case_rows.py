"""The keys of a case file: one struct per kind of row, checked when read.

`mappings/README.md` shows them in use.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from service.errors import MappingError
from service.mappings.rules import CASES, parse_toml
from service.model.finding import Bucket, Severity
from service.model.medication import TherapyState
from service.model.source import State


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every row has: the source that holds it."""

    source: str = "psychiatry"


class MedicationRow(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of one source. `dose` is the daily dose (of one interval where `every_days` is set)
    of the first ingredient in `unit`; `until` a planned end; `end` the day of a documented stop."""

    rxcui: str
    name: str
    kind: Literal["request", "statement", "dispense", "administration"] = "request"
    start: date | None = None
    end: date | None = None
    until: date | None = None
    status: str = ""
    state: TherapyState | None = None
    dose: Decimal | None = None
    unit: str = "mg"
    as_needed: bool = False
    every_days: Decimal | None = None
    days_supply: Decimal | None = None
    route: str = ""
    requester: str = ""
    taken: str = ""
    status_reason: str = ""
    steps: tuple[Decimal, ...] = ()
    supplied_for: str = ""


class ResultRow(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One Observation; `effective` may be left out to say that the source gives no date."""

    loinc: str
    name: str
    effective: date | None = None
    value: Decimal | None = None
    unit: str = ""
    comparator: str = ""
    status: str = "final"
    text: str = ""
    coded: str = ""


class VisitRow(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An appointment or encounter; `discharge` makes it a stay that ended on `end`."""

    start: date
    end: date | None = None
    status: str = "booked"
    kind: Literal["appointment", "encounter"] = "appointment"
    service: str = ""
    discharge: bool = False


class ConditionRow(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A problem; `system` is a short name (snomed, icd-10-cm)."""

    code: str
    name: str
    system: str = "snomed"
    active: bool = True
    refuted: bool = False
    onset: date | None = None


class AllergyRow(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An allergy: by ingredient (`rxcui` and `name`), or by what the source wrote (`text`)."""

    rxcui: str = ""
    name: str = ""
    text: str = ""
    kind: str = "allergy"
    category: tuple[str, ...] = ("medication",)
    criticality: str = ""
    active: bool = True
    refuted: bool = False


class MemberRow(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A member of the care team."""

    name: str
    role: str = ""


class AnswerRow(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """That somebody acted: a Task, Communication, ServiceRequest ..."""

    type: str
    when: date
    status: str = "completed"
    text: str = ""
    about: tuple[str, ...] = ()


class PlanRow(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A CarePlan; `about` are references of its activities, like "medications.0", `says` texts."""

    title: str
    status: str = "active"
    about: tuple[str, ...] = ()
    says: tuple[str, ...] = ()


class PatientRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who the patient is."""

    birth_date: date | None = None
    sex: str = ""
    deceased: bool = False


class SourceRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A source that is not complete: its state, for some types or (`types` empty) as a whole."""

    name: str
    state: State = State.COMPLETE
    types: tuple[str, ...] = ()
    role: str = ""


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One finding; what is left out is not asked. `evidence` is exact, like "results.0"."""

    severity: Severity | None = None
    urgent: bool | None = None
    bucket: Bucket = Bucket.SHOWN
    evidence: tuple[str, ...] | None = None
    due: date | None = None
    says: str = ""


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One small patient and what the rule says about it: findings (`expect`), or "cannot tell"."""

    name: str
    as_of: date
    patient: PatientRow = PatientRow(birth_date=date(1985, 6, 1), sex="female")
    medications: tuple[MedicationRow, ...] = ()
    results: tuple[ResultRow, ...] = ()
    visits: tuple[VisitRow, ...] = ()
    conditions: tuple[ConditionRow, ...] = ()
    allergies: tuple[AllergyRow, ...] = ()
    care_team: tuple[MemberRow, ...] = ()
    answers: tuple[AnswerRow, ...] = ()
    plans: tuple[PlanRow, ...] = ()
    sources: tuple[SourceRow, ...] = ()
    expect: tuple[Expectation, ...] | None = None
    answer: Literal["", "cannot-tell"] = ""
    missing: tuple[str, ...] = ()

    @property
    def kind(self) -> Literal["fires", "silent", "cannot-tell"]:
        if self.answer:
            return "cannot-tell"
        shown = [e for e in self.expect or () if e.bucket is Bucket.SHOWN]
        return "fires" if shown else "silent"


class _CaseFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    case: tuple[Case, ...]


def load_cases(folder: Path, rule_id: str) -> tuple[Case, ...]:
    """The cases of one rule.

    Raises: MappingError when the file is missing or a key is wrong.
    """
    name = f"rules/{rule_id}{CASES}"
    path = folder / name
    if not path.is_file():
        raise MappingError(name, "file", "the cases of the rule")
    try:
        cases = msgspec.convert(parse_toml(path, name), _CaseFile).case
    except msgspec.ValidationError as error:
        said, _, at = str(error).partition(" - at `$")
        raise MappingError(name, at.strip("`.") or "file", said) from error
    for case in cases:
        if (case.expect is None) == (not case.answer):
            raise MappingError(name, case.name, 'either `expect` or answer = "cannot-tell"')
    return cases
