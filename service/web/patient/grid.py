"""The grid: one row for each drug, one cell for each source, the proposal and the decision.

Columns go from left to right in time. Where all sources that list a drug say the same, their cells
are one; what differs is marked at the attribute, never over the whole row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from service.review.decide import SECOND_PERSON
from service.review.items import names
from service.web.language import say
from service.web.patient.cells import Line, Supply, cell, leading, line_date, newest_supply
from service.web.patient.decisions import Decided
from service.web.patient.grouping import grouping
from service.web.patient.marks import marks
from service.web.words import dose_words, timing_words, visible

Document = Mapping[str, Any]
Finding = Mapping[str, Any]

SUGGESTED: Final = {
    "continue": "continue",
    "change": "change",
    "stop": "propose-stop",
    "hold": "hold",
    "add": "add",
    "ask": "not-sure",
}
CHANGES: Final = {
    "started": "new since the last signed list",
    "changed": "changed since the last signed list",
    "stopped": "stopped since the last signed list",
}
ALIKE: Final = frozenset({"identical", "equivalent"})


@dataclass(frozen=True)
class Together:
    """What all sources that list a drug say alike, and the sources that do not list it.

    `sources` are their names with the day of their newest line, `supplies` those that filled it
    with what is left of the newest fill.
    """

    dose: str
    timing: str
    sources: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    supplies: tuple[tuple[str, Supply], ...] = ()


@dataclass(frozen=True)
class Grid:
    """The rows of one report. `by` is how they are grouped, `address` where a fact's JSON is."""

    content: Document
    findings: Sequence[Finding]
    decision: Callable[[str], Decided]
    address: Callable[[Line], str]
    by: str
    drug_classes: Mapping[str, str]

    @property
    def as_of(self) -> str:
        return str(self.content["as_of"])

    @cached_property
    def columns(self) -> list[dict[str, str]]:
        """The sources from left to right in time: the newest line last."""
        newest = {source["name"]: "" for source in self.content["sources"]}
        for medication in self.content["medications"]:
            for line in medication["lines"]:
                newest[line["source"]] = max(newest[line["source"]], line_date(line))
        ordered = sorted(newest.items(), key=lambda item: (item[1] or "9999", item[0]))
        return [{"name": name, "newest": day} for name, day in ordered]

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The rows in their groups; by need, what differs or is spoken of comes first."""
        findings: dict[str, list[Finding]] = {}
        for finding in self.findings:
            for medication in finding["medications"]:
                findings.setdefault(medication, []).append(finding)
        group_of, fixed = grouping(
            self.by, lambda item: bool(self.decision(item).disposition), self.drug_classes
        )
        rows: dict[str, list[dict[str, Any]]] = {}
        for medication in self.content["medications"]:
            spoken_of = findings.get(medication["id"], [])
            title = group_of(medication, spoken_of)
            rows.setdefault(title, []).append(self.row(medication, spoken_of))
        order = [*sorted(rows.keys() - set(fixed)), *fixed]
        return [{"title": title, "rows": rows[title]} for title in order if title in rows]

    def row(self, medication: Mapping[str, Any], findings: Sequence[Finding]) -> dict[str, Any]:
        """One drug: its cells in the columns' order, what differs, the proposal, the decision."""
        lines = medication["lines"]
        marked = marks(lines, findings)
        states = {source["name"]: source["state"] for source in self.content["sources"]}
        cells = [
            cell(
                [line for line in lines if line["source"] == column["name"]],
                states[column["name"]],
                self.as_of,
                marked,
                self.address,
            )
            for column in self.columns
        ]
        name = (
            medication["display"] if visible(medication["display"]) else say("Drug without a name")
        )
        where = ", ".join(
            say(medication[key]) for key in ("form", "route", "state") if medication[key]
        )
        complete = all(state == "complete" for state in states.values())
        return {
            "id": medication["id"],
            "label": name,
            "change": CHANGES.get(medication["change"] or "", ""),
            "display": name,
            "where": where,
            "indication": medication["indication"],
            "badges": [
                {"severity": f["severity"], "id": f["id"], "words": f["type"].replace("-", " ")}
                for f in findings
                if f["severity"] in {"high", "moderate"}
            ],
            "cells": cells,
            "together": None
            if marked or findings or not complete
            else together(medication, [column["name"] for column in self.columns], self.as_of),
            "proposal": medication["proposal"],
            "error": "",
            "decision": self.decision(medication["id"]),
            "suggested": suggested(medication),
            "second": ", ".join(
                SECOND_PERSON[rxcui] for rxcui in sorted(names(medication) & SECOND_PERSON.keys())
            ),
            "kind": "medication",
        }


def together(medication: Mapping[str, Any], columns: Sequence[str], as_of: str) -> Together | None:
    """What its sources say alike in one word; None where they do not, or one alone lists it."""
    own = {
        name: [line for line in medication["lines"] if line["source"] == name] for name in columns
    }
    speaking = {name: leading(lines) for name, lines in own.items()}
    said = {
        (dose_words(line), timing_words(line["timing"]))
        for lines in speaking.values()
        for line in lines
    }
    listing = [name for name in columns if speaking[name]]
    if medication["agreement"] not in ALIKE or len(said) != 1 or len(listing) < 2:
        return None
    (dose, timing) = next(iter(said))
    return Together(
        dose=dose,
        timing=timing,
        sources=tuple((name, max(line_date(one) for one in speaking[name])) for name in listing),
        missing=tuple(name for name in columns if not speaking[name]),
        supplies=tuple(
            (name, left) for name, lines in own.items() if (left := newest_supply(lines, as_of))
        ),
    )


def suggested(medication: Mapping[str, Any]) -> str:
    """The decision that a reviewer would make by following the proposal."""
    action = medication["proposal"]["action"]
    if action == "add" and medication["state"] == "current":
        return "continue"
    return SUGGESTED[action]
