"""The pharmacist's sheet: one row a drug, one column a source, the proposal, and the findings.

Source: Twinlist's five columns, folded for any number of sources; a date stands on each cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.model.review import Decision
from service.prints.material import Material, Stamp, dose, is_depot, stamp
from service.prints.timing import timing_in
from service.prints.words import ENGLISH, Words

DECIDED = {
    "continue": "continue",
    "change": "change to",
    "propose-stop": "propose to stop",
    "hold": "hold",
    "add": "add",
    "not-sure": "not sure",
    "accept": "accepted",
    "override": "overridden",
    "defer": "deferred",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One drug. `cells` are in the order of the columns, each a tuple of lines of text."""

    drug: str
    state: str
    cells: tuple[tuple[str, ...], ...]
    proposal: str
    reason: str
    decision: str


@dataclass(frozen=True, slots=True)
class Said:
    """One finding with the decision on it; `rule` names its source."""

    severity: str
    title: str
    message: str
    advice: str
    rule: str
    decision: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The sheet. `said` are the patient's own questions and wishes."""

    stamp: Stamp
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    findings: tuple[Said, ...]
    allergies: tuple[str, ...]
    said: tuple[str, ...]
    not_evaluable: int
    suppressed: int
    problems: tuple[str, ...]


def comparison(material: Material, words: Words = ENGLISH) -> Comparison:
    """The sheet of this report, in this language."""
    columns = tuple(source["name"] for source in material.sources)
    states = {source["name"]: source["state"] for source in material.sources}
    buckets = [finding["bucket"] for finding in material.report["findings"]]
    return Comparison(
        stamp=stamp(material, words),
        said=(*material.questions, *material.preferences),
        columns=columns,
        rows=tuple(
            Row(
                drug=medication["display"],
                state=medication["state"],
                cells=tuple(_cell(medication, column, states[column], words) for column in columns),
                proposal=medication["proposal"]["text"],
                reason=medication["proposal"]["reason"],
                decision=decided(material.decisions.get(medication["id"]), words),
            )
            for medication in material.medications
        ),
        findings=tuple(
            Said(
                severity=finding["severity"],
                title=finding["title"],
                message=finding["message"],
                advice=finding["advice"],
                rule=f"{finding['rule']['source']} ({finding['rule']['id']})",
                decision=decided(material.decisions.get(finding["id"]), words),
            )
            for finding in material.findings
        ),
        allergies=tuple(material.report.get("context", {}).get("allergies", ())),
        not_evaluable=buckets.count("not-evaluable"),
        suppressed=buckets.count("suppressed"),
        problems=tuple(
            f"{problem['source']} {problem['reference']}: {problem['what']}".strip(" :")
            for problem in material.report["problems"]
        ),
    )


def decided(decision: Decision | None, words: Words = ENGLISH) -> str:
    """A decision in words with who made it, "" before there is one."""
    if decision is None:
        return ""
    said = words.say(DECIDED[decision.disposition.value])
    if decision.to is not None:
        said = f"{said} {decision.to.text}"
    why = decision.reason or decision.reason_code
    whom = words.say("for {name}", name=decision.assigned_to) if decision.assigned_to else ""
    for extra in (why, whom):
        said = f"{said}; {extra}" if extra else said
    return f"{said} ({decision.by.name})"


def _cell(medication: Mapping[str, Any], column: str, state: str, words: Words) -> tuple[str, ...]:
    lines = [line for line in medication["lines"] if line["source"] == column]
    if not lines:
        said = words.say("source is {state}", state=words.say(state))
        return (words.say("not listed"),) if state == "complete" else (said,)
    alike: dict[tuple[str, str, str], list[str]] = {}
    for line in lines:
        amount = (
            dose(line, words, depot=is_depot(medication))
            or timing_in(line["timing"] or "", words)[0]
        )
        amount = amount or words.say("dose not read")
        by = f", {line['requester']}" if line["requester"] else ""
        day = line["authored"] or line["last_supplied"] or ""
        key = (amount, f"{words.say(line['kind'])} {words.say(line['status'] or 'no status')}", by)
        alike.setdefault(key, []).append(day)
    return tuple(
        f"{amount}; {what}, {max(days) or words.say('no date')}{_times(days, words)}{by}"
        for (amount, what, by), days in alike.items()
    )


def _times(days: list[str], words: Words) -> str:
    """ " (the newest of 3)" where one cell stands for several equal lines."""
    said = words.say("(the newest of {count})", count=len(days))
    return f" {said}" if len(days) > 1 else ""
