"""Ask for a patient, read everything again, keep the new report: load, compute, save, commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from service.model.review import User
from service.pipeline.fresh import EVERYTHING, USUAL, Ages, Reading
from service.pipeline.keeping import Refreshed, keep
from service.pipeline.reconcile import Knowledge
from service.pipeline.reread import read_again
from service.read.source import Reader
from service.store import Store, audit, patients
from service.store.syncs import Freshness


async def ask(store: Store, asked: Mapping[str, str], user: User, *, at: datetime) -> str:
    """The id under which this patient is kept; the same question gives the same id."""
    async with store.transaction() as tx:
        patient = await patients.ask(tx, store.key, asked, at=at)
        await audit.record(tx, user, "ask-patient", patient.id, patient=patient.id, at=at)
    return patient.id


async def refresh(
    store: Store,
    readers: Sequence[Reader],
    knowledge: Knowledge,
    patient: str,
    *,
    as_of: date,
    at: datetime,
    reading: Reading = EVERYTHING,
    ages: Ages = USUAL,
    claim: Freshness | None = None,
) -> Refreshed:
    """Reads the sources, reconciles, and keeps the report with what it was made of.

    A source that does not answer now is shown by its last complete read, marked stale. Open reviews
    of older reports are superseded: nobody signs what is no longer shown.

    Args:
        claim: the row that this reading was claimed by; nothing is kept once somebody else has it.
    Raises: NotKept when no source that answered knows the person; StoreConflict when somebody
        else's reading was kept meanwhile.
    """
    reread = await read_again(
        store,
        readers,
        knowledge,
        patient,
        as_of=as_of,
        today=at.date(),
        reading=reading,
        ages=ages,
        at=at,
    )
    return await keep(store, patient, reread, as_of=as_of, at=at, claim=claim)
