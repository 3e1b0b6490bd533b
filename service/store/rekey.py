"""Bring every payload under the newest key, in small steps beside the service's own work."""

from __future__ import annotations

from sqlalchemy import LargeBinary, String, Table, and_, not_, select, type_coerce, update

from service.store.columns import PackedBytes, PackedJson, Word
from service.store.database import Store
from service.store.hidden import MARK
from service.store.tables import keys, metadata

_STEP = 200


async def rekey(store: Store) -> int:
    """Encrypts anew whatever rests under an older key or none; gives how many values that were.

    Afterwards the older keys may leave the key file. It can be stopped and begun again.
    """
    done = 0
    for table in metadata.sorted_tables:
        names = [c.name for c in table.columns if isinstance(c.type, PackedBytes | PackedJson)]
        for name in names:
            done += await _column(store, table, name)
        for column in table.columns:
            if isinstance(column.type, Word) and store.vault.keys:
                done += await _words(store, table, column.name)
    return done + await _own_key(store)


async def _column(store: Store, table: Table, name: str) -> int:
    """One column, row by row in the order of its primary key."""
    primary = list(table.primary_key.columns)
    raw = type_coerce(table.c[name], LargeBinary)
    async with store.read() as look:
        found = select(*primary, raw).where(raw.is_not(None)).order_by(*primary)
        rows = (await look.execute(found)).all()
    old = [row for row in rows if not store.vault.newest(bytes(row[-1]))]
    for start in range(0, len(old), _STEP):
        async with store.transaction() as tx:
            for row in old[start : start + _STEP]:
                at = and_(*(column == row[n] for n, column in enumerate(primary)))
                fresh = store.vault.pack(store.vault.unpack(bytes(row[-1])))
                await tx.execute(
                    update(table)
                    .where(at, raw == type_coerce(bytes(row[-1]), LargeBinary))
                    .values({name: type_coerce(fresh, LargeBinary)})
                )
    return len(old)


async def _words(store: Store, table: Table, name: str) -> int:
    """Hides the words of one column that rest as they are."""
    raw = type_coerce(table.c[name], String)
    async with store.read() as look:
        clear = select(raw).where(raw != "", not_(raw.startswith(MARK))).distinct()
        words = (await look.scalars(clear)).all()
    for word in words:
        async with store.transaction() as tx:
            await tx.execute(update(table).where(raw == word).values({name: word}))
    return len(words)


async def _own_key(store: Store) -> int:
    sealed = store.vault.pack(store.key) if store.vault.keys else store.key
    async with store.transaction() as tx:
        await tx.execute(update(keys).where(keys.c.name == "identifier").values(value=sealed))
    return 1
