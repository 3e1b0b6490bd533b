"""Views of the worklist that a person keeps under a name; one of them may be the first seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.tables import saved_views


@dataclass(frozen=True, slots=True)
class SavedView:
    """What a person looks for, by name. `wanted` are the fields of `terms.Wanted` that are set."""

    name: str
    wanted: Mapping[str, str]
    first: bool


async def of_person(look: AsyncConnection, who: str) -> tuple[SavedView, ...]:
    """Everything that this person keeps, by name."""
    found = await look.execute(
        select(saved_views).where(saved_views.c.who == who).order_by(saved_views.c.name)
    )
    return tuple(SavedView(row.name, row.wanted, row.first) for row in found)


async def keep(tx: AsyncConnection, who: str, view: SavedView, *, at: datetime) -> None:
    """Keeps it in the place of one of the same name; at most one of a person's is the first."""
    await forget(tx, who, view.name)
    if view.first:
        await tx.execute(update(saved_views).where(saved_views.c.who == who).values(first=False))
    await tx.execute(
        insert(saved_views).values(
            who=who, name=view.name, wanted=dict(view.wanted), first=view.first, kept_at=at
        )
    )


async def forget(tx: AsyncConnection, who: str, name: str) -> None:
    await tx.execute(
        delete(saved_views).where(saved_views.c.who == who, saved_views.c.name == name)
    )
