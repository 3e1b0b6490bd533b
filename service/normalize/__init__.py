"""FHIR resources as they came, in the nouns of the model; what cannot be read is a Problem."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from service.model.evidence import Problem
from service.model.patient import PatientRecord
from service.model.record import SourceRecord
from service.model.source import RawResource, SourceRead
from service.normalize.context import Notes
from service.normalize.patient import record
from service.normalize.reading import origin_of, readable
from service.normalize.source import record as source_record
from service.normalize.tables import Tables
from service.normalize.wire import clinical

__all__ = ["Tables", "normalize", "patients"]


def normalize(read: SourceRead, tables: Tables, as_of: date) -> SourceRecord:
    """One source's data as it stands on `as_of`; its own problems come first.

    Every medication resource becomes an entry, or stands in `excluded`, or is counted in `later`,
    or has a problem that says why it could not be read. Nothing that a source sends raises.
    """
    return source_record(read, tables, as_of)


def patients(
    raws: Iterable[RawResource], source: str
) -> tuple[tuple[PatientRecord, ...], tuple[Problem, ...]]:
    """The Patient resources among `raws` as records, with what could not be read of them."""
    records: list[PatientRecord] = []
    problems: list[Problem] = []
    for raw in raws:
        if raw.type != "Patient":
            continue
        origin = origin_of(raw, source)
        notes = Notes()
        found = readable(raw, clinical.Patient, notes)
        if found is not None:
            records.append(record(origin, found, notes))
        problems.extend(notes.problems(origin))
    return tuple(records), tuple(problems)
