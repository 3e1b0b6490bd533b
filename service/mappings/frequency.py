"""mappings/frequency.toml as the table of frequencies that normalize uses."""

from __future__ import annotations

from pathlib import Path

from service.mappings import toml
from service.model.dosage import Frequency
from service.normalize.frequency import Frequencies

FILE = "frequency.toml"


def load_frequencies(folder: Path) -> Frequencies:
    """Timing codes, abbreviations, parts of the day, and the words of directions.

    Raises: MappingError for a code or spelling used twice or an entry without its numbers.
    """
    content = toml.load(folder, FILE)
    codes: dict[str, Frequency] = {}
    for entry in content.entries("code"):
        if codes.setdefault(entry.text("code"), found := _frequency(entry)) is not found:
            raise entry.wrong("code", "each code once")
    abbreviations: dict[str, Frequency] = {}
    for entry in content.entries("abbreviation"):
        found = _frequency(entry)
        for spelling in entry.texts("spellings"):
            if (
                spelling != spelling.lower()
                or abbreviations.setdefault(spelling, found) is not found
            ):
                raise entry.wrong("spellings", f"{spelling!r} once, in lower case")
    words = content.inner("words")
    return Frequencies(
        code_system=content.text("code_system"),
        codes=codes,
        abbreviations=abbreviations,
        nouns=content.words("nouns"),
        meals=content.words("meals"),
        harmless=frozenset(words.text("harmless").split()),
        meaning=frozenset(words.text("meaning").split()),
    )


def _frequency(entry: toml.Entry) -> Frequency:
    return Frequency(entry.number("count"), entry.number("period_d"), None, entry.texts("when"))
