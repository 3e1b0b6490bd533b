"""What servers told us by themselves: how far each channel has come, and what is to be asked back.

A channel is one Subscription of one source. Counts are all that is kept of a notification.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.tables import notice_channels as channels
from service.store.tables import notice_questions as questions
from service.store.tables import read_resources, source_syncs


@dataclass(frozen=True, slots=True)
class Channel:
    """One Subscription. `number` is its newest event, None before the first; `gaps` counts how
    often events were missing between two notifications."""

    source: str
    channel: str
    number: int | None
    status: str
    heard_at: datetime
    received: int = 0
    matched: int = 0
    unknown: int = 0
    gaps: int = 0


async def channel(tx: AsyncConnection, source: str, name: str) -> Channel | None:
    """How far a channel has come, held until the transaction ends; None before its first word."""
    row = (
        await tx.execute(
            select(channels)
            .where(channels.c.source == source, channels.c.channel == name)
            .with_for_update()
        )
    ).first()
    return None if row is None else Channel(*row)


async def put(tx: AsyncConnection, one: Channel) -> None:
    """Keep how far a channel has come."""
    values = {
        "number": one.number,
        "status": one.status,
        "heard_at": one.heard_at,
        "received": one.received,
        "matched": one.matched,
        "unknown": one.unknown,
        "gaps": one.gaps,
    }
    changed = await tx.execute(
        update(channels)
        .where(channels.c.source == one.source, channels.c.channel == one.channel)
        .values(**values)
    )
    if not changed.rowcount:
        await tx.execute(insert(channels).values(source=one.source, channel=one.channel, **values))


async def channels_of(look: AsyncConnection) -> tuple[Channel, ...]:
    """Every channel, by source then name."""
    found = await look.execute(select(channels).order_by(channels.c.source, channels.c.channel))
    return tuple(Channel(*row) for row in found)


async def how_many(look: AsyncConnection, source: str) -> int:
    """How many channels of a source are known."""
    counted = select(func.count()).select_from(channels).where(channels.c.source == source)
    return await look.scalar(counted) or 0


async def reading(look: AsyncConnection, source: str, reference: str) -> tuple[str, ...]:
    """Ids of the patients whose standing read of a source holds this resource ("Type/id")."""
    kind, _, identity = reference.partition("/")
    found = await look.scalars(
        select(source_syncs.c.patient)
        .join(read_resources, read_resources.c.read == source_syncs.c.read)
        .where(source_syncs.c.source == source)
        .where(read_resources.c.type == kind, read_resources.c.id == identity)
        .order_by(source_syncs.c.patient)
    )
    return tuple(found)


async def wonder(tx: AsyncConnection, source: str, reference: str, *, at: datetime) -> None:
    """Remember to ask the source itself whom this resource is about."""
    known = await tx.scalar(
        select(questions.c.reference).where(
            questions.c.source == source, questions.c.reference == reference
        )
    )
    if known is None:
        await tx.execute(insert(questions).values(source=source, reference=reference, at=at))


async def wondered(
    look: AsyncConnection, source: str, *, at: datetime, limit: int
) -> tuple[str, ...]:
    """References of a source of which nobody knows yet whom they are about, oldest first."""
    found = await look.scalars(
        select(questions.c.reference)
        .where(questions.c.source == source, questions.c.at <= at)
        .order_by(questions.c.at, questions.c.reference)
        .limit(limit)
    )
    return tuple(found)


async def later(tx: AsyncConnection, source: str, *, at: datetime) -> None:
    """The source did not answer: its questions are asked again then."""
    theirs = questions.c.source == source
    await tx.execute(update(questions).where(theirs, questions.c.at < at).values(at=at))


async def learned(tx: AsyncConnection, source: str, *, known: bool, at: datetime) -> None:
    """Count what a question led to, with the channel that has no name."""
    one = await channel(tx, source, "") or Channel(source, "", None, "", at)
    counted = replace(one, matched=one.matched + known, unknown=one.unknown + (not known))
    await put(tx, counted)


async def wondering(look: AsyncConnection, source: str) -> int:
    """How many such references a source has."""
    counted = select(func.count()).select_from(questions).where(questions.c.source == source)
    return await look.scalar(counted) or 0


async def settle(tx: AsyncConnection, source: str, reference: str) -> None:
    """The question about this reference is answered."""
    this = (questions.c.source == source, questions.c.reference == reference)
    await tx.execute(delete(questions).where(*this))
