"""The plan beside the list in words: sections of plain sentences, for a terminal and for pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

ACTIVITY_WORDS: Final = {
    "individual-therapy": "Individual therapy",
    "family-therapy": "Family therapy",
    "group-therapy": "Group therapy",
    "cbt": "Cognitive behavioural therapy",
    "tms": "Transcranial magnetic stimulation",
    "coordinated-specialty-care": "Coordinated specialty care",
}
"""Therapies and roles of team care, as `plan.activities` names them."""

MOMENT_WORDS: Final = {"dose": "dose", "scale": "score", "side-effect": "side effect"}
"""Kinds of points on the time line, as `plan.timeline` names them."""

_ANNOTATION: Final = re.compile(r" ?\{[^}]*\}")
"""A UCUM annotation ("22 {score}"), which tells a reader nothing."""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the plan: its sentences, or what is said where there are none."""

    title: str
    lines: tuple[str, ...]
    empty: str


def sections(content: Mapping[str, Any]) -> tuple[Section, ...]:
    """The plan of a document (`report.document`) in the order in which it is read out."""
    plan: Mapping[str, Any] = content.get("plan", {})
    names = {one["id"]: one["display"] for one in content["medications"]}
    goals = plan.get("goals", ())
    return (
        Section(
            "Monitoring calendar",
            tuple(_due(one, names) for one in plan.get("calendar", ())),
            "No rule asks for a test of these medications.",
        ),
        Section("Follow-up visits", tuple(_visits(content)), "No visit is booked in any source."),
        Section(
            "Therapy and team care",
            tuple(_activity(one) for one in plan.get("activities", ())),
            "No therapy and no coordinated specialty care is recorded in any source.",
        ),
        Section(
            "Goals and preferences",
            tuple(_goal(one) for one in goals),
            "None recorded. Ask what matters most to the patient.",
        ),
        Section(
            "To ask the patient",
            tuple(_question(one, content["findings"]) for one in plan.get("questions", ())),
            "No finding asks for the patient's answer.",
        ),
        Section(
            "What to teach",
            tuple(_taught(one, names) for one in plan.get("education", ())),
            "No teaching text for these medications.",
        ),
        Section(
            "Doses, scores and side effects over time",
            tuple(_moment(one) for one in plan.get("timeline", ())),
            "Nothing with a date.",
        ),
    )


def _due(one: Mapping[str, Any], names: Mapping[str, str]) -> str:
    state = "OVERDUE since" if one["overdue"] else "due"
    drugs = _of(one["medications"], names)
    owner = one["owner"] or "nobody named"
    visit = one["appointment_date"]
    where = f"; at the visit of {visit}" if visit else "; no visit is booked for it"
    return f"{one['what']}{drugs}: {state} {one['due']}, owner {owner}{where}"


def _visits(content: Mapping[str, Any]) -> Iterable[str]:
    for visit in content.get("context", {}).get("visits", ()):
        if visit["date"] >= content["as_of"]:
            whom = ", ".join(visit["with"]) or visit["kind"]
            yield f"{visit['date']}: {whom} ({visit['status']}, {visit['source']})"


def _activity(one: Mapping[str, Any]) -> str:
    kind = ACTIVITY_WORDS.get(one["kind"], one["kind"].replace("-", " "))
    on = f", {one['date']}" if one["date"] else ""
    return f"{kind}: {one['title']} ({one['status']}{on}, {one['source']})"


def _goal(one: Mapping[str, Any]) -> str:
    on = f", {one['date']}" if one["date"] else ""
    return f"{one['text']} ({one['kind']}, {one['status']}{on}, {one['source']})"


def _question(one: Mapping[str, Any], findings: Iterable[Mapping[str, Any]]) -> str:
    about = next((found["title"] for found in findings if found["id"] == one["finding"]), "")
    visit = one["appointment_date"]
    at = f", at the visit of {visit}" if visit else ", no visit is booked"
    return f"{one['text']} ({about}{at})" if about else f"{one['text']} ({at.removeprefix(', ')})"


def _taught(one: Mapping[str, Any], names: Mapping[str, str]) -> str:
    return f"{one['text']}{_of(one['medications'], names)} [{one['source']}]"


def _moment(one: Mapping[str, Any]) -> str:
    kind = MOMENT_WORDS.get(one["kind"], one["kind"])
    value = _ANNOTATION.sub("", one["value"])
    return f"{one['date']} {kind}: {one['what']} {value} ({one['source']})"


def _of(ids: Iterable[str], names: Mapping[str, str]) -> str:
    known = [names[id] for id in ids if id in names]
    return f" ({', '.join(known)})" if known else ""
