"""The time zone that a person chose; where none is kept, the browser's own counts."""

from __future__ import annotations

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.tables import person_zones


async def of_person(look: AsyncConnection, who: str) -> str:
    """The name of the zone (IANA), "" where this person chose none."""
    found = await look.scalar(select(person_zones.c.zone).where(person_zones.c.who == who))
    return str(found or "")


async def choose(tx: AsyncConnection, who: str, zone: str) -> None:
    """Keeps the choice in the place of the one before; "" leaves it to the browser again."""
    await tx.execute(delete(person_zones).where(person_zones.c.who == who))
    if zone:
        await tx.execute(insert(person_zones).values(who=who, zone=zone))
