"""For those who run the service: sources and their connections, deliveries, the audit trail.

Everything here goes by opaque ids: whoever looks after servers sees no patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from service.errors import NotKept
from service.model.review import DeliveryState
from service.pipeline import review as desk
from service.store import audit, dead_letters, jobs
from service.store import deliveries as outbox
from service.store.overview import SourceReads, audit_rows, read_reasons, source_reads
from service.web.language import say
from service.web.operations.certificates import certificate
from service.web.people.access import Auditor, Operator, services_of
from service.web.signing.delivered import STATES
from service.web.templating import render
from service.web.worklist.freshness import freshness
from service.write.deliver.next_step import NEXT_STEP
from service.write.target import WriteTarget

router = APIRouter(include_in_schema=False)

GIVEN_UP: Final = (DeliveryState.DEAD, DeliveryState.REFUSED, DeliveryState.NEEDS_REVIEW)
PAGE: Final = 100


@router.get("/operations")
async def operations(request: Request, _user: Operator) -> Response:
    """Asks every server what it takes (the connection test), and shows what stands where."""
    services = services_of(request)
    targets = await services.targets()
    async with services.store.read() as look:
        read = await source_reads(look)
        why = await read_reasons(look)
        tally = await outbox.tally(look)
        stuck = await dead_letters.letters(look, (*GIVEN_UP, DeliveryState.CONFLICT))
        balance = await outbox.balance(look)
        under_way = await jobs.unfinished(look)
        fresh = await freshness(look, services)
    return render(
        request,
        "operations.html",
        sources=sources(targets, read),
        certificates={
            name: certificate(ends, services.now())
            for name, ends in services.certificates().items()
        },
        tally=[(state.value, count) for state, count in tally.items() if count],
        reasons=why,
        seen=services.now(),
        stuck=[
            {
                "id": row.id,
                "target": row.target,
                "type": row.type,
                "state": row.state.value,
                "words": STATES[row.state.value],
                "reason": row.reason,
                "attempts": row.attempts,
                "next": NEXT_STEP[row.state],
                "again": row.state in GIVEN_UP and row.planned,
            }
            for row in stuck
        ],
        jobs=len(under_way),
        fresh=fresh,
        balance=balance,
    )


def sources(targets: Sequence[WriteTarget], read: Sequence[SourceReads]) -> list[dict[str, Any]]:
    """Each server: whether it answered now, what may be written there, how its reads ended."""
    known = {target.name: target for target in targets}
    names = sorted(known.keys() | {one.source for one in read})
    return [
        {
            "name": name,
            "address": known[name].base_url if name in known else "",
            "answers": name in known and not known[name].unreachable,
            "why": known[name].unreachable
            if name in known
            else say("it is not configured any more"),
            "writes": sorted(known[name].allowed) if name in known else [],
            "transactions": name in known and known[name].transactions,
            "reads": [
                {
                    "state": one.state.value,
                    "patients": one.patients,
                    "last": one.last,
                }
                for one in read
                if one.source == name
            ],
        }
        for name in names
    ]


@router.post("/operations/sources/{source}/test")
async def test_connection(request: Request, user: Operator, source: str) -> Response:
    """Tries one source step by step, reading no patient. Raises: NotKept for an unknown one."""
    services = services_of(request)
    if source not in services.sources:
        raise NotKept("No source of this name is configured.")
    steps = await services.connection(source)
    at = services.now()
    async with services.store.transaction() as tx:
        outcome = "failed" if any(step.fine is False for step in steps) else "done"
        await audit.record(tx, user, "test-connection", source, outcome=outcome, at=at)
    return render(
        request,
        "connection.html",
        name=source,
        address=services.sources[source],
        steps=steps,
        shown=certificate(services.certificates().get(source), at),
        at=at,
    )


@router.post("/operations/deliveries/{delivery}/replay")
async def replay(request: Request, user: Operator, delivery: str) -> Response:
    """Queues a write that was given up again, under its own identifier: it cannot double."""
    services = services_of(request)
    row = await desk.replay(services.store, user, delivery, at=services.now())
    await services.queue("deliver", row.signature)
    return RedirectResponse("/operations", HTTPStatus.SEE_OTHER.value)


@router.get("/audit")
async def trail(
    request: Request,
    _user: Auditor,
    who: str = "",
    action: str = "",
    patient: str = "",
    outcome: str = "",
    before: int | None = None,
) -> Response:
    """Who did what, newest first."""
    asked = {"who": who, "action": action, "patient": patient, "outcome": outcome}
    async with services_of(request).store.read() as look:
        rows = await audit_rows(look, **asked, before=before, limit=PAGE)
    return render(
        request,
        "audit.html",
        rows=rows,
        asked=asked,
        before=rows[-1].number if len(rows) == PAGE else None,
    )
