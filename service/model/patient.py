"""Who a record is about, and which records are one person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from service.model.evidence import Origin


class MatchGrade(StrEnum):
    """FHIR match-grade codes. Only `certain` links by itself; the middle two go to a person."""

    CERTAIN = "certain"
    PROBABLE = "probable"
    POSSIBLE = "possible"
    CERTAINLY_NOT = "certainly-not"


@dataclass(frozen=True, slots=True)
class Identifier:
    """A business identifier; `type` is the HL7 v2-0203 code (MR, SS ...) where given."""

    system: str
    value: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """One source's Patient. Names are folded (lower case, no accents), `display` is as sent."""

    origin: Origin
    identifiers: tuple[Identifier, ...] = ()
    family: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    display: str = ""
    birth_date: date | None = None
    sex: str = ""
    phones: tuple[str, ...] = ()
    postal_code: str = ""
    address_line: str = ""
    deceased: bool = False
    deceased_on: date | None = None
    active: bool = True
    replaced_by: str | None = None
    general_practitioners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PatientLink:
    """How surely one record is the asked person, with the fields that agree or disagree.

    `decided_by` is empty for a computed grade, else who said so (a person's word wins).
    """

    record: Origin
    grade: MatchGrade
    evidence: tuple[str, ...] = ()
    score: float = 0.0
    decided_by: str = ""
