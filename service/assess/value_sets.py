"""The named sets that rules speak of: drugs by ingredient, laboratory tests, conditions, services.

They are plain classes, not dataclasses: the loader hands them to a check's parameter struct whole,
already looked up by name ("classes/warfarin", "labs/lithium").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from service.model.concept import Coding
from service.model.dosage import Quantity


class DrugClass:
    """A set of RxNorm ingredients (IN), for example every ACE inhibitor."""

    __slots__ = ("id", "members", "rxcuis", "title")

    def __init__(self, id: str, title: str, members: Iterable[tuple[str, str]]) -> None:
        self.id, self.title = id, title
        self.members = tuple(members)
        self.rxcuis = frozenset(rxcui for rxcui, _ in self.members)

    def __contains__(self, rxcui: object) -> bool:
        return rxcui in self.rxcuis


class Laboratory:
    """One measurement under all its LOINC codes, with the units that lead to the canonical one.

    `factors` turns a UCUM unit into `unit`: value x factor. The factor of a code-specific mass or
    molar unit is written down per test, because the molar mass belongs to the analyte.
    """

    __slots__ = ("codes", "factors", "id", "title", "unit")

    def __init__(
        self, id: str, title: str, unit: str, codes: Iterable[str], factors: Mapping[str, Decimal]
    ) -> None:
        self.id, self.title, self.unit = id, title, unit
        self.codes = frozenset(codes)
        self.factors = {unit: Decimal(1), **factors}

    @property
    def part(self) -> str:
        """The category of Observation ("survey") where some servers tell it apart from others."""
        return "survey" if self.unit == "{score}" else ""

    def canonical(self, quantity: Quantity) -> Decimal | None:
        """The value in `unit`, or None where the unit is missing or unknown for this test."""
        factor = self.factors.get(quantity.unit)
        return None if factor is None else quantity.value * factor


class CodeSet:
    """Codes of conditions, services or results; `starts` are ICD-10-CM categories ("G40").

    A text match (`words`, lower case) serves where a source sends no code: serviceType of many
    schedules is free text.
    """

    __slots__ = ("codes", "id", "starts", "title", "words")

    def __init__(
        self,
        id: str,
        title: str,
        codes: Iterable[tuple[str, str]],
        starts: Iterable[tuple[str, str]] = (),
        words: Iterable[str] = (),
    ) -> None:
        self.id, self.title = id, title
        self.codes = frozenset(codes)
        self.starts = tuple(starts)
        self.words = tuple(words)

    def holds(self, codings: Iterable[Coding], *texts: str) -> bool:
        """Whether any coding is in the set, or any text holds one of its words."""
        shown: list[str] = [text.lower() for text in texts if text]
        for coding in codings:
            if (coding.system, coding.code) in self.codes:
                return True
            if any(
                coding.system == system and coding.code.startswith(start)
                for system, start in self.starts
            ):
                return True
            if coding.display:
                shown.append(coding.display.lower())
        return any(word in text for word in self.words for text in shown)
