"""Sources read by themselves in a running service: what the settings say, and when to look.

Nothing is kept here: what is due stands in the store, and what was begun is a durable job.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import timedelta
from itertools import count
from typing import Final

import structlog

from service.errors import ServiceError
from service.jobs import Jobs
from service.pipeline.fresh import Ages
from service.pipeline.sync import CLAIMED, KIND, Rhythm, Syncing
from service.settings import Settings

log = structlog.get_logger()

LOOK_S: Final = 2.0
"""Between two looks for what is due: the longest that a notification waits for its reading."""

NEWCOMERS: Final = 15
"""Every so many looks patients are planned of whom a source has no next reading."""


def rhythms(settings: Settings, sources: Collection[str]) -> dict[str, Rhythm]:
    """How each of these sources is read by itself; none for one that never is."""
    found = {}
    for name in sorted(sources):
        sync = settings.sources[name].sync
        if sync.every_min or sync.notifications:
            every = timedelta(minutes=sync.every_min) if sync.every_min else None
            found[name] = Rhythm(name, every, sync.at_once)
    return found


def ages(settings: Settings) -> Ages:
    """How old a reading may be, from `[read]`."""
    read = settings.read
    return Ages(timedelta(hours=read.full_after_h), timedelta(hours=read.stale_after_h))


def claimed(settings: Settings) -> timedelta:
    """How long a reading may take before another worker may begin it: a find and two reads."""
    return max(CLAIMED, timedelta(seconds=4 * settings.read.deadline_s))


async def keep_planning(syncing: Syncing, jobs: Jobs) -> None:
    """Starts what is due, until it is cancelled; a failure is tried again."""
    for look in count():
        try:
            planned = await syncing.plan(newcomers=look % NEWCOMERS == 0)
            for job in planned.start:
                await jobs.start(KIND, job)
            await jobs.forget(planned.forgotten)
        except ServiceError as error:
            log.warning("sync_again_later", error=type(error).__name__)
        await asyncio.sleep(LOOK_S)
