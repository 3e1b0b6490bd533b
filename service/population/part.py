"""One part of the population: its lines in, one report for each of its persons out.

What is done for one person is what `concord reconcile` does: the same reads, the same stages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from io import BufferedReader

import msgspec

from service.fhir import bundle as bundles
from service.fhir.release import READ, Release
from service.model.evidence import Origin, Problem
from service.model.patient import MatchGrade, PatientLink, PatientRecord
from service.model.record import Report
from service.model.source import Certificate, RawResource, SourceRead, State
from service.normalize import patients
from service.pipeline.gather import UNDECIDED, Gathered
from service.pipeline.reconcile import Knowledge, report_of
from service.population.exports import Export
from service.population.index import Lookup, hashed
from service.population.partition import ROW_OF, Row
from service.population.people import Person, place_of
from service.population.shuffle import rows
from service.population.work import Plan
from service.read.documents import Item, overall
from service.read.holding import Holding, keep, place
from service.read.pull import REFERRED_TYPES, RESOURCE_TYPES, referred

Charts = dict[tuple[str, str], list[Row]]
"""Lines by source and reference of the patient."""

PERSON = msgspec.msgpack.Decoder(Person)
_OPEN_FILES = 64
_REMEMBERED = 2048
_ROUNDS = 2  # a PractitionerRole is referred to, and refers to a Practitioner


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is known of a source as a whole after all of its files were gone through."""

    state: State
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Referred:
    """What lines refer to, of all sources, found by hash in the files that `partition` wrote."""

    plan: Plan
    _index: Lookup = field(init=False)
    _files: dict[int, BufferedReader] = field(init=False, default_factory=dict)
    _known: dict[tuple[str, str], RawResource | None] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._index = Lookup(self.plan.path("referred-index"))

    def get(self, source: str, reference: str) -> RawResource | None:
        """The resource of this reference in this source; of two the higher version."""
        wanted = (source, reference)
        if wanted not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[wanted] = self._found(source, reference)
        return self._known[wanted]

    def _found(self, source: str, reference: str) -> RawResource | None:
        held = Holding()
        for span, start in self._index.rows(hashed("referred", source, reference)):
            item = _item(self._line(span, start))
            if item.resource.reference == reference:
                place(held, item)
        return held.shared.get(reference)

    def _line(self, span: int, start: int) -> bytes:
        file = self._files.get(span)
        if file is None:
            if len(self._files) >= _OPEN_FILES:
                self._files.pop(next(iter(self._files))).close()
            file = self._files[span] = self.plan.path("referred", span).open("rb")
        file.seek(start)
        return file.readline().rstrip(b"\n")

    def close(self) -> None:
        """Closes the files that were opened."""
        for file in self._files.values():
            file.close()


def _item(line: bytes) -> Item:
    seen = bundles.peek(line)
    return Item(bundles.raw_resource(seen, "", line), seen, bundles.shape(seen, line))


def reports(
    plan: Plan,
    part: int,
    knowledge: Knowledge,
    states: Mapping[str, SourceState],
    spans: Mapping[str, Sequence[int]],
    batches: Sequence[int],
) -> Iterator[Report]:
    """The report of every person of a part, by the persons' names.

    Args:
        states: of each source as a whole.
        spans: the spans of each source, whose files hold its lines.
        batches: the batches of persons that were settled together.
    """
    charts: Charts = {}
    for export in plan.exports:
        files = [file for span in spans[export.name] for file in plan.shuffled("lines", span)]
        for row in map(ROW_OF.decode, rows(files, part)):
            charts.setdefault((export.name, row.patient), []).append(row)
    people = [f for batch in batches for f in plan.shuffled("people", batch)]
    persons = {person.name: person for person in map(PERSON.decode, rows(people, part))}
    taken = {place_of(origin) for person in persons.values() for origin in person.members}
    alone = charts.keys() - taken
    with closing(Referred(plan)) as known:
        for name in sorted({*persons, *alone}):
            gathered = _gathered(plan, persons.get(name), name, charts, known, states)
            yield report_of(gathered, knowledge, plan.as_of, today=plan.today)


