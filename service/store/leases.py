"""Leases with fencing tokens: who may act on something now, and how a late actor is found out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import StoreConflict
from service.store.tables import leases


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds what until when."""

    name: str
    holder: str
    until: datetime


async def named(look: AsyncConnection, prefix: str) -> tuple[Lease, ...]:
    """Leases whose name begins so, held or run out."""
    found = await look.execute(
        select(leases.c.name, leases.c.holder, leases.c.until)
        .where(leases.c.name.startswith(prefix, autoescape=True))
        .order_by(leases.c.name)
    )
    return tuple(Lease(*row) for row in found)


async def renew(
    tx: AsyncConnection, name: str, holder: str, *, seconds: float, at: datetime
) -> None:
    """Say that the holder lives: a lease that only its own holder ever takes."""
    until = at + timedelta(seconds=seconds)
    changed = await tx.execute(
        update(leases).where(leases.c.name == name).values(holder=holder, until=until)
    )
    if not changed.rowcount:
        await tx.execute(insert(leases).values(name=name, holder=holder, token=1, until=until))


async def acquire(
    tx: AsyncConnection, name: str, holder: str, *, seconds: float, at: datetime
) -> int | None:
    """The fencing token of a lease taken now, None while somebody else holds it.

    Each taking has a higher token than all before. The holder itself waits too: after a crash
    nobody knows what is still on its way.
    """
    row = (await tx.execute(select(leases).where(leases.c.name == name).with_for_update())).first()
    until = at + timedelta(seconds=seconds)
    if row is None:
        await tx.execute(insert(leases).values(name=name, holder=holder, token=1, until=until))
        return 1
    if row.until > at:
        return None
    token: int = row.token + 1
    await tx.execute(
        update(leases).where(leases.c.name == name).values(holder=holder, token=token, until=until)
    )
    return token


async def hold(tx: AsyncConnection, name: str, token: int, *, seconds: float, at: datetime) -> None:
    """Keep a lease for longer, before the transaction changes anything that it protects.

    Raises: StoreConflict when the lease was taken by somebody else meanwhile.
    """
    newest = await tx.scalar(select(leases.c.token).where(leases.c.name == name).with_for_update())
    if newest != token:
        raise StoreConflict(f"lease {name} was taken over; this worker's result is not kept")
    until = at + timedelta(seconds=seconds)
    await tx.execute(update(leases).where(leases.c.name == name).values(until=until))


async def release(tx: AsyncConnection, name: str, token: int, *, at: datetime) -> None:
    """Give a lease back; nothing happens when somebody else holds it by now."""
    await tx.execute(
        update(leases).where(leases.c.name == name, leases.c.token == token).values(until=at)
    )
