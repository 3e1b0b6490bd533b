"""What each source gave, kept as sent: certificates, and raw resources by digest.

A report can be recomputed from its reads, and the very JSON behind a fact can be shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import NotKept
from service.model.evidence import Problem
from service.model.identity import content_id
from service.model.source import Certificate, RawResource, Role, SourceRead, State
from service.store.tables import payloads, read_resources, reads, report_reads

_BATCH = 500


@dataclass(frozen=True, slots=True)
class KeptRead:
    """A read without its resources: enough to show how complete and how old a source is."""

    id: str
    source: str
    kept_at: datetime
    state: State


async def keep(tx: AsyncConnection, patient: str, read: SourceRead, *, at: datetime) -> str:
    """Keep one source's read of one patient; gives its id. A body kept before is not kept twice."""
    digests = [sha256(raw.body).hexdigest() for raw in read.resources]
    state = read.state.value
    identity = content_id("read", patient, read.name, at.isoformat(), state, *digests)
    if await tx.scalar(select(reads.c.id).where(reads.c.id == identity)) is not None:
        return identity
    await tx.execute(
        insert(reads).values(
            id=identity,
            patient=patient,
            source=read.name,
            kept_at=at,
            state=state,
            certificate=_certificate(read),
        )
    )
    bodies = dict(zip(digests, (raw.body for raw in read.resources), strict=True))
    known = await _known(tx, sorted(bodies))
    fresh = [{"digest": d, "body": bodies[d]} for d in sorted(bodies) if d not in known]
    if fresh:
        await tx.execute(insert(payloads), fresh)
    if read.resources:
        await tx.execute(
            insert(read_resources),
            [
                {
                    "read": identity,
                    "ordinal": ordinal,
                    "type": raw.type,
                    "id": raw.id,
                    "version": raw.version,
                    "fhir": raw.fhir,
                    "digest": digest,
                }
                for ordinal, (raw, digest) in enumerate(zip(read.resources, digests, strict=True))
            ],
        )
    return identity


async def load(look: AsyncConnection, read: str) -> SourceRead:
    """The read exactly as it was kept. Raises: NotKept."""
    row = (await look.execute(select(reads).where(reads.c.id == read))).first()
    if row is None:
        raise NotKept
    found = await look.execute(
        select(read_resources, payloads.c.body)
        .join(payloads, payloads.c.digest == read_resources.c.digest)
        .where(read_resources.c.read == read)
        .order_by(read_resources.c.ordinal)
    )
    return _read(row.certificate, tuple(_resource(r) for r in found))


async def of_report(look: AsyncConnection, report: str) -> tuple[SourceRead, ...]:
    """The reads that a report was made of, by source name."""
    ids = await look.scalars(
        select(reads.c.id)
        .join(report_reads, report_reads.c.read == reads.c.id)
        .where(report_reads.c.report == report)
        .order_by(reads.c.source)
    )
    return tuple([await load(look, read) for read in ids.all()])


async def behind(look: AsyncConnection, report: str) -> tuple[KeptRead, ...]:
    """The reads that a report was made of, without their resources, by source name."""
    found = await look.execute(
        select(reads.c.id, reads.c.source, reads.c.kept_at, reads.c.state)
        .join(report_reads, report_reads.c.read == reads.c.id)
        .where(report_reads.c.report == report)
        .order_by(reads.c.source)
    )
    return tuple(KeptRead(row.id, row.source, row.kept_at, State(row.state)) for row in found)


async def resource(look: AsyncConnection, report: str, source: str, reference: str) -> RawResource:
    """The raw resource ("Type/id") of a source that a report rests on. Raises: NotKept."""
    kind, _, identity = reference.partition("/")
    row = (
        await look.execute(
            select(read_resources, payloads.c.body)
            .join(payloads, payloads.c.digest == read_resources.c.digest)
            .join(reads, reads.c.id == read_resources.c.read)
            .join(report_reads, report_reads.c.read == reads.c.id)
            .where(report_reads.c.report == report, reads.c.source == source)
            .where(read_resources.c.type == kind, read_resources.c.id == identity)
            .limit(1)
        )
    ).first()
    if row is None:
        raise NotKept
    return _resource(row)


async def last_good(look: AsyncConnection, patient: str, source: str) -> str | None:
    """Id of the newest read of a source that was complete, None where there is none."""
    return await look.scalar(
        select(reads.c.id)
        .where(reads.c.patient == patient, reads.c.source == source)
        .where(reads.c.state == State.COMPLETE.value)
        .order_by(reads.c.kept_at.desc())
        .limit(1)
    )


async def newest(look: AsyncConnection, patient: str) -> tuple[KeptRead, ...]:
    """The newest read of each source, by source name."""
    found = await look.execute(
        select(reads.c.id, reads.c.source, reads.c.kept_at, reads.c.state)
        .where(reads.c.patient == patient)
        .order_by(reads.c.source, reads.c.kept_at)
    )
    by_source = {
        row.source: KeptRead(row.id, row.source, row.kept_at, State(row.state)) for row in found
    }
    return tuple(by_source.values())


async def _known(tx: AsyncConnection, digests: Sequence[str]) -> frozenset[str]:
    known: set[str] = set()
    for start in range(0, len(digests), _BATCH):
        batch = digests[start : start + _BATCH]
        known.update(
            await tx.scalars(select(payloads.c.digest).where(payloads.c.digest.in_(batch)))
        )
    return frozenset(known)


def _certificate(read: SourceRead) -> dict[str, Any]:
    return {
        "name": read.name,
        "role": read.role.value,
        "reasons": list(read.reasons),
        "state_floor": read.state_floor.value,
        "read_at": _written(read.read_at),
        "base_url": read.base_url,
        "watermark": _written(read.watermark),
        "problems": [msgspec.structs.asdict(problem) for problem in read.problems],
        "certificates": [
            {**asdict(certificate), "since": _written(certificate.since)}
            for certificate in read.certificates
        ],
    }


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _read(kept: dict[str, Any], resources: tuple[RawResource, ...]) -> SourceRead:
    return SourceRead(
        name=kept["name"],
        role=Role(kept["role"]),
        resources=resources,
        certificates=tuple(
            Certificate(
                type=c["type"],
                state=State(c["state"]),
                reasons=tuple(c["reasons"]),
                count=c["count"],
                pages=c["pages"],
                total=c["total"],
                skipped=c["skipped"],
                unresolved=tuple(c["unresolved"]),
                dropped=tuple(c["dropped"]),
                since=_moment(c.get("since")),
                lacks=tuple(c.get("lacks", ())),
            )
            for c in kept["certificates"]
        ),
        reasons=tuple(kept["reasons"]),
        state_floor=State(kept["state_floor"]),
        problems=tuple(Problem(**problem) for problem in kept["problems"]),
        read_at=_moment(kept["read_at"]),
        base_url=kept["base_url"],
        watermark=_moment(kept.get("watermark")),
    )


def _resource(row: Row[Any]) -> RawResource:
    return RawResource(row.type, row.id, row.version, row.body, row.fhir)
