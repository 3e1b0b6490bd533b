"""mappings/routes.toml as the table of routes that normalize uses."""

from __future__ import annotations

from pathlib import Path

from service.mappings import toml
from service.normalize.routes import Routes

FILE = "routes.toml"


def load_routes(folder: Path) -> Routes:
    """Routes by SNOMED CT code and by spelling.

    Raises: MappingError for a code without a name, or a code or spelling used twice.
    """
    by_code: dict[str, str] = {}
    by_spelling: dict[str, str] = {}
    for entry in toml.load(folder, FILE).entries("route"):
        name = entry.text("name")
        pairs = entry.values.get("snomed", [])
        if not isinstance(pairs, list):
            raise entry.wrong("snomed", "a list of [code, name]")
        for pair in pairs:
            if not (isinstance(pair, list) and len(pair) == 2 and all(pair)):
                raise entry.wrong("snomed", "a list of [code, name]")
            if by_code.setdefault(str(pair[0]), name) != name:
                raise entry.wrong("snomed", f"{pair[0]} once")
        for spelling in entry.texts("spellings"):
            if by_spelling.setdefault(spelling, name) != name:
                raise entry.wrong("spellings", f"{spelling!r} once")
    return Routes(by_code, by_spelling)
