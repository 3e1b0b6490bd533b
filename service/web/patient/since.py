"""Since when a reader wants to know what is new: a last look, a signature, a visit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from service.model.review import User
from service.prints.changes import Changes, changes, clinicians, last_visit
from service.store import Connection, audit, reports, reviews
from service.web.language import say, spoken, words_in
from service.web.services import Services

SAME_SITTING: Final = timedelta(hours=8)
"""Looks closer together than this are one: opening a page again does not begin a new visit."""

LOOK: Final = "read-patient-page"


@dataclass(frozen=True, slots=True)
class Baseline:
    """A day to compare with, and what it is in words."""

    day: str
    words: str


@dataclass(frozen=True, slots=True)
class Since:
    """What is new since the chosen day, and the other days that can be chosen.

    `changes` is None where nothing is known to compare with: a patient seen for the first time.
    """

    chosen: str
    words: str
    choices: tuple[Baseline, ...]
    changes: Changes | None


async def since(
    look: Connection,
    services: Services,
    user: User,
    patient: str,
    content: Mapping[str, Any],
    asked: str,
) -> Since:
    """The news for this person: since `asked` (an ISO day), else since the last visit or look."""
    choices = tuple(await baselines(look, services, user, patient, content))
    wanted = asked if is_day(asked) else ""
    if not wanted and not choices:
        return Since("", "", (), None)
    day = wanted or choices[0].day
    words = next((one.words for one in choices if one.day == day), "that day")
    found = changes(
        content, day, await report_of(look, patient, day), words_in(spoken(), services.locales)
    )
    return Since(day, words, choices, found)


async def baselines(
    look: Connection, services: Services, user: User, patient: str, content: Mapping[str, Any]
) -> list[Baseline]:
    """This person's own last visit, signature and look, then the last visit of each clinician."""
    now = services.now()
    found = [Baseline(last_visit(content, user.name), "the last visit with you")]
    signed = [
        one.at for one in await reviews.signatures_of_patient(look, patient) if one.by.id == user.id
    ]
    found.append(Baseline(_day(max(signed, default=None)), "your last signature"))
    looked = await audit.last_look(look, user.id, patient, LOOK, before=now - SAME_SITTING)
    found.append(Baseline(_day(looked), "your last look"))
    found += [
        Baseline(day, say("the last visit with {name}", name=name))
        for name, day in clinicians(content)
    ]
    days: dict[str, Baseline] = {}
    for one in found:
        if one.day:
            days.setdefault(one.day, one)
    return list(days.values())


async def report_of(look: Connection, patient: str, day: str) -> Mapping[str, Any] | None:
    """The newest report that was kept on or before this day, None where none was."""
    end = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), UTC)
    kept = await reports.standing_at(look, patient, end)
    return None if kept is None else json.loads(kept.body)


def _day(at: datetime | None) -> str:
    return at.date().isoformat() if at else ""


def is_day(text: str) -> bool:
    """Whether this is an ISO day, "2026-03-10"."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-01-01")
