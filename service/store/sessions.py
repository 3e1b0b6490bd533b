"""Sessions: who is signed in, under the digest of an id that only the browser knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.model.review import User
from service.store.tables import sessions


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser. `digest` is the SHA-256 of its id; `how` it was opened, in a word.

    `proof` is the ID token of an issuer that can be told of the end, "" where there is none.
    """

    digest: str
    user: User
    how: str
    begun_at: datetime
    seen_at: datetime
    ends_at: datetime
    proof: str = ""


async def add(tx: AsyncConnection, session: Session) -> None:
    """Keep a new session, and forget those that have ended."""
    await tx.execute(delete(sessions).where(sessions.c.ends_at <= session.begun_at))
    await tx.execute(
        insert(sessions).values(
            digest=session.digest,
            person=session.user,
            how=session.how,
            begun_at=session.begun_at,
            seen_at=session.seen_at,
            ends_at=session.ends_at,
            proof=session.proof or None,
        )
    )


async def get(look: AsyncConnection, digest: str) -> Session | None:
    row = (await look.execute(select(sessions).where(sessions.c.digest == digest))).first()
    if row is None:
        return None
    return Session(
        row.digest, row.person, row.how, row.begun_at, row.seen_at, row.ends_at, row.proof or ""
    )


async def seen(tx: AsyncConnection, digest: str, *, at: datetime) -> None:
    await tx.execute(update(sessions).where(sessions.c.digest == digest).values(seen_at=at))


async def end(tx: AsyncConnection, digest: str) -> None:
    await tx.execute(delete(sessions).where(sessions.c.digest == digest))
