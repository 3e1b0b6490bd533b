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
        return self.name_of(reference), self.person_key(reference)

    def key_of(self, reference: base.Reference | None) -> str:
        """`Type/id`, also where a reference is a urn:uuid that is some resource's id."""
        key = reference_key(reference)
        if key.startswith("urn:uuid:"):
            return self.types.get(key.removeprefix("urn:uuid:"), key)
        return key


class Notes:
    """Collects what is wrong with one resource, each thing once, while it is read."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._said: dict[str, None] = {}

    def say(self, what: str) -> None:
        self._said.setdefault(what)

    def first_day(self, text: str, path: str) -> date | None:
        """The day of a start; a sentence where there is a text that is no date."""
        return self._checked(first_day(text), text, path)

    def last_day(self, text: str, path: str) -> date | None:
        return self._checked(last_day(text), text, path)

    def _checked(self, day: date | None, text: str, path: str) -> date | None:
        if text and day is None:
            self.say(f"{path} {text[:40]!r} is no date")
        return day

    @property
    def sentences(self) -> tuple[str, ...]:
        return tuple(self._said)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(
            Problem(self._origin.source, self._origin.reference, what) for what in self._said
        )
