"""Ask for a patient, read everything again, keep the new report: load, compute, save, commit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from service.model.evidence import Origin
from service.model.review import User
from service.model.signed import SignedList
from service.model.source import SourceRead
from service.pipeline.compared import differences, on_the_same_day
from service.pipeline.fresh import (
    EVERYTHING,
    USUAL,
    Ages,
    Kept,
    Reading,
    kept_of,
    known,
)
from service.pipeline.gather import Gathered, gather
from service.pipeline.known import Asking, by_place, same_content
from service.pipeline.reconcile import Knowledge, report_of
from service.pipeline.shown import shown
from service.pipeline.signed import last_signed
from service.pipeline.who import Who
from service.read.source import Reader
from service.report.document import document, encoded
from service.review.worklist import face, place, terms
from service.store import (
    Connection,
    Store,
    audit,
    patients,
    reads,
    reports,
    reviews,
    syncs,
    worklist,
)
from service.store.syncs import Freshness


async def ask(store: Store, asked: Mapping[str, str], user: User, *, at: datetime) -> str:
    """The id under which this patient is kept; the same question gives the same id."""
    async with store.transaction() as tx:
        patient = await patients.ask(tx, store.key, asked, at=at)
        await audit.record(tx, user, "ask-patient", patient.id, patient=patient.id, at=at)
    return patient.id


@dataclass(frozen=True, slots=True)
class Reread:
    """Everything that the sources say now, with what a report of it needs beside the knowledge."""

    gathered: Gathered
    knowledge: Knowledge
    previous: SignedList | None
    today: date
    kept: Mapping[str, Kept] = field(default_factory=dict)
    reading: Reading = EVERYTHING

    def content(self, as_of: date) -> dict[str, Any]:
        """The JSON report that this reading leads to on a day."""
        report = report_of(
            self.gathered, self.knowledge, as_of, today=self.today, previous=self.previous
        )
        return document(report)

    def unaltered(self, as_of: date) -> bool:
        """Whether every source holds what it held when the list was last worked out, on this day,
        so that working it out again would tell the same."""
        links = {place: link.grade for place, link in by_place(self.gathered.links).items()}
        before = {
            place: link.grade
            for one in self.kept.values()
            for place, link in by_place(one.links).items()
        }
        return links == before and all(
            (one := self.kept.get(read.name)) is not None
            and one.row.told_on == as_of
            and same_content(one.read, read)
            for read in self.gathered.reads
        )

    @property
    def silent(self) -> frozenset[str]:
        """The sources that were asked and gave no answer."""
        return self.gathered.silent


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The report that stands after a reading, whether it was made by it, and who was silent."""

    report: reports.KeptReport
    made: bool
    silent: frozenset[str] = frozenset()

    @property
    def number(self) -> int:
        return self.report.number


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


async def read_again(
    store: Store,
    readers: Sequence[Reader],
    knowledge: Knowledge,
    patient: str,
    *,
    as_of: date,
    today: date,
    at: datetime,
    reading: Reading = EVERYTHING,
    ages: Ages = USUAL,
) -> Reread:
    """What the sources say now, compared with the last signed list; nothing is kept yet.

    Raises: NotKept when no source that answered knows the person.
    """
    async with store.read() as look:
        asked = await patients.get(look, patient)
        words = {Origin(w.source, w.reference): w.same for w in await patients.words(look, patient)}
        before = await patients.links(look, patient)
        rows = await syncs.of_patient(look, patient)
        kept = await kept_of(look, rows, before)
        previous = await last_signed(look, patient, as_of)
    names = [reader.name for reader in readers]
    gathered = await gather(
        readers,
        _who(asked.asked),
        knowledge.weights,
        words=words,
        known=known(kept, names, reading, ages, at=at),
    )
    told = await shown(store, patient, gathered, kept, words, reading, ages, at=at)
    return Reread(told, knowledge, previous, today, kept, reading)


