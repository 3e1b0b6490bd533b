"""Ask for a patient, read everything again, keep the new report: load, compute, save, commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from service.model.evidence import Origin
from service.model.patient import PatientLink
from service.model.review import User
from service.model.signed import SignedList
from service.model.source import SourceRead, State
from service.pipeline.gather import NOT_FOUND, Gathered, gather
from service.pipeline.reconcile import Knowledge, report_of
from service.pipeline.signed import last_signed
from service.pipeline.who import Who
from service.read.source import Reader
from service.report.document import document, encoded
from service.review.worklist import face, place, terms
from service.store import Store, audit, patients, reads, reports, reviews, worklist


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

    def content(self, as_of: date) -> dict[str, Any]:
        """The JSON report that this reading leads to on a day."""
        report = report_of(
            self.gathered, self.knowledge, as_of, today=self.today, previous=self.previous
        )
        return document(report)


async def refresh(
    store: Store,
    readers: Sequence[Reader],
    knowledge: Knowledge,
    patient: str,
    *,
    as_of: date,
    at: datetime,
) -> reports.KeptReport:
    """Reads every source, reconciles, and keeps the report with what it was made of.

    A source that does not answer now is shown by its last complete read, marked stale. Open reviews
    of older reports are superseded: nobody signs what is no longer shown.
    Raises: NotKept when no source that answered knows the person.
    """
    reread = await read_again(store, readers, knowledge, patient, as_of=as_of, today=at.date())
    return await keep(store, patient, reread, as_of=as_of, at=at)


async def read_again(
    store: Store,
    readers: Sequence[Reader],
    knowledge: Knowledge,
    patient: str,
    *,
    as_of: date,
    today: date,
) -> Reread:
    """What every source says now, compared with the last signed list; nothing is kept yet.

    Raises: NotKept when no source that answered knows the person.
    """
    async with store.read() as look:
        kept = await patients.get(look, patient)
        words = {Origin(w.source, w.reference): w.same for w in await patients.words(look, patient)}
        before = await patients.links(look, patient)
        previous = await last_signed(look, patient, as_of)
    gathered = await gather(readers, _who(kept.asked), knowledge.weights, words=words)
    gathered = await _with_last_good(store, patient, gathered, before)
    return Reread(gathered, knowledge, previous, today)


async def keep(
    store: Store, patient: str, reread: Reread, *, as_of: date, at: datetime
) -> reports.KeptReport:
    """Keep a reading and its report as the patient's newest; older open reviews are superseded."""
    content = reread.content(as_of)
    gathered = reread.gathered
    async with store.transaction() as tx:
        ids = [await reads.keep(tx, patient, read, at=at) for read in gathered.reads]
        await patients.keep_links(tx, patient, gathered.links, _identity(content), at=at)
        new = await reports.keep(tx, patient, encoded(content), as_of=as_of, reads=ids, at=at)
        name = content["patient"]["name"] or ""
        await worklist.put(tx, _row(new, content), name=name, key=store.key)
        await reviews.supersede(tx, patient, report=new.id)
        await audit.record(tx, None, "reconcile", new.id, patient=patient, at=at)
    return new


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


async def _with_last_good(
    store: Store, patient: str, gathered: Gathered, before: Sequence[PatientLink]
) -> Gathered:
    """The same, with the last complete read in the place of sources that do not answer now."""
    shown: list[SourceRead] = []
    links = list(gathered.links)
    async with store.read() as look:
        for read in gathered.reads:
            old = None
            if read.state is State.UNAVAILABLE and not _answered(read):
                last = await reads.last_good(look, patient, read.name)
                old = await reads.load(look, last) if last else None
            if old is None:
                shown.append(read)
                continue
            when = old.read_at.isoformat(timespec="minutes") if old.read_at else "an earlier day"
            reasons = (*read.reasons, f"could not be read now; shown as read {when}")
            shown.append(replace(old, state_floor=State.STALE, reasons=reasons))
            links += [link for link in before if link.record.source == read.name]
    return replace(gathered, reads=tuple(shown), links=tuple(links))


def _answered(read: SourceRead) -> bool:
    return NOT_FOUND in read.reasons
