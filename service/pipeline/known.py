"""What an earlier reading knows of a source, how the source is asked now, and whether it is still
the same person and the same content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from service.model.patient import MatchGrade, PatientLink, PatientRecord
from service.model.source import SourceRead
from service.read.source import NO_SUCH_PATIENT


class Asking(StrEnum):
    """How one source is asked.

    ANEW looks for the person and reads everything: the full compare. WHOLE reads the known record
    whole, CHANGES what changed in it, KEPT asks nothing: the earlier reading stands.
    """

    ANEW = "anew"
    WHOLE = "whole"
    CHANGES = "changes"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Known:
    """One source as an earlier reading left it: what it gave, and the records linked there."""

    asking: Asking
    read: SourceRead
    links: tuple[PatientLink, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """Patient ids of the records that are certain."""
        return tuple(
            link.record.reference.removeprefix("Patient/")
            for link in self.links
            if link.grade is MatchGrade.CERTAIN
        )

    @property
    def settled(self) -> bool:
        """Whether the records may be read directly: all are certain, and their Patient is kept."""
        held = {one.id for one in self.read.resources if one.type == "Patient"}
        return bool(self.ids) and len(self.ids) == len(self.links) and set(self.ids) <= held


def by_place(links: Iterable[PatientLink]) -> dict[tuple[str, str], PatientLink]:
    """Links by source and reference; a kept one no longer knows its version."""
    return {(link.record.source, link.record.reference): link for link in links}


def same_person(before: Sequence[PatientRecord], now: Sequence[PatientRecord]) -> bool:
    """Whether the Patient resources still say who they are about, by all that identifies."""
    return [_identity(one) for one in before] == [_identity(one) for one in now]


def _identity(one: PatientRecord) -> tuple[object, ...]:
    return (
        one.origin.reference,
        sorted((i.system, i.value) for i in one.identifiers),
        one.family,
        one.given,
        one.birth_date,
        one.sex,
        one.active,
        one.replaced_by,
    )


def gone(read: SourceRead) -> bool:
    """Whether the source says that it has no such Patient (any more)."""
    return any(
        reason.endswith(NO_SUCH_PATIENT)
        for certificate in read.certificates
        if certificate.type == "Patient"
        for reason in certificate.reasons
    )


def same_content(before: SourceRead, now: SourceRead) -> bool:
    """Whether two reads of a source hold the same, however many pages that took."""
    return _held(before) == _held(now) and _told(before) == _told(now)


def _held(read: SourceRead) -> list[tuple[str, str | None, str, bytes]]:
    return sorted((one.reference, one.version, one.fhir, one.body) for one in read.resources)


def _told(read: SourceRead) -> SourceRead:
    by_type = sorted(read.certificates, key=lambda one: one.type)
    plain = tuple(replace(one, pages=0, total=None, since=None) for one in by_type)
    return replace(read, resources=(), certificates=plain, read_at=None, watermark=None)