async def keep(
    store: Store,
    patient: str,
    reread: Reread,
    *,
    as_of: date,
    at: datetime,
    claim: Freshness | None = None,
) -> Refreshed:
    """Keep a reading and its report as the patient's newest; older open reviews are superseded.

    A read that holds what the kept one holds is not kept again. A reading that nobody waits for
    leaves the report alone where it would tell nothing new.
    Raises: StoreConflict when somebody else's reading was kept meanwhile, or has the claim by now.
    """
    by_itself = reread.reading.by_itself
    # Beside the event loop: pages are answered while a list is worked out.
    content = (
        None
        if by_itself and reread.unaltered(as_of)
        else await asyncio.to_thread(reread.content, as_of)
    )
    async with store.transaction() as tx:
        if claim is not None:
            await syncs.held(tx, claim)
        await syncs.standing(tx, patient, {n: one.row.read for n, one in reread.kept.items()})
        ids = [await _kept_read(tx, patient, read, reread, at) for read in reread.gathered.reads]
        for read, id_ in zip(reread.gathered.reads, ids, strict=True):
            await _note(tx, patient, read, id_, reread, as_of=as_of, at=at)
        last = await reports.newest(tx, patient) if by_itself else None
        if last is not None and (content is None or not _news(last, encoded(content))):
            await audit.record(tx, None, "read-again", last.id, patient=patient, at=at)
            return Refreshed(last, made=False, silent=reread.silent)
        content = content or reread.content(as_of)
        body = encoded(content)
        await patients.keep_links(tx, patient, reread.gathered.links, _identity(content), at=at)
        new = await reports.keep(tx, patient, body, as_of=as_of, reads=ids, at=at)
        name = content["patient"]["name"] or ""
        await worklist.put(tx, _row(new, content), name=name, key=store.key)
        await reviews.supersede(tx, patient, report=new.id)
        await audit.record(tx, None, "reconcile", new.id, patient=patient, at=at)
    return Refreshed(new, made=True, silent=reread.silent)


def _news(last: reports.KeptReport, body: bytes) -> bool:
    """Whether these bytes tell anything that the last report does not, its day aside."""
    seen = json.loads(last.body)
    return bool(differences(seen, on_the_same_day(seen, json.loads(body))))


async def _kept_read(
    tx: Connection, patient: str, read: SourceRead, reread: Reread, at: datetime
) -> str:
    """The id under which this read is kept: the standing one's where it holds the same."""
    kept = reread.kept.get(read.name)
    if kept is not None and kept.row.read is not None and same_content(kept.read, read):
        return kept.row.read
    return await reads.keep(tx, patient, read, at=at)


async def _note(
    tx: Connection,
    patient: str,
    read: SourceRead,
    id_: str,
    reread: Reread,
    *,
    as_of: date,
    at: datetime,
) -> None:
    """Note how fresh a source is now. A silent one keeps what was known of it."""
    asking = reread.gathered.askings[read.name]
    kept = reread.kept.get(read.name)
    stands = kept.row.read if kept else None
    values: dict[str, Any] = {}
    if asking is not Asking.KEPT:
        values["tried_at"] = at
        if read.name not in reread.silent:
            stands = id_
            values |= {"read": id_, "watermark": read.watermark, "seen_at": at}
            if asking is Asking.ANEW:
                values["full_at"] = at
    # What is shown as stale is told again as soon as the source answers.
    values["told_on"] = as_of if stands == id_ else None
    await syncs.put(tx, patient, read.name, **values)


def _who(asked: Mapping[str, str]) -> Who:
    if "identifier" in asked:
        system, _, value = asked["identifier"].partition("|")
        return Who(identifier=(system, value))
    return Who(source=asked["source"], reference=asked["reference"])


def _row(report: reports.KeptReport, content: Mapping[str, Any]) -> worklist.WorklistRow:
    stands = place(content, report.patient, report.created_at)
    return worklist.WorklistRow(
        patient=report.patient,
        report=report.id,
        severity=stands.severity,
        urgent=stands.urgent,
        next_visit=stands.next_visit.isoformat() if stands.next_visit else "",
        waiting_since=report.created_at,
        high=stands.high,
        moderate=stands.moderate,
        low=stands.low,
        not_evaluable=stands.not_evaluable,
        incomplete_sources=stands.incomplete_sources,
        sort=stands.sort,
        face=face(content),
        terms=terms(content),
    )


def _identity(content: Mapping[str, Any]) -> dict[str, str]:
    patient = content["patient"]
    return {key: patient[key] for key in ("name", "birth_date", "sex") if patient.get(key)}
