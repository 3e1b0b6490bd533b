"""What the jobs do while they do it, as server-sent events; told until nothing is left to do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from service.store import Store, jobs, reports
from service.store.jobs import Job, JobState
from service.web.language import counted, say
from service.web.people.access import Reviewer, services_of

router = APIRouter(include_in_schema=False)

BEING_READ: Final = ("{count} patient is being read", "{count} patients are being read")
PAUSE_S: Final = 0.5
LONGEST: Final = 600
"""Looks at the store after which a page has to ask again."""

EVENTS: Final = "text/event-stream"


@router.get("/progress")
async def progress(request: Request, _user: Reviewer) -> StreamingResponse:
    """How many patients are being read, for the worklist."""
    return StreamingResponse(_everybody(services_of(request).store), media_type=EVENTS)


@router.get("/patients/{patient}/progress")
async def patient_progress(request: Request, _user: Reviewer, patient: str) -> StreamingResponse:
    """Whether this patient is being read, and when a new list stands."""
    return StreamingResponse(_one(services_of(request).store, patient), media_type=EVENTS)


def event(kind: str, words: str) -> str:
    """One server-sent event of one line."""
    return f"event: {kind}\ndata: {words}\n\n"


async def _everybody(store: Store) -> AsyncIterator[str]:
    said, busy = "", False
    for _ in range(LONGEST):
        async with store.read() as look:
            under_way = [job for job in await jobs.unfinished(look) if job.kind == "reconcile"]
        if not under_way:
            break
        busy, words = True, in_words(under_way)
        if words != said:
            said = words
            yield event("stands", words)
        await asyncio.sleep(PAUSE_S)
    yield event("done" if busy else "idle", say("Every patient is read.") if busy else "")


def in_words(under_way: Sequence[Job]) -> str:
    """ "2 patients are being read, 3 wait"."""
    states = Counter(job.state for job in under_way)
    running, queued = states[JobState.RUNNING], states[JobState.QUEUED]
    parts = []
    if running:
        parts.append(
            counted("{count} patient is being read", "{count} patients are being read", running)
        )
    if queued:
        parts.append(counted("{count} waits", "{count} wait", queued))
    return ", ".join(parts)


async def _one(store: Store, patient: str) -> AsyncIterator[str]:
    async with store.read() as look:
        before = await reports.newest(look, patient)
    busy = False
    for _ in range(LONGEST):
        async with store.read() as look:
            job = await jobs.newest_of(look, patient, "reconcile")
            now = await reports.newest(look, patient)
        if job is None or job.state in {JobState.DONE, JobState.FAILED}:
            break
        if not busy:
            busy = True
            yield event("stands", say("The sources are being read ..."))
        await asyncio.sleep(PAUSE_S)
    if not busy:
        yield event("idle", "")
    elif job is not None and job.state is JobState.FAILED:
        yield event("done", say("The sources could not be read; the list stays as it was."))
    elif before is not None and now is not None and before.digest == now.digest:
        yield event("done", say("Read again; nothing has changed."))
    else:
        yield event("done", say("Read again; a new list stands."))
