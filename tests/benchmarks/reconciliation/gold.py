"""What is true of a made patient, and what a contestant says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

AGREEING = frozenset({"confirmed-match", "equivalent-product"})
"""Types that report agreement: nothing for a person to judge."""

BY_SOURCE = frozenset(
    {
        "omission-prescribed",
        "omission-specialist-supplied",
        "omission-self-medication",
        "addition",
        "unresolvable-drug",
        "identity-doubt",
        "source-incomplete",
    }
)
"""Types that are one label for each source they name; the others are one for each drug."""

TYPES = (
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
    "code-text-conflict",
    "source-incomplete",
    "duplicate-same-drug",
    "therapeutic-duplication",
    "parent-metabolite-duplication",
)
"""Families A to D of the catalogue of findings, in its order. Families E to H come behind."""


@dataclass(frozen=True)
class Gold:
    """One label. A finding answers it when its type is among `types` (the first is the label),
    it is about exactly these ingredients (`loose`: about any of them, or names none) and it names
    at least these sources. What is not `required` may be said and may be left unsaid."""

    types: tuple[str, ...]
    ingredients: frozenset[str]
    sources: frozenset[str] = frozenset()
    required: bool = True
    loose: bool = False
    why: str = ""


@dataclass(frozen=True)
class Said:
    """One finding of a contestant, for all sources that it names."""

    type: str
    ingredients: frozenset[str]
    sources: frozenset[str]


@dataclass
class SourceData:
    """One server's resources of one patient. `missing` says what could not be read of it."""

    name: str
    role: str
    resources: list[dict[str, Any]] = field(default_factory=list)
    missing: str = ""


@dataclass
class Case:
    """One made patient with its labels; `story` names what was put in, for a person."""

    name: str
    as_of: date
    sources: list[SourceData]
    gold: list[Gold]
    clean: bool
    story: list[str]
