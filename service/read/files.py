"""A file or folder of FHIR JSON as a source.

It is complete when all of it was read whole. Who a resource is about is told by its subject,
relative, absolute or as a fullUrl ("urn:uuid:..."). Where the whole source is about one single
patient, resources that name nobody are that patient's, and a problem says so. Data about a
patient whose Patient resource is not there can be pulled by the bare id; nothing is made up for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from service.errors import UsageError
from service.fhir.body import UNREADABLE
from service.model.evidence import Problem
from service.model.source import Certificate, RawResource, Role, SourceRead, State
from service.read.holding import Holding, hold, resolved, with_referred
from service.read.pull import RESOURCE_TYPES
from service.read.since import Since
from service.read.source import Found, PatientQuery


class _Identifier(msgspec.Struct):
    system: str = ""
    value: str = ""


class _Name(msgspec.Struct):
    family: msgspec.Raw = msgspec.Raw(b"")


class _Patient(msgspec.Struct):
    identifier: list[_Identifier] = []
    name: list[_Name] = []
    birthDate: str = ""


_PATIENT = msgspec.json.Decoder(_Patient)


@dataclass(slots=True)
class FilesReader:
    """A file or folder; read once, when first asked."""

    name: str
    role: Role
    path: Path
    _holding: Holding | None = field(default=None, repr=False)

    async def find(self, query: PatientQuery) -> Found:
        """Patients of the location that may be meant; the only one it holds is always returned."""
        held = await self._held()
        if query.reference is not None:
            wanted = resolved(query.reference, "", held.aliases)
            patients = tuple(one for key, one in held.patients.items() if key == wanted)
            bare = tuple(one for one in held.bare if one == wanted)
        else:
            patients = tuple(held.patients[key] for key in sorted(held.patients))
            if not query.is_empty and not held.only_one:
                patients = _candidates(patients, query)
            bare = held.bare if query.is_empty or held.only_one else ()
        if not patients and not bare:
            reason = f"no record of this patient in {self.path.name}"
            # A named record that is missing ends the matter; otherwise the file may be asked again.
            floor = State.UNAVAILABLE if query.reference is not None else None
            return Found((), self._read(held, (), floor=floor, reason=reason))
        return Found(patients, self._read(held, patients), bare)

    async def pull(
        self,
        patient_ids: tuple[str, ...],
        *,
        since: Since | None = None,  # noqa: ARG002  (a file is read whole anyway)
        expected: Collection[str] = (),  # noqa: ARG002
    ) -> SourceRead:
        """Everything about the patient with these ids, with a certificate for each type."""
        held = await self._held()
        wanted = [
            resolved(f"Patient/{one.removeprefix('Patient/')}", "", held.aliases)
            for one in patient_ids
        ]
        known = [one for one in wanted if one in held.patients or one in held.by_subject]
        if not known:
            reason = f"no record of this patient in {self.path.name}"
            return self._read(held, (), floor=State.UNAVAILABLE, reason=reason)
        kept: dict[str, RawResource] = {}
        problems = [Problem(self.name, where, what) for where, what in held.problems]
        for one in known:
            if one in held.patients:
                kept[one] = held.patients[one]
            kept.update(held.by_subject.get(one, {}))
        for reference, resource in held.by_subject.get("", {}).items():
            if held.only_one:
                kept[reference] = resource
                what = "names no patient; taken as the one patient's of this source"
            else:
                what = "names no patient, and the source holds several; left out"
            problems.append(Problem(self.name, reference, what))
        unresolved = with_referred(kept, held)
        return self._read(held, tuple(kept.values()), problems=problems, unresolved=unresolved)

    async def _held(self) -> Holding:
        if self._holding is None:
            self._holding = await asyncio.to_thread(hold, self.path)
        return self._holding

    def _read(
        self,
        held: Holding,
        resources: Iterable[RawResource],
        *,
        floor: State | None = None,
        reason: str = "",
        problems: Iterable[Problem] = (),
        unresolved: dict[str, tuple[str, ...]] | None = None,
    ) -> SourceRead:
        found = tuple(sorted(resources, key=lambda one: one.reference))
        state = held.floor if floor is None else floor
        counts = {kind: sum(1 for one in found if one.type == kind) for kind in RESOURCE_TYPES}
        certificates = tuple(
            Certificate(
                kind, State.COMPLETE, count=number, unresolved=(unresolved or {}).get(kind, ())
            )
            for kind, number in counts.items()
        )
        return SourceRead(
            name=self.name,
            role=self.role,
            resources=found,
            certificates=() if state is State.UNAVAILABLE else certificates,
            reasons=(*held.reasons, *([reason] if reason else [])),
            state_floor=state,
            problems=tuple(problems),
            read_at=datetime.now(UTC),
            base_url="",
        )


def read_location(name: str, role: Role, path: Path) -> FilesReader:
    """A reader for the file or folder. Raises: UsageError when there is none."""
    if not path.exists():
        raise UsageError(f"--source {name}: there is no file or folder {str(path)!r}.")
    return FilesReader(name, role, path)


def _candidates(patients: tuple[RawResource, ...], query: PatientQuery) -> tuple[RawResource, ...]:
    """Those with one of the identifiers; without any, those with the family name or birth date."""
    looked = [(patient, _details(patient)) for patient in patients]
    identified = tuple(
        patient
        for patient, details in looked
        if {(one.system, one.value) for one in details.identifier} & set(query.identifiers)
    )
    if identified:
        return identified
    born = query.birth_date.isoformat() if query.birth_date else None
    family = query.family.casefold()
    return tuple(
        patient
        for patient, details in looked
        if (born is not None and details.birthDate == born)
        or (family and any(family in bytes(n.family).decode().casefold() for n in details.name))
    )


def _details(patient: RawResource) -> _Patient:
    try:
        return _PATIENT.decode(patient.body)
    except UNREADABLE:
        return _Patient()
