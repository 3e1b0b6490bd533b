"""Texts in another language: one gettext catalogue (PO), English being the key of each text."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Words:
    """Says a text in one language; English where the catalogue has none."""

    language: str = "en"
    catalogue: Mapping[str, str] = field(default_factory=dict)

    def say(self, text: str, /, **values: object) -> str:
        """The text with `{name}`s filled in."""
        said = self.catalogue.get(text) or text
        return said.format(**values) if values else said

    def knows(self, text: str) -> bool:
        """Whether this text can be said in this language."""
        return self.language == "en" or bool(self.catalogue.get(text))


def catalogue(po: str) -> dict[str, str]:
    """msgid -> msgstr of a PO file; the header and untranslated or fuzzy entries are left out.

    Raises: ValueError for a line that is no PO.
    """
    found: dict[str, str] = {}
    parts = {"msgid": "", "msgstr": ""}
    reading, fuzzy = "", False

    def keep() -> None:
        if parts["msgid"] and parts["msgstr"] and not fuzzy:
            found[parts["msgid"]] = parts["msgstr"]

    for number, raw in enumerate(po.splitlines(), start=1):
        line = raw.strip()
        if line.startswith("#,") and "fuzzy" in line:
            keep()
            parts, reading, fuzzy = {"msgid": "", "msgstr": ""}, "", True
        elif not line or line.startswith("#"):
            continue
        elif line.startswith("msgid "):
            if reading == "msgstr":
                keep()
                fuzzy = False
            parts, reading = {"msgid": _text(line[6:], number), "msgstr": ""}, "msgid"
        elif line.startswith("msgstr "):
            parts["msgstr"], reading = _text(line[7:], number), "msgstr"
        elif line.startswith('"') and reading:
            parts[reading] += _text(line, number)
        else:
            raise ValueError(f"line {number} is no PO")
    keep()
    return found


def _text(quoted: str, number: int) -> str:
    try:
        text = ast.literal_eval(quoted.strip())
    except (ValueError, SyntaxError):
        text = None
    if not isinstance(text, str):
        raise ValueError(f"line {number} is no PO")
    return text
