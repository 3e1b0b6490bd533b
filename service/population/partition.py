"""Every line of one span to the part of its person, found by parsing the line.

A line goes where its patient's person was placed; a patient who is one record alone has a part of
their own by the record's hash. What lines refer to (Medication, Practitioner ...) belongs to no
patient: it stands in files of its own, with an index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.errors import SourceInvalid
from service.fhir import bundle as bundles
from service.fhir.outcome import issues
from service.model.source import MEDICATION_TYPES
from service.population.exports import Span, lines
from service.population.index import ROW, Lookup, hashed
from service.population.shuffle import Writer
from service.population.work import Plan
from service.read.holding import resolved
from service.read.pull import REFERRED_TYPES, SEARCHED_TYPES

_CLINICAL = frozenset({"Patient", *SEARCHED_TYPES})
_REFERRED = frozenset(REFERRED_TYPES)
_MOST_REASONS = 20
_REMEMBERED = 4096


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

        Rows are `reference of the patient, line feed, line`. `lines` holds those of patients,
        `referred` what lines refer to, `referred-index` its hash, the span, and the byte.
        """
        placed = Placed(number, span.source)
        writer = Writer(self._plan.path("lines", number), self._plan.parts)
        index = bytearray()
        with self._plan.path("referred", number).open("wb") as referred:
            for line in lines(span, placed.reasons):
                try:
                    seen = bundles.peek(line)
                except SourceInvalid as error:
                    self._not_read(placed, f"{span.file}: {error.message}")
                    continue
                kind = seen.resourceType
                if kind in _CLINICAL:
                    _count(placed.lines, kind)
                    patients = _patients(seen, line)
                    if not patients:
                        _count(placed.unattached, kind)
                    for patient in patients:
                        row = b"%b\n%b" % (patient.encode(), line)
                        writer.add(self.part(span.source, patient), row)
                elif kind in _REFERRED:
                    _count(placed.lines, kind)
                    reference = f"{kind}/{bundles.identity(seen, '', line)}"
                    key = hashed("referred", span.source, reference)
                    index += ROW.pack(key, number, referred.tell())
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


def _patients(seen: bundles.Peek, line: bytes) -> list[str]:
    """References ("Patient/17") to the patients that a resource is about."""
    if seen.resourceType == "Patient":
        return [f"Patient/{bundles.identity(seen, '', line)}"]
    found = (resolved(one, "", {}) for one in bundles.subjects(seen).references)
    return [one for one in dict.fromkeys(found) if one.startswith("Patient/")]


def _count(counts: dict[str, int], kind: str) -> None:
    counts[kind] = counts.get(kind, 0) + 1


def medication_lines(counted: Mapping[str, int]) -> int:
    """How many of these lines are medication lines."""
    return sum(counted.get(kind, 0) for kind in MEDICATION_TYPES)
