"""What one resource is read with: its source, the day, the tables, and what it may refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from service.model.clinical import Person
from service.model.evidence import Origin, Problem
from service.model.source import Role
from service.normalize.concept import NPI, reference_key
from service.normalize.dates import first_day, last_day
from service.normalize.tables import Tables
from service.normalize.wire import base
from service.normalize.wire.medication import Medication

_T = TypeVar("_T")
_URN = "urn:uuid:"


@dataclass(frozen=True, slots=True)
class Context:
    """One source on one day. `medications` and `people` are keyed by `Type/id`."""

    source: str
    role: Role
    as_of: date
    tables: Tables
    medications: Mapping[str, Medication] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    def name_of(self, reference: base.Reference | None) -> str:
        """The name that a reference shows, else the one of the Practitioner it leads to."""
        if reference is None:
            return ""
        person = self.people.get(self.key_of(reference))
        return reference.display or (person.name if person else "")

    def person_key(self, reference: base.Reference | None) -> str:
        """A key that is the same wherever one person is meant: the NPI if known, else `Type/id`."""
        if reference is None:
            return ""
        if reference.identifier and reference.identifier.system == NPI:
            return f"{NPI}|{reference.identifier.value}"
        key = self.key_of(reference)
        person = self.people.get(key)
        npi = [one for one in person.identifiers if one.startswith(f"{NPI}|")] if person else []
        return npi[0] if npi else key

    def who(self, reference: base.Reference | None) -> tuple[str, str]:
        """The name and the key of a person."""
        if reference is None:
            return "", ""
        return self.name_of(reference), self.person_key(reference)

    def key_of(self, reference: base.Reference | None) -> str:
        """`Type/id`, also where a reference is a urn:uuid that is some resource's id."""
        key = reference_key(reference)
        if key.startswith(_URN):
            return self.types.get(key.removeprefix(_URN), key)
        return key


class Notes:
    """Collects what is wrong with one resource, each thing once, while it is read."""

    __slots__ = ("_origin", "said")

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self.said: dict[str, None] = {}

    def say(self, what: str) -> None:
        self.said.setdefault(what)

    def first_day(self, text: str, path: str) -> date | None:
        """The day of a start; a sentence where there is a text that is no date."""
        day = first_day(text)
        if day is None and text:
            self._no_date(text, path)
        return day

    def last_day(self, text: str, path: str) -> date | None:
        day = last_day(text)
        if day is None and text:
            self._no_date(text, path)
        return day

    def _no_date(self, text: str, path: str) -> None:
        self.say(f"{path} {text[:40]!r} is no date")

    @property
    def sentences(self) -> tuple[str, ...]:
        return tuple(self.said)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(
            Problem(self._origin.source, self._origin.reference, what) for what in self.said
        )
