"""What a page shows, worked out from the kept report and the review; no words in templates' loops.

Everything here is a plain function over the report document (`concord/report/1`) and the newest
decisions, so that a page can be judged without a browser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, urlencode

from service.model.review import MITIGATIONS
from service.review.decide import OVERRIDE_REASONS
from service.store.patient_words import PatientWord
from service.web.decisions import MEDICATION_CHOICES, PATIENT_ANSWERS, Decided
from service.web.delivered import by_target, pending
from service.web.grid import Grid
from service.web.grouping import BY
from service.web.language import counted, say
from service.web.since import Since
from service.web.unread import Unread, day_notes, unread
from service.web.words import about, first_upper, unit_words

Document = Mapping[str, Any]

TABS: Final = {
    "": "Review",
    "/care": "Care plan",
    "/timeline": "Time line",
    "/plan": "Sign and send",
    "/prints": "Prints",
}
SCREENFULS: Final = 40
"""Drugs and findings that are laid out at once; of more, those in sight."""
CONSEQUENCE = {
    "unavailable": "Nothing of it is known; this is not an empty list.",
    "withheld": "It refuses or narrows what it holds; what is missing here may exist there.",
    "partial": "Something is known to be missing; nothing is concluded from what is absent.",
    "stale": "The last good data is shown.",
}


def _said(words: Mapping[str, str]) -> list[tuple[str, str]]:
    """Codes with their words in the page's language, once for all forms of a page."""
    return [(code, say(text)) for code, text in words.items()]


@dataclass(frozen=True)
class Page:
    """One patient's page.

    `open` says that decisions can be made (a review is open), `may_read` that the person who looks
    may have the sources read again, `by` how the drugs are grouped,
    `following` who comes next in the worklist. `words` are the patient's own questions and wishes,
    `awaiting_second` the items of which a second person has to decide the same, `alike` how many
    lines can be continued together, `whole_forms` that each decision's form is drawn with all its
    fields (for browsers without JavaScript; otherwise they stand once, and are copied when opened).
    """

    id: str
    content: Document
    report_etag: str = ""
    review: str = ""
    open: bool = False
    decisions: Mapping[str, Decided] = field(default_factory=dict)
    signed: Mapping[str, Any] | None = None
    deliveries: Sequence[Mapping[str, Any]] = ()
    may_read: bool = False
    by: str = "need"
    following: str = ""
    error: str = ""
    drug_classes: Mapping[str, str] = field(default_factory=dict)
    since: Since | None = None
    words: Sequence[PatientWord] = ()
    awaiting_second: Sequence[str] = ()
    alike: int = 0
    whole_forms: bool = False

    @property
    def medication_choices(self) -> Sequence[tuple[str, str]]:
        """What can be decided on a drug, with its words."""
        return MEDICATION_CHOICES

    @cached_property
    def override_reasons(self) -> list[tuple[str, str]]:
        return _said(OVERRIDE_REASONS)

    @cached_property
    def mitigations(self) -> list[tuple[str, str]]:
        return _said(MITIGATIONS)

    @cached_property
    def patient_answers(self) -> list[tuple[str, str]]:
        return _said(PATIENT_ANSWERS)

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
        return [(f"/patients/{self.id}{place}", name) for place, name in TABS.items()]

    @property
    def grade(self) -> str:
        return str(self.content["patient"]["grade"])

    @property
    def name(self) -> str:
        return self.content["patient"].get("name") or say("Name not given")

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
    def incomplete(self) -> list[str]:
        """The sources that were not wholly read, each with its state in words."""
        return [
            f"{source['name']} ({say(source['state'])})"
            for source in self.content["sources"]
            if source["state"] != "complete"
        ]

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
        return say("none recorded") if self.complete else say("none read; a source is not complete")

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
    def grid(self) -> Grid:
        return Grid(
            self.content, self.shown, self._decision, self.address, self.by, self.drug_classes
        )

    @property
    def no_medications(self) -> str:
        if self.complete:
            return say("No medications are recorded in any source.")
        return say("No medication line could be read. This does not mean that nothing is taken.")

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
                say("cannot be told (data missing; not the same as safe)"),
                [self._finding(f) for f in findings if f["bucket"] == "not-evaluable"],
            ),
            (
                say("suppressed"),
                [self._finding(f) for f in findings if f["bucket"] == "suppressed"],
            ),
            (
                say("agreements"),
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
        return counted(
            "{count} grave finding still waits for a decision",
            "{count} grave findings still wait for a decision",
            len(self.high_undecided),
        )

    @property
    def waiting_for_second(self) -> list[tuple[str, str]]:
        """What takes the same decision of another person before it can be signed: name and id."""
        names = {m["id"]: m["display"] for m in self.content["medications"]}
        return [(names.get(item, item), item) for item in self.awaiting_second]

    @property
    def long(self) -> bool:
        """Whether more stands on the page than a few screens hold."""
        return self.to_decide > SCREENFULS

    @property
    def to_decide(self) -> int:
        return len(self.content["medications"]) + len(self.shown)

    @property
    def decided(self) -> int:
        items = {m["id"] for m in self.content["medications"]} | {f["id"] for f in self.shown}
        return sum(1 for item in items if self._decision(item).disposition)

    @property
    def deliveries_pending(self) -> bool:
        return pending(self.deliveries)

    @property
    def targets(self) -> list[tuple[str, str, str]]:
        """Each server with how it stands; never "coordinated" before every answer is there."""
        return by_target(self.deliveries)

    def item(self, id_: str) -> dict[str, Any] | None:
        """What the decision form of one medication or finding needs; None when it is neither."""
        for medication in self.content["medications"]:
            if medication["id"] == id_:
                return self.grid.row(medication, ())
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
            "title": first_upper(finding["title"]),
            "message": first_upper(finding["message"]),
            "label": first_upper(finding["title"]),
            "advice_named": not finding["advice"].startswith("Consider"),
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
