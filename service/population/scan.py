"""The Patient resources of one span, as records with the keys under which they are looked up."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import msgspec

from service.errors import SourceInvalid
from service.fhir import bundle as bundles
from service.link.blocking import keys
from service.model.patient import PatientRecord
from service.normalize import patients
from service.population.exports import Span, lines
from service.population.index import ROW, hashed
from service.population.work import Plan

_MARK = b'"Patient"'
_IDENTIFIER = "i|"
RECORDS = msgspec.msgpack.Encoder()
RECORD = msgspec.msgpack.Decoder(PatientRecord)


@dataclass(frozen=True, slots=True)
class Scanned:
    """How many Patient resources a span holds."""

    span: int
    records: int


def scan_span(plan: Plan, number: int, span: Span) -> Scanned:
    """Writes the span's patient records, their sizes, and their keys.

    `records` holds them one after the other, `sizes` the bytes of each; `identifiers` and `traits`
    hold one row for each key: its hash, the span, and the record's place in the span. Who a line is
    about is told by parsing it; only lines that could be a Patient are parsed here.
    """
    sizes = array("Q")
    rows: dict[str, bytearray] = {"identifiers": bytearray(), "traits": bytearray()}
    with plan.path("records", number).open("wb") as records:
        for line in lines(span, []):
            if _MARK not in line:
                continue
            for record in _records(line, span.source):
                body = RECORDS.encode(record)
                records.write(body)
                # A record that stands there twice meets itself under its own name.
                own = hashed("record", record.origin.source, record.origin.reference)
                rows["identifiers"] += ROW.pack(own, number, len(sizes))
                if record.replaced_by:
                    survivor = hashed("record", record.origin.source, record.replaced_by)
                    rows["identifiers"] += ROW.pack(survivor, number, len(sizes))
                for key in keys(record):
                    kind = "identifiers" if key.startswith(_IDENTIFIER) else "traits"
                    rows[kind] += ROW.pack(hashed(key), number, len(sizes))
                sizes.append(len(body))
    plan.path("sizes", number).write_bytes(sizes.tobytes())
    for kind, content in rows.items():
        plan.path(kind, number).write_bytes(content)
    return Scanned(number, len(sizes))


def _records(line: bytes, source: str) -> tuple[PatientRecord, ...]:
    try:
        seen = bundles.peek(line)
    except SourceInvalid:
        return ()
    if seen.resourceType != "Patient":
        return ()
    return patients([bundles.raw_resource(seen, "", line)], source)[0]
