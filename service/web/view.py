"""What a page shows, worked out from the kept report and the review; no words in templates' loops.

Everything here is a plain function over the report document (`concord/report/1`) and the newest
decisions, so that a page can be judged without a browser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from service.model.review import MITIGATIONS
from service.review.decide import OVERRIDE_REASONS
from service.web.cells import cell, line_date
from service.web.decisions import MEDICATION_CHOICES, PATIENT_ANSWERS, Decided
from service.web.grouping import BY, grouping
from service.web.marks import marks
from service.web.unread import Unread, day_notes, unread
from service.web.words import about, counted, first_upper, unit_words

Document = Mapping[str, Any]

SUGGESTED = {
    "continue": "continue",
    "change": "change",
    "stop": "propose-stop",
    "hold": "hold",
    "add": "add",
    "ask": "not-sure",
}
CHANGES = {
    "started": "new since the last signed list",
    "changed": "changed since the last signed list",
    "stopped": "stopped since the last signed list",
}
CONSEQUENCE = {
    "unavailable": "Nothing of it is known; this is not an empty list.",
    "withheld": "It refuses or narrows what it holds; what is missing here may exist there.",
    "partial": "Something is known to be missing; nothing is concluded from what is absent.",
    "stale": "The last good data is shown.",
}


@dataclass(frozen=True)
class Page:
    """One patient's page.

    `open` says that decisions can be made (a review is open), `may_read` that the person who looks
    may have the sources read again, `by` how the drugs are grouped,
    `following` who comes next in the worklist.
    """

    id: str
    content: Document
    report_etag: str = ""
    review: str = ""
    open: bool = False
    decisions: Mapping[str, Decided] = field(default_factory=dict)
    signed: Mapping[str, str] | None = None
    deliveries: Sequence[Mapping[str, str]] = ()
    may_read: bool = False
    by: str = "need"
    following: str = ""
    error: str = ""

    @property
    def override_reasons(self) -> list[tuple[str, str]]:
        return list(OVERRIDE_REASONS.items())

    @property
    def mitigations(self) -> list[tuple[str, str]]:
        return list(MITIGATIONS.items())

    @property
    def patient_answers(self) -> list[tuple[str, str]]:
        return list(PATIENT_ANSWERS.items())

    @property
    def clinicians(self) -> list[str]:
        """Everybody whom a question could be given to: who prescribes, and who is seen next."""
        names = {
            line["requester"]
            for medication in self.content["medications"]
            for line in medication["lines"]
            if line["requester"]
        }
        return sorted(names | set(self.next["with"] if self.next else ()))

    @property
    def as_of(self) -> str:
        return str(self.content["as_of"])

    @property
    def ways(self) -> list[tuple[str, str]]:
        return list(BY.items())

    @property
    def digest(self) -> str:
        """The start of the shown report's digest, enough to tell it from a newer one."""
        return self.report_etag.strip('"')[:12]

    @property
    def latest(self) -> str:
        """The instant of the newest decision on the page."""
        return max((decided.at for decided in self.decisions.values()), default="")

    @property
    def tabs(self) -> list[tuple[str, str]]:
        """The pages of this patient: address and name."""
        return [
            (f"/patients/{self.id}", "Review"),
            (f"/patients/{self.id}/timeline", "Time line"),
            (f"/patients/{self.id}/prints", "Prints"),
        ]

    @property
    def grade(self) -> str:
        return str(self.content["patient"]["grade"])

    @property
    def name(self) -> str:
        return self.content["patient"].get("name") or "Name not given"

    @property
    def about(self) -> str:
        return about(self.content["patient"], self.as_of)

    @property
    def deceased(self) -> bool:
        return bool(self.content["patient"].get("deceased"))

    @property
    def records(self) -> list[dict[str, Any]]:
        return list(self.content["patient"]["records"])

    @property
    def provenance(self) -> dict[str, str]:
        return dict(self.content["provenance"])

    @property
    def problems(self) -> list[Unread]:
        return unread(self.content["problems"])

    @property
    def day_notes(self) -> list[str]:
        return day_notes(self.content["problems"])

    @property
    def next(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.content.get("next_appointment")
        return found

    @property
    def sources(self) -> list[dict[str, Any]]:
        return [
            {**source, "consequence": CONSEQUENCE.get(source["state"], "")}
            for source in self.content["sources"]
        ]

    @property
    def complete(self) -> bool:
        return all(source["state"] == "complete" for source in self.content["sources"])

    @property
    def certificates(self) -> list[dict[str, Any]]:
        return [
            {"source": source["name"], "type": type_, **certificate}
            for source in self.content["sources"]
            for type_, certificate in source["resources"].items()
            if certificate["state"] != "not-offered"
        ]

    @property
    def allergies(self) -> list[str]:
        return list(self.content.get("context", {}).get("allergies", ()))

    @property
    def no_allergies(self) -> str:
        return "none recorded" if self.complete else "none read; a source is not complete"

    @property
    def measures(self) -> list[dict[str, str]]:
        measures = self.content.get("context", {}).get("measures", ())
        return [
            {
                **measure,
                "title": first_upper(measure["title"]),
                "value": unit_words(measure["value"]),
            }
            for measure in measures
        ]

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
    def no_medications(self) -> str:
        if self.complete:
            return "No medications are recorded in any source."
        return "No medication line could be read. This does not mean that nothing is taken."

    @cached_property
    def shown(self) -> list[dict[str, Any]]:
        return [
            self._finding(finding)
            for finding in self.content["findings"]
            if finding["bucket"] == "shown" and finding["severity"] != "none"
        ]

    @property
    def other_findings(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """What a reviewer can open besides: what cannot be told, suppressed ones, agreements."""
        findings = self.content["findings"]
        return [
            (
                "cannot be told (data missing; not the same as safe)",
                [self._finding(f) for f in findings if f["bucket"] == "not-evaluable"],
            ),
            ("suppressed", [self._finding(f) for f in findings if f["bucket"] == "suppressed"]),
            (
                "agreements",
                [
                    self._finding(f)
                    for f in findings
                    if f["bucket"] == "shown" and f["severity"] == "none"
                ],
            ),
        ]

    @property
    def high_undecided(self) -> list[dict[str, Any]]:
        return [
            finding
            for finding in self.shown
            if finding["severity"] == "high" and not finding["decision"].disposition
        ]

    @property
    def high_words(self) -> str:
        count = len(self.high_undecided)
        wait = "still waits" if count == 1 else "still wait"
        return f"{counted(count, 'grave finding')} {wait} for a decision"

    @property
    def to_decide(self) -> int:
        return len(self.content["medications"]) + len(self.shown)

    @property
    def decided(self) -> int:
        items = {m["id"] for m in self.content["medications"]} | {f["id"] for f in self.shown}
        return sum(1 for item in items if self._decision(item).disposition)

    @property
    def deliveries_pending(self) -> bool:
        return any(row["state"] in {"planned", "sending"} for row in self.deliveries)

    @property
    def deliveries_summary(self) -> str:
        """ "written to A, not to B", in words; never "coordinated" before every answer is there."""
        if not self.deliveries:
            return ""
        states: dict[str, set[str]] = {}
        for row in self.deliveries:
            states.setdefault(row["target"], set()).add(row["state"])
        return "; ".join(
            f"{target}: {_target_words(found)}" for target, found in sorted(states.items())
        )

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The rows in their groups; by need, what differs or is spoken of comes first."""
        findings: dict[str, list[dict[str, Any]]] = {}
        for finding in self.shown:
            for medication in finding["medications"]:
                findings.setdefault(medication, []).append(finding)
        group_of, fixed = grouping(self.by, lambda item: bool(self._decision(item).disposition))
        rows: dict[str, list[dict[str, Any]]] = {}
        for medication in self.content["medications"]:
            spoken_of = findings.get(medication["id"], [])
            title = group_of(medication, spoken_of)
            rows.setdefault(title, []).append(self.row(medication, spoken_of))
        order = [*sorted(rows.keys() - set(fixed)), *fixed]
        return [{"title": title, "rows": rows[title]} for title in order if title in rows]

    def row(
        self, medication: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
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
        where = ", ".join(
            word for word in (medication["form"], medication["route"], medication["state"]) if word
        )
        return {
            "id": medication["id"],
            "label": medication["display"],
            "change": CHANGES.get(medication["change"] or "", ""),
            "display": medication["display"],
            "where": where,
            "indication": medication["indication"],
            "badges": [
                {"severity": f["severity"], "id": f["id"], "words": f["type"].replace("-", " ")}
                for f in findings
                if f["severity"] in {"high", "moderate"}
            ],
            "cells": cells,
            "proposal": medication["proposal"],
            "error": "",
            "decision": self._decision(medication["id"]),
            "suggested": _suggested(medication),
            "choices": MEDICATION_CHOICES,
            "kind": "medication",
        }

    def item(self, id_: str) -> dict[str, Any] | None:
        """What the decision form of one medication or finding needs; None when it is neither."""
        for medication in self.content["medications"]:
            if medication["id"] == id_:
                return self.row(medication, ())
        for finding in self.content["findings"]:
            if finding["id"] == id_:
                return self._finding(finding)
        return None

    def _decision(self, item: str) -> Decided:
        return self.decisions.get(item, Decided())

    def _finding(self, finding: Mapping[str, Any]) -> dict[str, Any]:
        decidable = finding["bucket"] == "shown" and finding["severity"] != "none"
        return {
            **finding,
            "label": finding["title"],
            "evidence": [{**fact, "href": self.address(fact)} for fact in finding["evidence"]],
            "error": "",
            "decision": self._decision(finding["id"]),
            "choices": decidable,
            "difference": finding["rule"]["id"].startswith("reconcile/"),
            "kind": "finding",
        }

    def address(self, fact: Mapping[str, Any]) -> str:
        """Where the very JSON of a fact's resource is shown."""
        query = urlencode({"source": fact["source"], "reference": fact["reference"]})
        return f"/patients/{quote(self.id)}/resource?{query}"


def _suggested(medication: Mapping[str, Any]) -> str:
    """The decision that a reviewer would make by following the proposal."""
    action = medication["proposal"]["action"]
    if action == "add" and medication["state"] == "current":
        return "continue"
    return SUGGESTED[action]


def _target_words(states: set[str]) -> str:
    if states == {"done"}:
        return "written"
    if states & {"planned", "sending"}:
        return "being written"
    if "done" in states:
        return "partly written; the rest needs a person"
    return "not written: " + ", ".join(sorted(states))
