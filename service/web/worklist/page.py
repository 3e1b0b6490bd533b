"""The worklist: who needs a look first and why, narrowed down by what a reviewer asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from service.model.finding import Severity
from service.store import syncs, terms, views, worklist
from service.store.terms import Wanted
from service.store.views import SavedView
from service.store.worklist import WorklistRow
from service.web.language import counted, say
from service.web.people.access import Reviewer, confined, services_of
from service.web.templating import render
from service.web.words import about, first_upper
from service.web.worklist.saved_views import address, wanted_of

router = APIRouter(include_in_schema=False)

STATE_WORDS: Final = {
    "unsigned": "never signed",
    "changed": "changed since signed",
    "signed": "signed, unchanged",
    "incomplete": "a source is not complete",
    "urgent": "urgent",
}
CHANGE_WORDS: Final = ("started", "changed", "stopped")
LABELS: Final = {"finding": "Finding", "drug": "Drug", "clinician": "Clinician"}


@dataclass(frozen=True)
class Worklist:
    """One page of it. `choices` are (term, patients) by kind, `cursor` leads to the next page.

    `views` are those that the person keeps; `now` is the moment of looking, `old` the sources of
    each patient that nobody has read for longer than a reading may age.
    """

    rows: Sequence[WorklistRow]
    cursor: str | None
    counts: Mapping[Severity, int]
    choices: Mapping[str, Sequence[tuple[str, int]]]
    wanted: Wanted
    views: Sequence[SavedView] = ()
    now: datetime | None = None
    old: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def shown(self) -> list[dict[str, Any]]:
        return [shown(row, self.now, self.old.get(row.patient, ())) for row in self.rows]

    @property
    def kept(self) -> list[dict[str, Any]]:
        """The person's own views: name, address, whether it is open now and whether it is first."""
        return [
            {
                "name": view.name,
                "address": address(wanted_of(view)),
                "open": self.narrowed and wanted_of(view) == self.wanted,
                "first": view.first,
            }
            for view in self.views
        ]

    @property
    def narrowed(self) -> bool:
        return self.wanted != Wanted()

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def tally(self) -> list[tuple[str, int]]:
        """How many patients have each severity as their gravest, gravest first."""
        return [(severity.value, self.counts.get(severity, 0)) for severity in Severity]

    @property
    def states(self) -> list[tuple[str, str]]:
        return list(STATE_WORDS.items())

    @property
    def fields(self) -> list[dict[str, Any]]:
        """The lists to choose from: their name, label, options and what is chosen."""
        return [
            {
                "name": kind,
                "label": label,
                "chosen": getattr(self.wanted, kind),
                "options": [
                    (term, f"{_term_words(kind, term)} ({count})")
                    for term, count in self.choices.get(kind, ())
                ],
            }
            for kind, label in LABELS.items()
        ]

    @property
    def more(self) -> str:
        """Where the next page is; "" at the end."""
        if not self.cursor:
            return ""
        asked = {key: value for key, value in asdict(self.wanted).items() if value}
        return "/patients?" + urlencode({**asked, "cursor": self.cursor})


@router.get("/patients")
async def worklist_page(
    request: Request,
    user: Reviewer,
    cursor: str = "",
    finding: str = "",
    drug: str = "",
    clinician: str = "",
    state: str = "",
    name: str = "",
) -> Response:
    """Who needs a look first, and why; narrowed down by what is asked for.

    Without any question the person's first view is opened, where one is kept.
    """
    services = services_of(request)
    theirs = confined(services, user)
    wanted = Wanted(finding, drug, clinician, state, name)
    key = services.store.key
    fresh_from = services.now() - services.stale_after
    async with services.store.read() as look:
        kept = await views.of_person(look, user.id)
        first = next((view for view in kept if view.first), None)
        if not request.query_params and first is not None:
            return RedirectResponse(address(wanted_of(first)), HTTPStatus.SEE_OTHER)
        rows, following = await worklist.page(
            look, cursor=cursor, confined=theirs, wanted=wanted, key=key, fresh_from=fresh_from
        )
        found = Worklist(
            rows=rows,
            cursor=following,
            counts=await worklist.counts(
                look, confined=theirs, wanted=wanted, key=key, fresh_from=fresh_from
            ),
            choices=await terms.choices(look, theirs),
            wanted=wanted,
            views=kept,
            now=services.now(),
            old=await syncs.grown_old(look, [row.patient for row in rows], fresh_from=fresh_from),
        )
    return render(request, "worklist.html", worklist=found, heading=heading(found))


def shown(row: WorklistRow, now: datetime | None = None, old: Sequence[str] = ()) -> dict[str, Any]:
    """What one row says, from the row itself and the sources of which all readings are `old`."""
    identity, face = dict(row.identity), row.face
    as_of = str(face.get("as_of", ""))
    return {
        "id": row.patient,
        "name": identity.get("name") or say("Name not given"),
        "about": about(identity, as_of) if as_of else "",
        "severity": row.severity.value,
        "urgent": row.urgent,
        "gravest": first_upper(face.get("gravest", "")),
        "findings": findings_words(row),
        "not_evaluable": row.not_evaluable,
        "next": face.get("next"),
        "incomplete": not_complete(row, old),
        "as_of": as_of,
        "signed": row.signed_at,
        "age": age_words(row.signed_at, now),
        "medications": face.get("medications"),
        "since": since_words(row),
    }


def _term_words(kind: str, term: str) -> str:
    return say(term.replace("-", " ")) if kind == "finding" else term


def findings_words(row: WorklistRow) -> str:
    """ "2 high, 1 moderate"; "none shown" is said, never left blank."""
    counts = {"high": row.high, "moderate": row.moderate, "low": row.low}
    return ", ".join(f"{count} {say(word)}" for word, count in counts.items() if count) or say(
        "none shown"
    )


def not_complete(row: WorklistRow, old: Sequence[str] = ()) -> list[str]:
    """The sources that nothing can be concluded from: not read whole, or read too long ago."""
    return sorted({*row.face.get("incomplete", ()), *old})


def age(signed: datetime | None, now: datetime | None) -> int | None:
    """Days since a list was signed last; None where nothing was signed."""
    return None if signed is None or now is None else (now.date() - signed.date()).days


def age_words(signed: datetime | None, now: datetime | None) -> str:
    """How old the last signed list is: "today", "12 days ago"; "" where nothing was signed."""
    days = age(signed, now)
    if days is None:
        return ""
    return say("today") if days < 1 else counted("{count} day ago", "{count} days ago", days)


def since_words(row: WorklistRow) -> str:
    """What is new since the last signature: "1 started, 2 changed"; "" where nothing was signed."""
    if row.signed_at is None:
        return ""
    changed = row.face.get("changed") or {}
    words = [f"{changed[word]} {say(word)}" for word in CHANGE_WORDS if changed.get(word)]
    if words:
        return ", ".join(words)
    again = row.waiting_since > row.signed_at
    return say("read again, same drugs") if again else say("nothing new")


def heading(worklist: Worklist) -> str:
    """ "21 patients", "3 patients found"."""
    if worklist.narrowed:
        return counted("{count} patient found", "{count} patients found", worklist.total)
    return counted("{count} patient", "{count} patients", worklist.total)
