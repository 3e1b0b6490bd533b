"""One mapping file as a dictionary, with typed access that names file and key when it is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from service.errors import MappingError


@dataclass(frozen=True, slots=True)
class Entry:
    """A TOML table of one file; `key` says where it stands, for messages."""

    file: str
    key: str
    values: Mapping[str, object]

    def text(self, name: str, default: str | None = None) -> str:
        value = self.values.get(name, default)
        if not isinstance(value, str):
            raise self.wrong(name, "a text")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.wrong(name, "a list of texts")
        return tuple(value)

    def number(self, name: str) -> Decimal:
        """A number above zero, written as an integer or, to keep every digit, as a text."""
        value = self.values.get(name)
        try:
            found = Decimal(value) if isinstance(value, (int, str)) else Decimal(-1)
        except InvalidOperation:
            found = Decimal(-1)
        if not found.is_finite() or found <= 0:
            raise self.wrong(name, "a number above zero, as an integer or a text")
        return found

    def entries(self, name: str) -> Iterator[Entry]:
        """The tables of an array of tables, each named by its place."""
        value = self.values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.wrong(name, f"tables written [[{name}]]")
        for place, one in enumerate(value):
            yield Entry(self.file, f"{name}.{place}", one)

    def words(self, name: str) -> Mapping[str, str]:
        """A table of texts."""
        value = self.values.get(name, {})
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            raise self.wrong(name, "a table of texts")
        return value

    def inner(self, name: str) -> Entry:
        value = self.values.get(name, {})
        if not isinstance(value, dict):
            raise self.wrong(name, f"a table written [{name}]")
        return Entry(self.file, name, value)

    def wrong(self, name: str, expected: str) -> MappingError:
        return MappingError(self.file, f"{self.key}.{name}" if self.key else name, expected)


def load(folder: Path, file: str) -> Entry:
    """The whole file as one entry.

    Raises: MappingError when it is missing or no TOML.
    """
    try:
        return Entry(file, "", tomllib.loads((folder / file).read_text("utf-8")))
    except FileNotFoundError:
        raise MappingError(file, "file", "this file in the mappings folder") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingError(file, "file", f"TOML that can be read ({error})") from None
