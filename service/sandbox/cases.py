"""How servers misbehave, read from `fixtures/servers/`: cases of faults, and manners of vendors.

A case file holds `[[case]]` tables: `name`, `row` (its number in the catalogue of faults, 0 for
none), `state` (the best that a reader may say of what it read, "" where the case is about writing),
`where` ("page": at any page of any type; "request": as the faults themselves say), `fault` (a list,
see `faults`), `manners` (what differs from the server's own), `later` (the state where it befalls
a later page, when that is another), `then` (what becomes of the medication lines: "line",
"excluded" or "problem"), `vendor` (whose way of asking applies) and `signed_in` (the server wants a
token of SMART Backend Services).
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from service.sandbox.faults import Fault
from service.sandbox.manners import Manners

_State = Literal["", "complete", "partial", "unavailable", "withheld"]


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to misbehave, and the best that a reader may conclude from it."""

    name: str
    row: int = 0
    state: _State = ""
    where: Literal["page", "request"] = "page"
    fault: list[Fault] = []
    manners: dict[str, Any] = {}
    later: _State = ""
    then: Literal["", "line", "excluded", "problem"] = ""
    vendor: str = ""
    signed_in: bool = False

    def faults(self, type_: str, page: str) -> list[Fault]:
        """The faults of a "page" case, aimed at one page of the search of one type."""
        aimed = {"type": type_, "page": page} if self.where == "page" else {}
        return [msgspec.structs.replace(fault, **aimed) for fault in self.fault]

    def manners_of(self, manners: Manners) -> Manners:
        """A server's manners with what this case changes."""
        return replace(manners, **self.manners) if self.manners else manners


def load_cases(folder: Path) -> tuple[Case, ...]:
    """Every case of the TOML files of a folder, in the order of file names.

    Raises: msgspec.ValidationError naming the key that is wrong.
    """
    files = [tomllib.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))]
    return tuple(case for file in files for case in msgspec.convert(file["case"], list[Case]))


def load_manners(file: Path) -> Manners:
    """The manners in a TOML file, with the names of `Manners`.

    Raises: msgspec.ValidationError naming the key that is wrong.
    """
    return msgspec.convert(tomllib.loads(file.read_text("utf-8")), Manners)
