"""What every print is made of: the report, the decisions that count, and the stamp."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.model.review import Decision
from service.prints.words import ENGLISH, Words
from service.review.items import is_shown

STATES = {
    "complete": "complete",
    "stale": "stale: the last good data",
    "partial": "partial: something is known to be missing",
    "withheld": "withheld: the server narrows what it shows",
    "unavailable": "not read: nothing of it is known",
}

WITHHELD = "not everything"
UNCERTAIN = "it is not certain that all records are this person's"


@dataclass(frozen=True, slots=True)
class Material:
    """One report as kept, and what people decided on it.

    `decisions` are those that count, by item. `signed_by` and `signed_at` are empty before the
    whole list was signed. `printed_at` is the moment of printing, aware. `questions` and
    `preferences` are the patient's own words. `withheld` says that something is not told to the one
    it is for, `notices` are what has to go with what is told.
    """

    report: Mapping[str, Any]
    printed_at: datetime
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    signed_by: str = ""
    signed_at: datetime | None = None
    withheld: str = ""
    notices: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    preferences: tuple[str, ...] = ()

    @property
    def medications(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = self.report["medications"]
        return found

    @property
    def findings(self) -> list[Mapping[str, Any]]:
        """What is shown and says something, gravest first."""
        return [f for f in self.report["findings"] if is_shown(f) and f["severity"] != "none"]

    @property
    def sources(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = self.report["sources"]
        return found


@dataclass(frozen=True, slots=True)
class Stamp:
    """What stands on every sheet. `incomplete` says why, as (source, reason); empty if complete."""

    name: str
    born: str
    identity: str
    as_of: str
    printed: str
    sources: tuple[tuple[str, str, str], ...]
    signed: str
    knowledge: str
    incomplete: tuple[tuple[str, str], ...]
    notices: tuple[str, ...] = ()


def is_depot(medication: Mapping[str, Any]) -> bool:
    """Whether it is a long-acting injection."""
    return str(medication["class"]) == "depot"


def stamp(material: Material, words: Words = ENGLISH) -> Stamp:
    """The stamp of a print; sources as (name, state in words, day of the newest line)."""
    report = material.report
    patient, known = report["patient"], report["provenance"]
    newest: dict[str, str] = {}
    for medication in material.medications:
        for line in medication["lines"]:
            day = line["authored"] or line["last_supplied"] or ""
            newest[line["source"]] = max(newest.get(line["source"], ""), day)
    lacking = [
        (source["name"], STATES[source["state"]])
        for source in material.sources
        if source["state"] != "complete"
    ]
    if patient["grade"] != "certain":
        lacking.append((str(patient["grade"]), UNCERTAIN))
    if material.withheld:
        lacking.append((WITHHELD, material.withheld))
    return Stamp(
        name=patient.get("name") or words.say("name not given"),
        born=patient.get("birth_date") or words.say("birth date not given"),
        identity=str(patient["grade"]),
        as_of=str(report["as_of"]),
        printed=_moment(material.printed_at),
        sources=tuple(
            (source["name"], STATES[source["state"]], newest.get(source["name"], ""))
            for source in material.sources
        ),
        signed=f"{material.signed_by}, {_moment(material.signed_at)}" if material.signed_at else "",
        knowledge=words.say(
            "Concord {version}, knowledge {knowledge}, RxNorm {rxnorm}",
            version=known["service"],
            knowledge=known["mappings"][:12],
            rxnorm=known["rxnorm"],
        ),
        incomplete=tuple(lacking),
        notices=material.notices,
    )


def _moment(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M %Z") if at else ""


def dose(of: Mapping[str, Any], words: Words = ENGLISH, *, depot: bool = False) -> str:
    """ "100 mg a day", "156 mg every 28 days", "at most 4 mg a day as needed", "" when not read.

    Args:
        of: a line, or a medication.
        words: the language in which it is said.
        depot: it is a long-acting injection; without an interval "156 mg" is one injection, and
            nothing is said of a day.
    """
    said = []
    interval = of.get("interval_d")
    for one in of["daily_doses"]:
        value = one["value"] if one["value"] is not None else one["max"]
        amount = f"{value} {one['unit']}"
        if one["value"] is None:
            if value is not None:
                said.append(words.say("at most {amount} a day", amount=amount))
        elif interval:
            said.append(words.say("{amount} every {days} days", amount=amount, days=interval))
        else:
            said.append(amount if depot else words.say("{dose} a day", dose=amount))
    told = " + ".join(said)
    if not of.get("as_needed"):
        return told
    return words.say("{dose} as needed", dose=told) if told else words.say("as needed")
