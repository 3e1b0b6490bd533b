"""What a patient asks and wishes, as somebody noted it: appended, and taken back by another row."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import NotKept
from service.model.around import PatientWord
from service.model.review import User
from service.store.tables import patient_words

KINDS: Final = ("question", "preference")
_BACK: Final = "taken-back"


async def of_patient(look: AsyncConnection, patient: str) -> tuple[PatientWord, ...]:
    """What stands, oldest first; what was taken back is left out."""
    rows = (
        await look.execute(
            select(patient_words)
            .where(patient_words.c.patient == patient)
            .order_by(patient_words.c.number)
        )
    ).all()
    back = {row.about for row in rows if row.kind == _BACK}
    return tuple(
        PatientWord(row.number, row.kind, row.text, row.by, row.at)
        for row in rows
        if row.kind != _BACK and row.number not in back
    )


async def note(
    tx: AsyncConnection, patient: str, kind: str, text: str, by: User, *, at: datetime
) -> None:
    """One more word of the patient; `kind` is one of KINDS."""
    await _append(tx, patient, kind, 0, text, by, at)


async def take_back(
    tx: AsyncConnection, patient: str, number: int, by: User, *, at: datetime
) -> None:
    """The word of this number stands no more. Raises: NotKept where none stands."""
    if number not in {word.number for word in await of_patient(tx, patient)}:
        raise NotKept
    await _append(tx, patient, _BACK, number, "", by, at)


async def _append(
    tx: AsyncConnection, patient: str, kind: str, about: int, text: str, by: User, at: datetime
) -> None:
    last = await tx.scalar(
        select(func.coalesce(func.max(patient_words.c.number), 0)).where(
            patient_words.c.patient == patient
        )
    )
    await tx.execute(
        insert(patient_words).values(
            patient=patient,
            number=(last or 0) + 1,
            kind=kind,
            about=about,
            text=text,
            by=by,
            at=at,
        )
    )
