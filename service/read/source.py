"""What every source can do for the reader, and what it is asked.

Two kinds exist: a FHIR server (`server.py`) and a file or folder (`files.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from service.model.source import RawResource, Role, SourceRead
from service.read.since import Since

NO_SUCH_PATIENT = "no such patient on this server"
"""How the reason of a Patient certificate ends where the server answers that there is none."""


@dataclass(frozen=True, slots=True)
class PatientQuery:
    """Who is looked for; all empty asks for the one patient that the source holds.

    `reference` is "Patient/17" on this very source, `identifiers` are (system, value).
    """

    reference: str | None = None
    identifiers: tuple[tuple[str, str], ...] = ()
    family: str = ""
    given: str = ""
    birth_date: date | None = None
    sex: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.reference or self.identifiers or self.family or self.birth_date)


@dataclass(frozen=True, slots=True)
class Found:
    """The Patient resources that answer a query, and how surely these are all.

    `bare` are references to patients of whom the source holds data but no Patient resource (files
    only); `pull` accepts their ids too. Nothing is made up for them. `ratings` are what a server
    with `$match` said of its own candidates ("Patient/17", "probable 0.8"): evidence to show, never
    a grade.
    """

    patients: tuple[RawResource, ...]
    read: SourceRead
    bare: tuple[str, ...] = ()
    ratings: tuple[tuple[str, str], ...] = ()


class Reader(Protocol):
    """One source, ready to be read. Neither method raises for what a source does wrong."""

    name: str
    role: Role

    async def find(self, query: PatientQuery) -> Found:
        """The patients that match; several, where the caller has to decide."""
        ...

    async def pull(
        self,
        patient_ids: tuple[str, ...],
        *,
        since: Since | None = None,
        expected: Collection[str] = (),
    ) -> SourceRead:
        """Everything about one patient, who may have several ids ("17" or "Patient/17") here.

        Args:
            expected: references ("Practitioner/3") to which lines led when they were read before;
                reading them at once saves waiting.
            since: types of which changes are enough; a source may give all of them nevertheless.
        """
        ...
