"""How often, as codes and words say it: the table behind timing codes and text directions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from service.model.concept import Coding
from service.model.dosage import Frequency

_HOURS_PER_DAY = 24
_FOLDED_INTO_BEDTIME = frozenset({"NIGHT", "EVE"})


@dataclass(frozen=True)
class Frequencies:
    """Timing codes, abbreviations and the words of directions (mappings/frequency.toml).

    `codes` are those of `code_system` (v3-GTSAbbreviation), `abbreviations` spellings in lower
    case, `nouns` parts of the day, `meals` the last letter of FHIR's meal events.
    """

    code_system: str
    codes: Mapping[str, Frequency]
    abbreviations: Mapping[str, Frequency]
    nouns: Mapping[str, str]
    meals: Mapping[str, str]
    harmless: frozenset[str]
    meaning: frozenset[str]

    def says_nothing(self, text: str) -> bool:
        """Whether a direction has only words without a dose or a time: `use as directed`."""
        return all(word.strip(".,;") in self.harmless for word in text.lower().split())

    def of_codings(self, codings: tuple[Coding, ...], text: str = "") -> Frequency | None:
        """What a Timing.code says: a code of the standard system, else a known abbreviation."""
        for coding in codings:
            if coding.system in (self.code_system, "") and (found := self.codes.get(coding.code)):
                return found
        for spelling in (text, *(coding.display for coding in codings)):
            if found := self.abbreviations.get(spelling.strip().lower()):
                return found
        for coding in codings:
            if found := self.abbreviations.get(coding.code.strip().lower()):
                return found
        return None


def frequency(
    count: Decimal,
    period_d: Decimal,
    *,
    count_max: Decimal | None = None,
    when: tuple[str, ...] = (),
    days: tuple[str, ...] = (),
) -> Frequency:
    """A Frequency whose period is a whole day or more: every six hours is four times a day."""
    if period_d < 1:
        count, count_max = count / period_d, count_max / period_d if count_max else None
        count, period_d = _tidy(count), Decimal(1)
        count_max = _tidy(count_max) if count_max else None
    return Frequency(_tidy(count), _tidy(period_d), count_max, folded(when), days)


def folded(when: tuple[str, ...]) -> tuple[str, ...]:
    """Parts of the day without repeats, in order; night or evening at bedtime is bedtime."""
    parts = dict.fromkeys(when)
    if "HS" in parts:
        return tuple(part for part in parts if part not in _FOLDED_INTO_BEDTIME)
    return tuple(parts)


def _tidy(value: Decimal) -> Decimal:
    """Without the last digits of a division that does not come out even (24 h / 8 h is 3)."""
    near = value.quantize(Decimal("0.000001"))
    return near.normalize() + 0 if abs(near - value) < Decimal("1e-9") else value
