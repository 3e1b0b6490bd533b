"""The last signed list of a patient, for the next reconciliation to compare itself with."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

from service.model.signed import Intention, SignedList
from service.review.signed import intentions, signed_medications
from service.store import Connection, reports, reviews


async def last_signed(look: Connection, patient: str, as_of: date) -> SignedList | None:
    """What was signed last as a whole, and every intention that still holds on `as_of`.

    An intention outlives later signatures, as the finding that it quiets is not decided again; a
    newer signed decision on the same finding replaces it. None before the first whole signature.
    """
    signed = await reviews.signatures_of_patient(look, patient)
    whole = next((signature for signature in signed if signature.scope == "all"), None)
    if whole is None:
        return None
    report = await _report(look, whole.review)
    return SignedList(
        as_of=date.fromisoformat(report["as_of"]),
        medications=signed_medications(report),
        intended=await _intended(look, signed, as_of),
    )


async def _intended(
    look: Connection, signed: tuple[reviews.Signature, ...], as_of: date
) -> tuple[Intention, ...]:
    found: list[Intention] = []
    decided: set[str] = set()
    for signature in signed:
        review = await reviews.get(look, signature.review)
        made = {
            item: decision
            for item, decision in review.standing.items()
            if item in signature.items and item not in decided
        }
        decided |= made.keys()
        if any(one.intentional and one.due and one.due >= as_of for one in made.values()):
            found += intentions(await _report(look, signature.review), made, as_of)
    return tuple(found)


async def _report(look: Connection, review: str) -> dict[str, Any]:
    kept = await reports.get(look, (await reviews.get(look, review)).report)
    content: dict[str, Any] = json.loads(kept.body, parse_float=Decimal)
    return content
