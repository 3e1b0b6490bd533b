"""The pharmacist's sheet: one row a drug, one column a source, the proposal, and the findings.

Source: Twinlist's five columns, folded for any number of sources; a date stands on each cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.model.review import Decision
from service.prints.material import Material, Stamp, dose, is_depot, stamp

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


def comparison(material: Material) -> Comparison:
    """The sheet of this report."""
    columns = tuple(source["name"] for source in material.sources)
    states = {source["name"]: source["state"] for source in material.sources}
    buckets = [finding["bucket"] for finding in material.report["findings"]]
    return Comparison(
        stamp=stamp(material),
        said=(*material.questions, *material.preferences),
        columns=columns,
        rows=tuple(
            Row(
                drug=medication["display"],
                state=medication["state"],
                cells=tuple(_cell(medication, column, states[column]) for column in columns),
                proposal=medication["proposal"]["text"],
                reason=medication["proposal"]["reason"],
                decision=decided(material.decisions.get(medication["id"])),
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
                decision=decided(material.decisions.get(finding["id"])),
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


def decided(decision: Decision | None) -> str:
    """A decision in words with who made it, "" before there is one."""
    if decision is None:
        return ""
    words = DECIDED[decision.disposition.value]
    if decision.to is not None:
        words = f"{words} {decision.to.text}"
    why = decision.reason or decision.reason_code
    for extra in (why, f"for {decision.assigned_to}" if decision.assigned_to else ""):
        words = f"{words}; {extra}" if extra else words
    return f"{words} ({decision.by.name})"


def _cell(medication: Mapping[str, Any], column: str, state: str) -> tuple[str, ...]:
    lines = [line for line in medication["lines"] if line["source"] == column]
    if not lines:
        return ("not listed",) if state == "complete" else (f"source is {state}",)
    alike: dict[tuple[str, str, str], list[str]] = {}
    for line in lines:
        amount = dose(line, depot=is_depot(medication)) or line["timing"] or "dose not read"
        by = f", {line['requester']}" if line["requester"] else ""
        day = line["authored"] or line["last_supplied"] or ""
        key = (amount, f"{line['kind']} {line['status'] or 'no status'}", by)
        alike.setdefault(key, []).append(day)
    return tuple(
        f"{amount}; {what}, {max(days) or 'no date'}{_times(days)}{by}"
        for (amount, what, by), days in alike.items()
    )


def _times(days: list[str]) -> str:
    """ " (the newest of 3)" where one cell stands for several equal lines."""
    return f" (the newest of {len(days)})" if len(days) > 1 else ""
