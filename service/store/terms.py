"""What patients of the worklist are found by: findings, drugs, clinicians, and names.

Names are kept as keyed hashes of their beginnings only, so that the list can be searched by the
first letters of a name without a name standing in the store; the others are hidden words where
the site gives a key, and found as they are in rows from before it did.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from unicodedata import combining, normalize

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    delete,
    false,
    func,
    insert,
    not_,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from service.model.review import DeliveryState
from service.store.access import Confined, of_person
from service.store.tables import deliveries, worklist, worklist_terms
from service.store.tables import source_syncs as syncs

SHORTEST = 2
LONGEST = 12
"""Letters of a name that are searched by; more are taken as these."""

LISTED = ("finding", "drug", "clinician")
STATES = ("unsigned", "changed", "signed", "incomplete", "urgent")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which patients of the worklist are looked for; empty fields exclude nobody.

    `state` is one of STATES: never signed, changed since the signature, signed and unchanged,
    with a source that is not complete, urgent. `name` are first letters of one or more names.
    """

    finding: str = ""
    drug: str = ""
    clinician: str = ""
    state: str = ""
    name: str = ""


async def put(
    tx: AsyncConnection, patient: str, terms: Iterable[tuple[str, str]], name: str, key: bytes
) -> None:
    """The patient is found by these terms and this name, and by nothing else any more."""
    await tx.execute(delete(worklist_terms).where(worklist_terms.c.patient == patient))
    hashed = {("name", hashed_name(key, part)) for word in words(name) for part in _starts(word)}
    rows = [
        {"kind": kind, "term": term, "patient": patient} for kind, term in sorted({*terms, *hashed})
    ]
    if rows:
        await tx.execute(insert(worklist_terms), rows)


def condition(
    wanted: Wanted, key: bytes, fresh_from: datetime | None = None
) -> ColumnElement[bool]:
    """What a row of the worklist fulfils when its patient is looked for.

    Args:
        fresh_from: sources that were last seen before are not complete any more; None knows no age.
    """
    asked = [(kind, getattr(wanted, kind)) for kind in LISTED if getattr(wanted, kind)]
    asked += [("name", hashed_name(key, word[:LONGEST])) for word in words(wanted.name)]
    return and_(
        true(), *(_has(kind, term) for kind, term in asked), *_of_state(wanted.state, fresh_from)
    )


async def choices(
    look: AsyncConnection, confined: Confined | None = None
) -> Mapping[str, tuple[tuple[str, int], ...]]:
    """Every term that patients are found by, with how many, by kind; the frequent ones first."""
    theirs = true() if confined is None else of_person(worklist_terms.c.patient, confined)
    found = await look.execute(
        select(worklist_terms.c.kind, worklist_terms.c.term, func.count().label("patients"))
        .where(worklist_terms.c.kind.in_(LISTED), theirs)
        .group_by(worklist_terms.c.kind, worklist_terms.c.term)
    )
    holders: dict[str, Counter[str]] = {kind: Counter() for kind in LISTED}
    for row in found:
        holders[row.kind][row.term] += row.patients
    return {
        kind: tuple(sorted(terms.items(), key=lambda one: (-one[1], one[0])))
        for kind, terms in holders.items()
    }


def words(name: str) -> list[str]:
    """The words of a name in one form, whatever accents and letters it is written with."""
    plain = "".join(c for c in normalize("NFKD", name.casefold()) if not combining(c))
    found = "".join(c if c.isalnum() else " " for c in plain).split()
    return [word for word in found if len(word) >= SHORTEST]


def hashed_name(key: bytes, start: str) -> str:
    return hmac.digest(key, b"name\0" + start.encode(), "sha256").hex()[:24]


def _starts(word: str) -> Iterable[str]:
    return (word[:length] for length in range(SHORTEST, min(len(word), LONGEST) + 1))


def _has(kind: str, term: str) -> ColumnElement[bool]:
    column = worklist_terms.c.term
    rests = or_(column == term, type_coerce(column, String) == term)
    holders = select(worklist_terms.c.patient).where(worklist_terms.c.kind == kind, rests)
    return worklist.c.patient.in_(holders)


def _of_state(state: str, fresh_from: datetime | None) -> list[ColumnElement[bool]]:
    signed = worklist.c.signed_at
    met_a_change = worklist.c.patient.in_(
        select(deliveries.c.patient).where(deliveries.c.state == DeliveryState.CONFLICT.value)
    )
    conditions: dict[str, ColumnElement[bool]] = {
        "unsigned": signed.is_(None),
        "changed": or_(signed < worklist.c.waiting_since, met_a_change),
        "signed": and_(signed >= worklist.c.waiting_since, not_(met_a_change)),
        "incomplete": or_(worklist.c.incomplete_sources > 0, _grown_old(fresh_from)),
        "urgent": worklist.c.urgent.is_(True),
    }
    return [conditions[state]] if state in conditions else []


def _grown_old(fresh_from: datetime | None) -> ColumnElement[bool]:
    if fresh_from is None:
        return false()
    return worklist.c.patient.in_(select(syncs.c.patient).where(syncs.c.seen_at < fresh_from))
