"""Every line of one span to the part of its person, found by parsing the line.

A line goes where its patient's person was placed; a patient who is one record alone has a part of
their own by the record's hash. What lines refer to (Medication, Practitioner ...) belongs to no
patient: it stands in files of its own, with an index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from service.errors import SourceInvalid
from service.fhir import about
from service.fhir import bundle as bundles
from service.fhir.outcome import issues
from service.fhir.policy import literal
from service.fhir.release import Release
from service.model.source import MEDICATION_TYPES
from service.population.exports import Span, lines
from service.population.index import ROW as INDEX_ROW
from service.population.index import Lookup, hashed
from service.population.shuffle import Writer
from service.population.work import Plan
from service.read.holding import resolved
from service.read.pull import REFERRED_TYPES, SEARCHED_TYPES

_CLINICAL = frozenset({"Patient", *SEARCHED_TYPES})
_REFERRED = frozenset(REFERRED_TYPES)
_MOST_REASONS = 20
_REMEMBERED = 4096
_LONGEST_TYPE = 64


class Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A line with what was told by parsing it, so that it need not be parsed for that again.

    `patient` is whom it is about ("Patient/17"), `shape` the release that it looks like.
    """

    patient: str
    kind: str
    id: str
    version: str | None
    shape: Release
    body: bytes


class _Named(msgspec.Struct, gc=False):
    reference: str = ""


class _Version(msgspec.Struct, gc=False):
    versionId: str | None = None


class _Seen(msgspec.Struct, gc=False):
    """What tells whom a line is about, where every element is what FHIR says (see bundle.Peek)."""

    resourceType: str = ""
    id: str = ""
    meta: _Version | None = None
    subject: _Named | None = None
    patient: _Named | None = None
    for_: _Named | None = msgspec.field(default=None, name="for")
    beneficiary: _Named | None = None
    individual: _Named | None = None
    participant: msgspec.Raw = msgspec.Raw(b"")


_SEEN = msgspec.json.Decoder(_Seen)
_rows = msgspec.msgpack.Encoder()
ROW_OF = msgspec.msgpack.Decoder(Row)


@dataclass(slots=True)
class Placed:
    """What became of the lines of a span. `lines` and `unattached` count by resource type."""

    span: int
    source: str
    lines: dict[str, int] = field(default_factory=dict)
    unattached: dict[str, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    not_read: int = 0


def default_part(source: str, reference: str, parts: int) -> int:
    """The part of a patient whose record stands alone."""
    return hashed("person", source, reference) % parts


class Partition:
    """Places lines; one for each worker."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._moved = Lookup(plan.path("moved"))
        self._known: dict[tuple[str, str], int] = {}

    def part(self, source: str, reference: str) -> int:
        """The part of the person whose record this is."""
        place = (source, reference)
        part = self._known.get(place)
        if part is None:
            key = hashed("person", source, reference)
            part = next((one for one, _ in self._moved.rows(key)), key % self._plan.parts)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[place] = part
        return part

    def place(self, number: int, span: Span) -> Placed:
        """Writes every line of a span where it belongs; what cannot be read is told.

        `lines` holds a Row for each line and patient, `referred` what lines refer to,
        `referred-index` its hash, the span, and the byte.
        """
        placed = Placed(number, span.source)
        writer = Writer(self._plan.path("lines", number), self._plan.parts)
        index = bytearray()
        with self._plan.path("referred", number).open("wb") as referred:
            for line in lines(span, placed.reasons):
                try:
                    kind, id_, version, patients = told(line)
                except SourceInvalid as error:
                    self._not_read(placed, f"{span.file}: {error.message}")
                    continue
                if kind in _CLINICAL:
                    _count(placed.lines, kind)
                    if not patients:
                        _count(placed.unattached, kind)
                        continue
                    shape = bundles.shape_of(kind, line)
                    for patient in patients:
                        row = Row(patient, kind, id_, version, shape, line)
                        writer.add(self.part(span.source, patient), _rows.encode(row))
                elif kind in _REFERRED:
                    _count(placed.lines, kind)
                    key = hashed("referred", span.source, f"{kind}/{id_}")
                    index += INDEX_ROW.pack(key, number, referred.tell())
                    referred.write(line + b"\n")
                elif kind == "OperationOutcome":
                    for issue in issues(line):
                        if issue.severity in {"error", "fatal"} or issue.code == "incomplete":
                            self._not_read(placed, f"{span.file}: OperationOutcome {issue.text}")
                elif kind == "Bundle":
                    self._not_read(placed, f"{span.file}: a Bundle in a line of NDJSON, not read")
        writer.close()
        self._plan.path("referred-index", number).write_bytes(index)
        return placed

    @staticmethod
    def _not_read(placed: Placed, reason: str) -> None:
        placed.not_read += 1
        if reason not in placed.reasons and len(placed.reasons) < _MOST_REASONS:
            placed.reasons.append(reason)


def told(line: bytes) -> tuple[str, str, str | None, tuple[str, ...]]:
    """Type, id, version and patients ("Patient/17") of a line, by parsing it once.

    Raises: SourceInvalid when it is no JSON object of FHIR.
    """
    try:
        seen = _SEEN.decode(line)
    except (msgspec.MsgspecError, RecursionError):
        return _told_apart(line)
    kind, id_ = seen.resourceType, seen.id
    if len(kind) > _LONGEST_TYPE or literal(f"{kind}/{id_}") is None:
        return _told_apart(line)
    version = seen.meta.versionId if seen.meta else None
    if kind == "Patient":
        return kind, id_, version, (f"Patient/{id_}",)
    named = (seen.subject, seen.patient, seen.for_, seen.beneficiary, seen.individual)
    written = tuple([one.reference for one in named if one is not None and one.reference])
    if not written and seen.participant:
        return _told_apart(line)
    return kind, id_, version, _patients(written)


def _told_apart(line: bytes) -> tuple[str, str, str | None, tuple[str, ...]]:
    """The same element by element, where one of them is not what it should be."""
    seen = bundles.peek(line)
    kind, id_ = seen.resourceType, bundles.identity(seen, "", line)
    if kind == "Patient":
        return kind, id_, bundles.version(seen), (f"Patient/{id_}",)
    return kind, id_, bundles.version(seen), _patients(about.subjects(seen).references)


@lru_cache(maxsize=4096)
def _patients(written: tuple[str, ...]) -> tuple[str, ...]:
    """The patients among references as written; lines of one patient often stand together."""
    found = dict.fromkeys(resolved(one, "", {}) for one in written)
    return tuple(one for one in found if one.startswith("Patient/"))


def _count(counts: dict[str, int], kind: str) -> None:
    counts[kind] = counts.get(kind, 0) + 1


def medication_lines(counted: Mapping[str, int]) -> int:
    """How many of these lines are medication lines."""
    return sum(counted.get(kind, 0) for kind in MEDICATION_TYPES)
