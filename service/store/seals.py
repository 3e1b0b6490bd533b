"""The audit trail made evident of tampering: a keyed chain over its rows, and signed checkpoints.

Each seal is an HMAC-SHA-256 over the seal before it and its row, under a key derived from the
store's own. Rows are sealed in the order in which they are found, a few seconds after they were
written, so that no writer waits for another. A chain alone does not show that its newest part was
cut off: for that a checkpoint is kept on another machine, signed with Ed25519, and compared.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Row, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import SettingsError
from service.store.database import Store
from service.store.tables import audit, audit_seals

_SEALING_LOCK = 7_266_772_673_101
_FIRST = "0" * 64
_LATE = 1_000
"""So many numbers later a row may still become visible; `check` names any that came later yet."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the chain says: rows sealed, rows not yet sealed, and each place that does not hold."""

    sealed: int
    unsealed: int
    faults: tuple[str, ...]


async def seal(store: Store) -> int:
    """Seals every audit row that has no seal yet; gives how many. One process at a time does it."""
    async with store.transaction() as tx:
        if tx.dialect.name == "postgresql":
            await tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SEALING_LOCK})
        last = (
            await tx.execute(select(audit_seals).order_by(audit_seals.c.position.desc()).limit(1))
        ).first()
        position, before = (last.position, last.seal) if last else (0, _FIRST)
        newest = select(func.coalesce(func.max(audit_seals.c.number), 0)).scalar_subquery()
        fresh = (await tx.execute(_unsealed().where(audit.c.number > newest - _LATE))).all()
        made = []
        for row in fresh:
            position += 1
            before = _seal(store, before, position, row)
            made.append({"position": position, "number": row.number, "seal": before})
        if made:
            await tx.execute(insert(audit_seals), made)
    return len(made)


async def check(store: Store, checkpoint: str = "") -> Checked:
    """Recomputes the whole chain; with a checkpoint also whether anything was cut off since.

    Raises: SettingsError for a checkpoint that is none, or was signed by another store.
    """
    known = _opened(store, checkpoint) if checkpoint else None
    async with store.read() as look:
        seals = (await look.execute(select(audit_seals).order_by(audit_seals.c.position))).all()
        rows = {row.number: row for row in await look.execute(select(audit))}
        waiting = len((await look.execute(_unsealed())).all())
    faults = list(_faults(store, seals, rows))
    if known is not None:
        standing = {row.position: row.seal for row in seals}
        if known["position"] and standing.get(known["position"]) != known["seal"]:
            faults.append(f"position {known['position']}: not as the checkpoint has it")
    return Checked(len(seals), waiting, tuple(faults))


async def checkpoint(store: Store, *, at: datetime) -> str:
    """The newest seal with its position and the moment, signed: one line to keep elsewhere."""
    await seal(store)
    async with store.read() as look:
        last = await _last(look)
    said = {"position": last[0], "seal": last[1], "at": at.isoformat()}
    signed = _signing_key(store).sign(_bytes(said)).hex()
    return json.dumps(said | {"signature": signed})


def _faults(store: Store, seals: Any, rows: dict[int, Row[Any]]) -> list[str]:
    found, before = [], _FIRST
    for expected, one in enumerate(seals, start=1):
        row = rows.get(one.number)
        if one.position != expected:
            found.append(f"position {expected}: its seal is missing")
            break
        if row is None:
            found.append(f"position {expected}: its row is gone")
        elif not hmac.compare_digest(_seal(store, before, expected, row), one.seal):
            found.append(f"position {expected}: the row is not what was sealed")
        before = one.seal
    return found


async def _last(look: AsyncConnection) -> tuple[int, str]:
    row = (
        await look.execute(select(audit_seals).order_by(audit_seals.c.position.desc()).limit(1))
    ).first()
    return (row.position, row.seal) if row else (0, _FIRST)


def _unsealed() -> Any:
    known = select(audit_seals.c.number)
    return select(audit).where(audit.c.number.not_in(known)).order_by(audit.c.number)


def _seal(store: Store, before: str, position: int, row: Row[Any]) -> str:
    values = [value.isoformat() if isinstance(value, datetime) else value for value in row]
    message = json.dumps([before, position, values], ensure_ascii=False).encode()
    return hmac.digest(_derived(store, b"audit seal"), message, "sha256").hex()


def _opened(store: Store, line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
        signature = bytes.fromhex(said.pop("signature"))
        _signing_key(store).public_key().verify(signature, _bytes(said))
    except (ValueError, KeyError, AttributeError, TypeError, InvalidSignature) as error:
        raise SettingsError("the checkpoint is none, or was signed by another store.") from error
    found: dict[str, Any] = said
    return found


def _signing_key(store: Store) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_derived(store, b"audit checkpoint"))


def _derived(store: Store, purpose: bytes) -> bytes:
    return hmac.digest(store.key, purpose, "sha256")


def _bytes(said: dict[str, Any]) -> bytes:
    return json.dumps(said, sort_keys=True).encode()
