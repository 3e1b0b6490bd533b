"""Texts in another language: one gettext catalogue (PO), English being the key of each text.

The file is read as it is, without a step that compiles it.
Source: GNU gettext manual, "The Format of PO Files" and "The Format of GNU MO Files".
"""

from __future__ import annotations

import ast
import io
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from gettext import GNUTranslations
from typing import Final

PLURAL: Final = "\x00"
"""Parts the forms of a phrase that counts, in the key and in what is said (as MO files have it)."""

_CONTEXT: Final = "\x04"
_MAGIC: Final = 0x950412DE
_CHARSET: Final = "Content-Type: text/plain; charset=UTF-8\n"
_KEYWORD: Final = re.compile(
    r"(?P<word>msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?) (?P<text>.*)"
)


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


ENGLISH: Final = Words()


def catalogue(po: str) -> dict[str, str]:
    """The entries of a PO file without its header. Raises: ValueError for a line that is no PO."""
    return {text: said for text, said in entries(po).items() if text}


def entries(po: str) -> dict[str, str]:
    """msgid -> msgstr of a PO file, the header under ""; untranslated and fuzzy ones are left out.

    Entries that count have their forms parted by PLURAL, those with a context it before the key.

    Raises: ValueError for a line that is no PO.
    """
    found: dict[str, str] = {}
    parts: dict[str, str] = {}
    reading, fuzzy, fuzzy_next = "", False, False

    def keep() -> None:
        said = [text for word, text in parts.items() if word.startswith("msgstr")]
        if "msgid" in parts and all(said) and not fuzzy:
            context = parts["msgctxt"] + _CONTEXT if "msgctxt" in parts else ""
            plural = PLURAL + parts["msgid_plural"] if "msgid_plural" in parts else ""
            found[context + parts["msgid"] + plural] = PLURAL.join(said)

    for number, raw in enumerate(po.splitlines(), start=1):
        line = raw.strip()
        if line.startswith("#,") and "fuzzy" in line:
            fuzzy_next = True
        elif not line or line.startswith("#"):
            continue
        elif read := _KEYWORD.fullmatch(line):
            if reading.startswith("msgstr") and not read["word"].startswith("msgstr"):
                keep()
                parts = {}
            if not parts:
                fuzzy, fuzzy_next = fuzzy_next, False
            reading = read["word"]
            parts[reading] = _text(read["text"], number)
        elif line.startswith('"') and reading:
            parts[reading] += _text(line, number)
        else:
            raise ValueError(f"line {number} is no PO")
    keep()
    return found


def translations(found: Mapping[str, str]) -> GNUTranslations:
    """The same as gettext has it, with the plural rule that the header names.

    Built as a MO file in memory: that is what gettext of the standard library reads.
    """
    texts_of = {**found, "": _CHARSET + found.get("", "")}
    pairs = [(key.encode(), said.encode()) for key, said in sorted(texts_of.items())]
    header, index = 28, 8 * len(pairs)
    place, tables, texts = header + 2 * index, [b"", b""], b""
    for side in (0, 1):
        for pair in pairs:
            tables[side] += struct.pack("<II", len(pair[side]), place + len(texts))
            texts += pair[side] + b"\x00"
    start = struct.pack("<7I", _MAGIC, 0, len(pairs), header, header + index, 0, 0)
    return GNUTranslations(io.BytesIO(start + tables[0] + tables[1] + texts))


def _text(quoted: str, number: int) -> str:
    try:
        text = ast.literal_eval(quoted.strip())
    except (ValueError, SyntaxError):
        text = None
    if not isinstance(text, str):
        raise ValueError(f"line {number} is no PO")
    return text
