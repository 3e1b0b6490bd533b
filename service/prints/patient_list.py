"""The patient's own list, in plain words and large type, with a question that a list alone lacks.

Its parts follow the medication list and the to-do list of the CMS Medication Therapy Management
standardized format (CMS-10396): name, how I use it, why, who prescribed, when started and stopped.
The question is open on purpose: what is missing from a list is seldom noticed by reading it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.model.review import Disposition
from service.prints.material import Material, Stamp, dose, is_depot, stamp
from service.prints.timing import timing_in
from service.prints.words import Words
from service.review.items import is_live

ROUTES: Final = {
    "oral": "by mouth",
    "sublingual": "under the tongue",
    "intramuscular": "injection into the muscle",
    "subcutaneous": "injection under the skin",
    "transdermal": "patch on the skin",
    "topical": "on the skin",
    "inhalation": "breathed in",
    "nasal": "into the nose",
    "ophthalmic": "into the eye",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One medicine. `as_written` is the prescription's own text where it is not put simply."""

    name: str
    how: str
    as_written: str
    why: str
    prescriber: str
    since: str
    note: str


@dataclass(frozen=True, slots=True)
class PatientList:
    """The sheet; `checked` says that a pharmacist or physician signed it."""

    stamp: Stamp
    language: str
    checked: bool
    medicines: tuple[Entry, ...]
    to_do: tuple[str, ...]
    stopped: tuple[str, ...]
    allergies: tuple[str, ...]
    questions: tuple[str, ...] = ()
    preferences: tuple[str, ...] = ()


def patient_list(material: Material, words: Words) -> PatientList:
    """What the patient takes, as far as it is known; the sheet itself stops nothing."""
    live = [one for one in material.medications if is_live(one)]
    asked = [one for one in live if _in_question(material, one)]
    return PatientList(
        stamp=stamp(material, words),
        language=words.language,
        checked=material.signed_at is not None,
        medicines=tuple(_entry(one, words, asked=one in asked) for one in live),
        to_do=tuple(
            words.say(
                "Ask your doctor or pharmacist about {name}. Do not stop it by yourself.",
                name=one["display"],
            )
            for one in asked
        ),
        stopped=tuple(one["display"] for one in material.medications if not is_live(one)),
        questions=material.questions,
        preferences=material.preferences,
        allergies=tuple(
            re.sub(r" \[[^\]]*\]$", "", one)
            for one in material.report.get("context", {}).get("allergies", ())
        ),
    )


def _in_question(material: Material, medication: Mapping[str, Any]) -> bool:
    """Whether a grave finding or a decision of ours leaves something to ask about this medicine."""
    decision = material.decisions.get(medication["id"])
    if decision is not None:
        return decision.disposition is not Disposition.CONTINUE
    return any(
        finding["severity"] == "high" and medication["id"] in finding["medications"]
        for finding in material.findings
    )


def _entry(medication: Mapping[str, Any], words: Words, *, asked: bool) -> Entry:
    lines = sorted(
        medication["lines"],
        key=lambda line: (line["kind"] == "request", line["state"] == "current", _day(line)),
    )
    best = lines[-1]
    depot = is_depot(medication)
    if depot:
        best = next((line for line in reversed(lines) if line["interval_d"]), best)
    how, plain = _how(best, words, depot=depot)
    doses = {
        dose(line)
        for line in lines
        if line["state"] == "current" and dose(line) and (line["interval_d"] or not depot)
    }
    if len(doses) > 1:
        how = words.say("Your records do not agree about the dose; please ask.")
        plain = True
    prescribers = dict.fromkeys(line["requester"] for line in lines if line["requester"])
    starts = [line["start"] or line["authored"] for line in lines if line["start"] or _day(line)]
    return Entry(
        name=medication["display"],
        how=how,
        as_written="" if plain else (best["sig"] or best["timing"] or best["text"]),
        why=", ".join(medication["indication"]),
        prescriber=", ".join(prescribers),
        since=min((day for day in starts if day), default=""),
        note=words.say("There is a question about this medicine.") if asked else "",
    )


def _how(line: Mapping[str, Any], words: Words, *, depot: bool) -> tuple[str, bool]:
    """How to take it, and whether all of that could be said plainly in this language."""
    timing, plain = timing_in(line["timing"] or "", words)
    amount = dose(line)
    parts = []
    if amount:
        parts.append(_amount(line, words, depot=depot))
    if timing and plain and not line["interval_d"]:
        parts.append(timing)
    if line["as_needed"]:
        parts.append(words.say("only when needed"))
    if line["route"] in ROUTES:
        parts.append(words.say(ROUTES[line["route"]]))
    elif line["route"]:
        plain = False
    if not amount and not (timing and plain):
        return words.say("The instructions could not be read; please ask."), False
    return ", ".join(parts), plain


def _amount(line: Mapping[str, Any], words: Words, *, depot: bool) -> str:
    said = []
    for one in line["daily_doses"]:
        value = one["value"] if one["value"] is not None else one["max"]
        if value is None:
            continue
        amount = f"{value} {one['unit']}"
        if one["value"] is None:
            said.append(words.say("at most {amount} a day", amount=amount))
        elif line["interval_d"]:
            days = line["interval_d"]
            said.append(words.say("{amount} every {days} days", amount=amount, days=days))
        elif depot:
            said.append(words.say("{amount} each time", amount=amount))
        else:
            said.append(words.say("{amount} a day in all", amount=amount))
    return " + ".join(said)


def _day(line: Mapping[str, Any]) -> str:
    return str(line["authored"] or line["last_supplied"] or "")
