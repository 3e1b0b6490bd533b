"""mappings/units.toml as the table of units that normalize uses."""

from __future__ import annotations

from pathlib import Path

from service.mappings import toml
from service.normalize.units import Unit, Units

FILE = "units.toml"
_KINDS = frozenset(
    {"mass", "volume", "time", "activity", "equivalent", "amount"}
    | {"count", "actuation", "drop", "application"}
)


def load_units(folder: Path) -> Units:
    """Every spelling with its unit.

    Raises: MappingError for an unknown kind, a spelling used twice, or no plain count.
    """
    by_spelling: dict[str, Unit] = {}
    content = toml.load(folder, FILE)
    for entry in content.entries("unit"):
        kind = entry.text("kind")
        if kind not in _KINDS:
            raise entry.wrong("kind", f"one of {', '.join(sorted(_KINDS))}")
        unit = Unit(entry.text("ucum"), kind, entry.number("factor"))
        for spelling in dict.fromkeys((unit.ucum.lower(), *entry.texts("spellings"))):
            if spelling != spelling.lower() or by_spelling.setdefault(spelling, unit) is not unit:
                raise entry.wrong("spellings", f"{spelling!r} once, in lower case")
    if "1" not in by_spelling:
        raise content.wrong("unit", 'a unit with ucum = "1", the plain count')
    ions = {one.text("rxcui"): one.number("mg_per_meq") for one in content.entries("ion")}
    return Units(by_spelling, content.words("results"), ions)
