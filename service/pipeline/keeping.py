"""A reading and its report, kept in one commit as the newest, or found to tell nothing new."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from service.model.source import SourceRead
from service.pipeline.compared import differences, on_the_same_day
from service.pipeline.known import Asking, same_content
from service.pipeline.reread import Reread
from service.report.document import encoded
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


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The report that stands after a reading, whether it was made by it, and who was silent."""

    report: reports.KeptReport
    made: bool
    silent: frozenset[str] = frozenset()

    @property
    def number(self) -> int:
        return self.report.number


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
