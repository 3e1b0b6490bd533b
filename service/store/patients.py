"""Patients under an opaque id, the records linked to them, and people's words on those links."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import NotKept
from service.model.evidence import Origin
from service.model.patient import MatchGrade, PatientLink
from service.model.review import User
from service.store.tables import link_words, patient_records, patients


@dataclass(frozen=True, slots=True)
class Patient:
    """One person as asked for. `asked` is what to search by, `identity` what to show.

    `asked` is {"source", "reference"} or {"identifier": "system|value"}; `identity` may hold
    {"name", "birth_date", "sex"} and is empty before the first report.
    """

    id: str
    created_at: datetime
    asked: Mapping[str, str]
    identity: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LinkWord:
    """One person's word on a doubtful link; the newest `number` of a record counts."""

    source: str
    reference: str
    number: int
    same: bool
    by: User
    at: datetime
    reason: str


def asked_key(key: bytes, asked: Mapping[str, str]) -> str:
    """A keyed hash by which the same question is recognised without keeping it in clear."""
    message = json.dumps(dict(asked), sort_keys=True).encode()
    return hmac.digest(key, b"asked\0" + message, "sha256").hex()


async def ask(
    tx: AsyncConnection, key: bytes, asked: Mapping[str, str], *, at: datetime
) -> Patient:
    """The patient of this question, created when it was never asked before."""
    hashed = asked_key(key, asked)
    row = (await tx.execute(select(patients).where(patients.c.asked_key == hashed))).first()
    if row is None:
        patient = f"p-{hmac.digest(key, b'patient' + hashed.encode(), 'sha256').hex()[:24]}"
        await tx.execute(
            insert(patients).values(
                id=patient, created_at=at, asked_key=hashed, asked=dict(asked), identity={}
            )
        )
        return Patient(patient, at, dict(asked), {})
    return Patient(row.id, row.created_at, row.asked, row.identity)


async def get(look: AsyncConnection, patient: str) -> Patient:
    """Raises: NotKept."""
    row = (await look.execute(select(patients).where(patients.c.id == patient))).first()
    if row is None:
        raise NotKept
    return Patient(row.id, row.created_at, row.asked, row.identity)


async def all_ids(look: AsyncConnection) -> tuple[str, ...]:
    return tuple(await look.scalars(select(patients.c.id).order_by(patients.c.id)))


async def holding(look: AsyncConnection, source: str, reference: str) -> tuple[str, ...]:
    """Ids of the patients to whom this record is linked as certain."""
    found = await look.scalars(
        select(patient_records.c.patient)
        .where(patient_records.c.source == source, patient_records.c.reference == reference)
        .where(patient_records.c.grade == MatchGrade.CERTAIN.value)
        .order_by(patient_records.c.patient)
    )
    return tuple(found)


async def held_at(look: AsyncConnection, source: str) -> tuple[tuple[str, str], ...]:
    """Each patient of whom a source surely holds a record, with the record's "Patient/ID"."""
    found = await look.execute(
        select(patient_records.c.patient, patient_records.c.reference)
        .where(patient_records.c.source == source)
        .where(patient_records.c.grade == MatchGrade.CERTAIN.value)
        .order_by(patient_records.c.patient, patient_records.c.reference)
    )
    return tuple((row.patient, row.reference) for row in found)


async def keep_links(
    tx: AsyncConnection,
    patient: str,
    links: Sequence[PatientLink],
    identity: Mapping[str, str],
    *,
    at: datetime,
) -> None:
    """Replace the linked records by those of the newest read, and what to show of the person."""
    await tx.execute(delete(patient_records).where(patient_records.c.patient == patient))
    if links:
        await tx.execute(
            insert(patient_records),
            [
                {
                    "patient": patient,
                    "source": link.record.source,
                    "reference": link.record.reference,
                    "grade": link.grade.value,
                    "evidence": list(link.evidence),
                    "linked_at": at,
                }
                for link in links
            ],
        )
    await tx.execute(
        update(patients).where(patients.c.id == patient).values(identity=dict(identity))
    )


async def links(look: AsyncConnection, patient: str) -> tuple[PatientLink, ...]:
    """The linked records as of the newest read, by source then reference."""
    found = await look.execute(
        select(patient_records)
        .where(patient_records.c.patient == patient)
        .order_by(patient_records.c.source, patient_records.c.reference)
    )
    return tuple(
        PatientLink(Origin(row.source, row.reference), MatchGrade(row.grade), tuple(row.evidence))
        for row in found
    )


async def say_link(
    tx: AsyncConnection,
    patient: str,
    source: str,
    reference: str,
    user: User,
    *,
    same: bool,
    reason: str = "",
    at: datetime,
) -> LinkWord:
    """Append a person's word; earlier words stay readable."""
    number = 1 + (
        await tx.scalar(
            select(func.coalesce(func.max(link_words.c.number), 0)).where(
                link_words.c.patient == patient,
                link_words.c.source == source,
                link_words.c.reference == reference,
            )
        )
        or 0
    )
    word = LinkWord(source, reference, number, same, user, at, reason)
    await tx.execute(
        insert(link_words).values(
            patient=patient,
            source=source,
            reference=reference,
            number=number,
            same=same,
            by=user,
            at=at,
            reason=reason,
        )
    )
    return word


async def link_word(
    look: AsyncConnection, patient: str, source: str, reference: str
) -> LinkWord | None:
    """The word that counts for this record, None where nobody has spoken."""
    return next(
        (
            word
            for word in await words(look, patient)
            if (word.source, word.reference) == (source, reference)
        ),
        None,
    )


async def words(look: AsyncConnection, patient: str) -> tuple[LinkWord, ...]:
    """The word that counts for each record of this patient, by source then reference."""
    found = await look.execute(
        select(link_words)
        .where(link_words.c.patient == patient)
        .order_by(link_words.c.source, link_words.c.reference, link_words.c.number)
    )
    newest = {
        (row.source, row.reference): LinkWord(
            row.source, row.reference, row.number, row.same, row.by, row.at, row.reason
        )
        for row in found
    }
    return tuple(newest.values())
