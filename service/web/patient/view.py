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

from service.model.around import PatientWord
from service.model.review import MITIGATIONS
from service.review.decide import OVERRIDE_REASONS
from service.web.language import counted, say
from service.web.patient.decisions import MEDICATION_CHOICES, PATIENT_ANSWERS, Decided
from service.web.patient.findings import as_shown, asks, others
from service.web.patient.grid import Grid
from service.web.patient.grouping import BY
from service.web.patient.known import Known
from service.web.patient.since import Since
from service.web.signing.delivered import by_target, pending
from service.web.words import about

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
        return sorted(names | set(self.known.next["with"] if self.known.next else ()))

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

    @cached_property
    def known(self) -> Known:
        """What the sources told beside the drugs, and how completely."""
        return Known(self.content)

    @cached_property
    def grid(self) -> Grid:
        return Grid(
            self.content, self.shown, self._decision, self.address, self.by, self.drug_classes
        )

    @cached_property
    def shown(self) -> list[dict[str, Any]]:
        """The findings that ask for a decision."""
        return [self._finding(finding) for finding in self.content["findings"] if asks(finding)]

    @property
    def other_findings(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """What a reviewer can open besides, each kind with its words."""
        return [
            (words, [self._finding(finding) for finding in found])
            for words, found in others(self.content["findings"])
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
        return as_shown(finding, self._decision(finding["id"]), self.address)

    def decided_at(self, item: Mapping[str, Any]) -> str:
        """Where a decision on one item goes, made on what is shown of it."""
        etag = urlencode({"etag": item["decision"].etag})
        return f"/patients/{quote(self.id)}/decisions/{quote(item['id'])}?{etag}"

    def address(self, fact: Mapping[str, Any]) -> str:
        """Where the very JSON of a fact's resource is shown."""
        query = urlencode({"source": fact["source"], "reference": fact["reference"]})
        return f"/patients/{quote(self.id)}/resource?{query}"
