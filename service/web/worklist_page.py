"""The worklist: who needs a look first and why, narrowed down by what a reviewer asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlencode

from service.model.finding import Severity
from service.store.terms import Wanted
from service.store.worklist import WorklistRow
from service.web.words import about, counted

STATE_WORDS: Final = {
    "unsigned": "never signed",
    "changed": "changed since signed",
    "signed": "signed, unchanged",
    "incomplete": "a source is not complete",
    "urgent": "urgent",
}
CHANGE_WORDS: Final = {"started": "started", "changed": "changed", "stopped": "stopped"}


@dataclass(frozen=True)
class Worklist:
    """One page of it. `choices` are (term, patients) by kind, `cursor` leads to the next page."""

    rows: Sequence[WorklistRow]
    cursor: str | None
    counts: Mapping[Severity, int]
    choices: Mapping[str, Sequence[tuple[str, int]]]
    wanted: Wanted

    @property
    def shown(self) -> list[dict[str, Any]]:
        return [shown(row) for row in self.rows]

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
        labels = {"finding": "Finding", "drug": "Drug", "clinician": "Clinician"}
        return [
            {
                "name": kind,
                "label": label,
                "chosen": getattr(self.wanted, kind),
                "options": [
                    (term, f"{term.replace('-', ' ') if kind == 'finding' else term} ({count})")
                    for term, count in self.choices.get(kind, ())
                ],
            }
            for kind, label in labels.items()
        ]

    @property
    def more(self) -> str:
        """Where the next page is; "" at the end."""
        if not self.cursor:
            return ""
        asked = {key: value for key, value in asdict(self.wanted).items() if value}
        return "/patients?" + urlencode({**asked, "cursor": self.cursor})


def shown(row: WorklistRow) -> dict[str, Any]:
    """What one row says; nothing but the row itself is looked at."""
    identity, face = dict(row.identity), row.face
    as_of = str(face.get("as_of", ""))
    return {
        "id": row.patient,
        "name": identity.get("name") or "Name not given",
        "about": about(identity, as_of) if as_of else "",
        "severity": row.severity.value,
        "urgent": row.urgent,
        "gravest": face.get("gravest", ""),
        "findings": findings_words(row),
        "not_evaluable": row.not_evaluable,
        "next": face.get("next"),
        "incomplete": face.get("incomplete", ()),
        "as_of": as_of,
        "signed": row.signed_at.date().isoformat() if row.signed_at else "",
        "since": since_words(row),
    }


def findings_words(row: WorklistRow) -> str:
    """ "2 high, 1 moderate"; "none shown" is said, never left blank."""
    counts = {"high": row.high, "moderate": row.moderate, "low": row.low}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "none shown"


def since_words(row: WorklistRow) -> str:
    """What is new since the last signature: "1 started, 2 changed"; "" where nothing was signed."""
    if row.signed_at is None:
        return ""
    changed = row.face.get("changed") or {}
    words = [f"{changed[word]} {said}" for word, said in CHANGE_WORDS.items() if changed.get(word)]
    if words:
        return ", ".join(words)
    return "read again, same drugs" if row.waiting_since > row.signed_at else "nothing new"


def heading(worklist: Worklist) -> str:
    """ "21 patients", "3 patients found"."""
    return counted(worklist.total, "patient") + (" found" if worklist.narrowed else "")
