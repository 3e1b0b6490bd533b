"""What one resource is read with: its source, the day, the tables, and what it may refer to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from service.model.clinical import Person
from service.model.evidence import Origin, Problem
from service.model.source import RawResource, Role
from service.normalize.concept import NPI, reference_key
from service.normalize.content import contents
from service.normalize.dates import first_day, last_day
from service.normalize.tables import Tables
from service.normalize.wire import base
from service.normalize.wire.medication import Medication

_URN = "urn:uuid:"
_EARLIEST = 1900


class Context:
    """One source on one day.

    Args:
        resources: all of the source, to which a urn:uuid may refer.

    `medications` and `people`, by `Type/id`, are filled in as they are read, before what refers to
    them.
    """

    __slots__ = (
        "_known",
        "_resources",
        "_types",
        "as_of",
        "contents",
        "medications",
        "people",
        "role",
        "source",
        "tables",
    )

    def __init__(
        self,
        source: str,
        role: Role,
        as_of: date,
        tables: Tables,
        resources: tuple[RawResource, ...] = (),
    ) -> None:
        self.source, self.role, self.as_of, self.tables = source, role, as_of, tables
        self.contents = contents(tables)
        self.medications: Mapping[str, Medication] = {}
        self.people: Mapping[str, Person] = {}
        self._resources = resources
        self._types: Mapping[str, str] | None = None
        self._known: dict[base.Reference, tuple[str, str]] = {}

    def name_of(self, reference: base.Reference | None) -> str:
        """The name that a reference shows, else the one of the Practitioner it leads to."""
        return self.who(reference)[0]

    def who(self, reference: base.Reference | None) -> tuple[str, str]:
        """The name and the key of a person; the key is the same wherever one person is meant: the
        NPI if known, else `Type/id`."""
        if reference is None:
            return "", ""
        known = self._known.get(reference)
        if known is None:
            key = self.key_of(reference)
            person = self.people.get(key)
            name = reference.display or (person.name if person else "")
            known = self._known[reference] = name, self._person_key(reference, key, person)
        return known

    def key_of(self, reference: base.Reference | None) -> str:
        """`Type/id`, also where a reference is a urn:uuid that is some resource's id."""
        key = reference_key(reference)
        if key.startswith(_URN):
            return self._reference_of(key)
        return key

    def _person_key(self, reference: base.Reference, key: str, person: Person | None) -> str:
        if reference.identifier and reference.identifier.system == NPI:
            return f"{NPI}|{reference.identifier.value}"
        npi = [one for one in person.identifiers if one.startswith(f"{NPI}|")] if person else []
        return npi[0] if npi else key

    def _reference_of(self, urn: str) -> str:
        if self._types is None:
            self._types = {raw.id: raw.reference for raw in self._resources}
        return self._types.get(urn.removeprefix(_URN), urn)


class Notes:
    """Collects what is wrong with one resource, each thing once, while it is read."""

    __slots__ = ("said",)

    def __init__(self) -> None:
        self.said: dict[str, None] = {}

    def say(self, what: str) -> None:
        self.said.setdefault(what)

    def first_day(self, text: str, path: str) -> date | None:
        """The day of a start; a sentence where there is a text that is no date."""
        if not text:
            return None
        return self._told(first_day(text), text, path)

    def last_day(self, text: str, path: str) -> date | None:
        if not text:
            return None
        return self._told(last_day(text), text, path)

    def _told(self, day: date | None, text: str, path: str) -> date | None:
        if day is None:
            self.say(f"{path} {text[:40]!r} is no date")
        elif day.year < _EARLIEST:
            self.say(f"{path} {text[:40]!r} lies before {_EARLIEST}: it can hardly be meant")
        return day

    @property
    def sentences(self) -> tuple[str, ...]:
        return tuple(self.said) if self.said else ()

    def problems(self, origin: Origin) -> tuple[Problem, ...]:
        """What was said, as problems of one resource."""
        return tuple(Problem(origin.source, origin.reference, what) for what in self.said)
