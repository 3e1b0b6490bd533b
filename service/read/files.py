"""A file or folder of FHIR JSON as a source.

It is complete when all of it was read whole. Who a resource is about is told by its subject,
relative, absolute or as a fullUrl ("urn:uuid:..."). Where the whole source is about one single
patient, resources that name nobody are that patient's, and a problem says so. Data about a
patient whose Patient resource is not there can be pulled by the bare id; nothing is made up for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from service.errors import UsageError
from service.fhir import bundle as bundles
from service.fhir.policy import literal
from service.model.evidence import Problem
from service.model.source import Certificate, RawResource, Role, SourceRead, State
from service.read.documents import Item, documents, readable
from service.read.pull import REFERRED_TYPES, RESOURCE_TYPES, SEARCHED_TYPES, referred
from service.read.source import Found, PatientQuery

_CLINICAL = frozenset(SEARCHED_TYPES)


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
class _Holding:
    """Everything of a location, sorted by whom it is about ("" where a resource names nobody)."""

    patients: dict[str, RawResource] = field(default_factory=dict)
    by_subject: dict[str, dict[str, RawResource]] = field(default_factory=dict)
    shared: dict[str, RawResource] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    floor: State = State.COMPLETE

    @property
    def bare(self) -> tuple[str, ...]:
        """Patients of whom there is data but no Patient resource."""
        return tuple(sorted(self.by_subject.keys() - self.patients.keys() - {""}))

    @property
    def only_one(self) -> bool:
        """Whether the whole source is about one single patient."""
        return len(self.patients) + len(self.bare) == 1


@dataclass(slots=True)
class FilesReader:
    """A file or folder; read once, when first asked."""

    name: str
    role: Role
    path: Path
    _holding: _Holding | None = field(default=None, repr=False)

    async def find(self, query: PatientQuery) -> Found:
        """Patients of the location that may be meant; the only one it holds is always returned."""
        held = await self._held()
        if query.reference is not None:
            wanted = _resolved(query.reference, "", held.aliases)
            patients = tuple(one for key, one in held.patients.items() if key == wanted)
            bare = tuple(one for one in held.bare if one == wanted)
        else:
            patients = tuple(held.patients[key] for key in sorted(held.patients))
            if not query.is_empty and not held.only_one:
                patients = _candidates(patients, query)
            bare = held.bare if query.is_empty or held.only_one else ()
        if not patients and not bare:
            reason = f"no record of this patient in {self.path.name}"
            return Found((), self._read(held, (), floor=State.UNAVAILABLE, reason=reason))
        return Found(patients, self._read(held, patients), bare)

    async def pull(self, patient_ids: tuple[str, ...]) -> SourceRead:
        """Everything about the patient with these ids, with a certificate for each type."""
        held = await self._held()
        wanted = [
            _resolved(f"Patient/{one.removeprefix('Patient/')}", "", held.aliases)
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
        unresolved = _with_referred(kept, held)
        return self._read(held, tuple(kept.values()), problems=problems, unresolved=unresolved)

    async def _held(self) -> _Holding:
        if self._holding is None:
            self._holding = await asyncio.to_thread(_hold, self.path)
        return self._holding

    def _read(
        self,
        held: _Holding,
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


def _hold(path: Path) -> _Holding:
    opened = documents(path)
    items, refused = readable(opened)
    held = _Holding()
    pages = {page for one in opened for page in one.pages}
    for one in opened:
        held.reasons += one.reasons
        held.reasons += one.withheld
        if one.next_pages - pages:
            held.reasons.append(f"{one.name}: a page of a search whose next page is not here")
    held.reasons += refused
    if not opened:
        held.reasons.append(f"{path.name}: no FHIR JSON file in this folder")
    if any(one.withheld for one in opened):
        held.floor = State.WITHHELD
    elif held.reasons:
        held.floor = State.PARTIAL
    if not items:
        held.floor = State.UNAVAILABLE
        held.reasons = held.reasons or [f"{path.name}: no resources in it"]
    for item in items:
        if item.resource.full_url:
            held.aliases[item.resource.full_url] = item.resource.reference
    for item in items:
        _place(held, item)
    return held


def _place(held: _Holding, item: Item) -> None:
    resource = item.resource
    if resource.type == "Patient":
        _keep(held, held.patients, resource)
    elif resource.type in _CLINICAL:
        root = bundles.root_of(resource.full_url)
        about = bundles.subjects(item.seen).references
        found = [_resolved(one, root, held.aliases) for one in about]
        patients = [one for one in found if one.startswith("Patient/")] or [""]
        for one in dict.fromkeys(patients):
            _keep(held, held.by_subject.setdefault(one, {}), resource)
    elif resource.type in RESOURCE_TYPES:
        _keep(held, held.shared, resource)


def _keep(held: _Holding, place: dict[str, RawResource], resource: RawResource) -> None:
    """Keep a resource under its reference; of two versions the higher, else the one read last."""
    before = place.get(resource.reference)
    if before is not None and before.body != resource.body:
        if _number(before.version) > _number(resource.version):
            resource = before
        elif _number(before.version) == _number(resource.version):
            held.problems.append(
                (
                    resource.reference,
                    "stands there twice with different content; the later was kept",
                )
            )
    place[resource.reference] = resource


def _number(version: str | None) -> int:
    return int(version[:18]) if version and version.isascii() and version.isdigit() else -1


def _resolved(reference: str, root: str, aliases: dict[str, str]) -> str:
    """ "Patient/17" of a reference as written; as it is where it is none."""
    if reference in aliases:
        return aliases[reference]
    here = literal(reference)
    if here is None and "://" in reference:
        here = literal("/".join(reference.split("/_history/", 1)[0].rsplit("/", 2)[-2:]))
    if here is not None and root:
        return aliases.get(f"{root}/{here}", here)
    return here or reference


def _with_referred(kept: dict[str, RawResource], held: _Holding) -> dict[str, tuple[str, ...]]:
    """Add to `kept` what its lines refer to; returns, by type, the references not in the source."""
    missing: dict[str, set[str]] = {kind: set() for kind in REFERRED_TYPES}
    for _ in range(2):
        for kind, names in referred(kept.values(), None, held.aliases).items():
            for reference in names:
                if reference in held.shared:
                    kept[reference] = held.shared[reference]
                else:
                    missing[kind].add(reference)
    for reference, resource in held.shared.items():
        if resource.type == "Provenance" and bundles.references(resource.body) & kept.keys():
            kept[reference] = resource
    return {kind: tuple(sorted(names)) for kind, names in missing.items()}


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
    except msgspec.MsgspecError:
        return _Patient()
