"""What a file or folder holds, sorted by whom it is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from service.fhir import about
from service.fhir.policy import literal
from service.model.source import RawResource, State
from service.read.documents import Item, documents, readable
from service.read.pull import REFERRED_TYPES, RESOURCE_TYPES, SEARCHED_TYPES, referred

_CLINICAL = frozenset(SEARCHED_TYPES)


@dataclass(slots=True)
class Holding:
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


def hold(path: Path) -> Holding:
    """Everything at a location, read and sorted, with why something could not be."""
    opened = documents(path)
    items, refused = readable(opened)
    held = Holding()
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
        place(held, item)
    return held


def place(held: Holding, item: Item) -> None:
    """Put one resource where it belongs; of two versions of one the higher stays."""
    resource = item.resource
    if resource.type == "Patient":
        keep(held, held.patients, resource)
    elif resource.type in _CLINICAL:
        root = about.root_of(resource.full_url)
        whom = about.subjects(item.seen).references
        found = [resolved(one, root, held.aliases) for one in whom]
        patients = [one for one in found if one.startswith("Patient/")] or [""]
        for one in dict.fromkeys(patients):
            keep(held, held.by_subject.setdefault(one, {}), resource)
    elif resource.type in RESOURCE_TYPES:
        keep(held, held.shared, resource)


def keep(held: Holding, place: dict[str, RawResource], resource: RawResource) -> None:
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


def resolved(reference: str, root: str, aliases: dict[str, str]) -> str:
    """ "Patient/17" of a reference as written; as it is where it is none."""
    if reference in aliases:
        return aliases[reference]
    here = literal(reference)
    if here is None and "://" in reference:
        here = literal("/".join(reference.split("/_history/", 1)[0].rsplit("/", 2)[-2:]))
    if here is not None and root:
        return aliases.get(f"{root}/{here}", here)
    return here or reference


def with_referred(kept: dict[str, RawResource], held: Holding) -> dict[str, tuple[str, ...]]:
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
        if resource.type == "Provenance" and about.references(resource.body) & kept.keys():
            kept[reference] = resource
    return {kind: tuple(sorted(names)) for kind, names in missing.items()}
