"""What worker processes do in a population run, one step each; results lie in files."""

from __future__ import annotations

import gc
import os
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from service.fhir.kept import write_whole
from service.model.patient import MatchGrade
from service.population import people
from service.population.crew import Worker
from service.population.exports import Span
from service.population.index import ROW, hashed
from service.population.part import SourceState, reports
from service.population.partition import Placed, default_part
from service.population.scan import Scanned, scan_span
from service.population.shuffle import Writer
from service.population.summary import PartSummary
from service.report.document import document

_encoder = msgspec.json.Encoder(decimal_format="number")


def scan(worker: Worker, number: int, span: Span) -> Scanned:
    return scan_span(worker.plan, number, span)


def alike(worker: Worker, kind: str, firsts: Sequence[int], start: int, end: int) -> bytes:
    roots = array("I", worker.plan.path("roots").read_bytes())
    grouped = people.groups(worker.plan.path(kind), firsts, start, end)
    return people.alike(grouped, worker.roster, worker.knowledge.weights, roots).tobytes()


def settle(worker: Worker, batch: int, sets: Sequence[Sequence[int]]) -> bytes:
    """Settles sets of records; writes persons and doubts, returns where the records went."""
    planned = worker.plan
    writer = Writer(planned.path("people", batch), planned.parts)
    moved = bytearray()
    doubts: list[bytes] = []
    for members in sets:
        records = (worker.roster.record(number) for number in members)
        for person in people.settled(records, worker.knowledge.weights):
            part = default_part(*person.name, planned.parts)
            writer.add(part, msgspec.msgpack.encode(person))
            for origin in person.members:
                moved += ROW.pack(hashed("person", *people.place_of(origin)), part, 0)
            doubts += (_encoder.encode(doubt) + b"\n" for doubt in _doubts(person))
    writer.close()
    planned.path("doubts", batch).write_bytes(b"".join(doubts))
    return bytes(moved)


def _doubts(person: people.Person) -> Iterator[dict[str, Any]]:
    source, reference = person.name
    for link in person.links:
        if link.grade is not MatchGrade.CERTAIN:
            yield {
                "person": {"source": source, "reference": reference},
                "record": {"source": link.record.source, "reference": link.record.reference},
                "grade": link.grade,
                "evidence": link.evidence,
            }


def place(worker: Worker, number: int, span: Span) -> Placed:
    return worker.partition.place(number, span)


def report(worker: Worker, part: int) -> int:
    """Writes the reports of one part; returns how many."""
    planned = worker.plan
    states, spans, batches = msgspec.json.decode(
        planned.path("states").read_bytes(),
        type=tuple[dict[str, SourceState], dict[str, list[int]], int],
    )
    summary = PartSummary()
    target = planned.reports(part)
    unfinished = planned.path("reports", part)
    with unfinished.open("wb") as file, _cycles_later():
        for report in reports(planned, part, worker.knowledge, states, spans, range(batches)):
            content = document(report)
            summary.add(content)
            file.write(_encoder.encode(content) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(target)
    write_whole(planned.path("part", part), _encoder.encode(summary))
    return summary.patients


@contextmanager
def _cycles_later() -> Iterator[None]:
    """No search for unreachable cycles until the end of a part: frozen values form none."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()
        gc.collect()