def _gathered(
    plan: Plan,
    person: Person | None,
    name: tuple[str, str],
    charts: Charts,
    known: Referred,
    states: Mapping[str, SourceState],
) -> Gathered:
    """Everything that the sources hold of one person, as `pipeline.gather` would have found it."""
    members = [place_of(origin) for origin in person.members] if person else [name]
    doubted = [
        link.record.source
        for link in (person.links if person else ())
        if link.grade is not MatchGrade.CERTAIN
    ]
    reads: list[SourceRead] = []
    records: list[PatientRecord] = []
    problems: list[Problem] = []
    for export in plan.exports:
        own = [reference for source, reference in members if source == export.name]
        if own:
            lines = {one: charts.pop((export.name, one), []) for one in own}
            read = _read(export, lines, known, states[export.name])
        else:
            read = _absent(export, states[export.name], doubted=export.name in doubted)
        found, wrong = patients(read.resources, export.name)
        reads.append(read)
        records += found
        problems += wrong
    links = person.links if person else _alone(name, [record.origin for record in records])
    return Gathered(
        asked=records[0] if records else None,
        links=links,
        reads=tuple(reads),
        patients=tuple(records),
        problems=tuple(problems),
    )


def _alone(name: tuple[str, str], found: Sequence[Origin]) -> tuple[PatientLink, ...]:
    if found:
        return (PatientLink(found[0], MatchGrade.CERTAIN, ("asked",)),)
    evidence = ("no Patient resource to compare",)
    return (PatientLink(Origin(*name), MatchGrade.CERTAIN, evidence),)


def _absent(export: Export, state: SourceState, *, doubted: bool) -> SourceRead:
    """A source without a certain record of the person: it supports no absence."""
    reason = UNDECIDED if doubted else f"no record of this patient in {export.label}"
    return SourceRead(
        export.name,
        export.role,
        reasons=(*state.reasons, reason),
        state_floor=State.UNAVAILABLE,
    )


def _read(
    export: Export, lines: dict[str, list[Row]], known: Referred, state: SourceState
) -> SourceRead:
    """What a source gave for the records of one person there."""
    held = Holding()
    around = overall(row.shape for own in lines.values() for row in own)
    refused: dict[Release, int] = {}
    for row in (row for own in lines.values() for row in own):
        release = row.shape if row.shape is not Release.UNKNOWN else around
        release = Release.R4 if release is Release.UNKNOWN else release
        if release in READ:
            resource = RawResource(row.kind, row.id, row.version, row.body, release.value)
            patient = row.kind == "Patient"
            keep(
                held,
                held.patients if patient else held.by_subject.setdefault(row.patient, {}),
                resource,
            )
        else:
            refused[release] = refused.get(release, 0) + 1
    kept: dict[str, RawResource] = {}
    for reference in lines:
        if reference in held.patients:
            kept[reference] = held.patients[reference]
        kept.update(held.by_subject.get(reference, {}))
    missing = _with_referred(kept, export.name, known)
    reasons = [
        f"FHIR {release.value} is not read ({number} resources); ask the source for R4"
        for release, number in refused.items()
    ]
    counts = dict.fromkeys(RESOURCE_TYPES, 0)
    for resource in kept.values():
        counts[resource.type] += 1
    return SourceRead(
        name=export.name,
        role=export.role,
        resources=tuple(sorted(kept.values(), key=lambda one: one.reference)),
        certificates=tuple(
            _certificate(kind, number, missing.get(kind, ())) for kind, number in counts.items()
        ),
        reasons=(*state.reasons, *reasons),
        state_floor=State.PARTIAL if reasons else state.state,
        problems=tuple(Problem(export.name, where, what) for where, what in held.problems),
    )


@lru_cache(maxsize=4096)
def _certificate(kind: str, count: int, unresolved: tuple[str, ...]) -> Certificate:
    return Certificate(kind, State.COMPLETE, count=count, unresolved=unresolved)


def _with_referred(
    kept: dict[str, RawResource], source: str, known: Referred
) -> dict[str, tuple[str, ...]]:
    """Adds to `kept` what its lines refer to; returns the references that are not in the source."""
    missing: dict[str, set[str]] = {kind: set() for kind in REFERRED_TYPES}
    new: Iterable[RawResource] = tuple(kept.values())
    for _ in range(_ROUNDS):
        found: list[RawResource] = []
        for kind, references in referred(new, None).items():
            for reference in references - kept.keys():
                resource = known.get(source, reference)
                if resource is None:
                    missing[kind].add(reference)
                else:
                    kept[reference] = resource
                    found.append(resource)
        new = found
    return {kind: tuple(sorted(names)) for kind, names in missing.items()}
