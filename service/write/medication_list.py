"""List: the reconciled list as LOINC 104203-5 once signed, else a draft that claims nothing.

Source: Standardized Medication Profile (code, subject, human source, entries are
MedicationStatements); base R4 (entry.date only in a working list, no emptyReason beside entries).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.model.review import Decision, Disposition
from service.write import statement
from service.write.codes import DRAFT, INCOMPLETE, RECONCILED_LIST, SIGNED, WITHHELD, concept
from service.write.desk import Desk
from service.write.elements import compact, dose_text, instant, meta, narrative, person, printable
from service.write.identity import identifier

TYPE = "List"

_FLAGS = {
    Disposition.CONTINUE: "continue",
    Disposition.CHANGE: "change proposed",
    Disposition.PROPOSE_STOP: "stop proposed",
    Disposition.HOLD: "hold proposed",
    Disposition.ADD: "start proposed",
    Disposition.NOT_SURE: "to clarify",
}


def build(
    desk: Desk, listed: Sequence[Mapping[str, Any]], decisions: Mapping[str, Decision]
) -> dict[str, Any]:
    """The signed list of these medications, in the report's order."""
    at = instant(desk.signing.at)
    tags = [SIGNED, WITHHELD] if desk.withheld else [SIGNED]
    labels = {label for medication in listed for label in statement.labels_of(medication)}
    return compact(
        {
            "resourceType": TYPE,
            "meta": meta(tags, labels),
            "text": narrative(
                "Reconciled medication list",
                [
                    *(_listed(medication, decisions[medication["id"]]) for medication in listed),
                    *_told_beside(desk, listed),
                ],
            ),
            "identifier": [identifier(desk.standing_key(TYPE))],
            "status": "current",
            "mode": "working",
            "title": "Reconciled medication list",
            "code": concept(RECONCILED_LIST),
            "subject": desk.patient_reference(),
            "date": at,
            "source": person(desk.signing.by),
            "note": [{"time": at, "text": " ".join([_basis(desk), *_told_beside(desk, listed)])}],
            "entry": [
                {
                    "flag": concept(text=_FLAGS[decisions[medication["id"]].disposition]),
                    "date": at,
                    "item": desk.ours(
                        statement.TYPE,
                        desk.standing_key(statement.TYPE, medication["id"]),
                        printable(medication["display"]),
                    ),
                }
                for medication in listed
            ],
            "emptyReason": None
            if listed
            else concept(text="No medication was current in any source; a person signed this."),
        }
    )


def draft(desk: Desk, listed: Sequence[Mapping[str, Any]], *, incomplete: bool) -> dict[str, Any]:
    """The list as software sees it: mode snapshot, tagged draft, without the signed list's code."""
    tags = [DRAFT, *([INCOMPLETE] if incomplete else []), *([WITHHELD] if desk.withheld else [])]
    beside = _told_beside(desk, listed)
    labels = {label for medication in listed for label in statement.labels_of(medication)}
    return compact(
        {
            "resourceType": TYPE,
            "meta": meta(tags, labels),
            "text": narrative(
                "Draft medication list, not signed" + (", incomplete" if incomplete else ""),
                [
                    *(f"{m['display']}: {dose_text(m) or 'dose not stated'}" for m in listed),
                    *beside,
                ],
            ),
            "identifier": [identifier(desk.standing_key(TYPE, "draft"))],
            "status": "current",
            "mode": "snapshot",
            "title": "Draft medication list, not signed",
            "subject": desk.patient_reference(),
            "note": [{"text": " ".join([_basis(desk), *beside])}],
            "entry": [
                {
                    "item": desk.ours(
                        statement.TYPE,
                        desk.standing_key(statement.TYPE, m["id"]),
                        printable(m["display"]),
                    )
                }
                for m in listed
            ],
        }
    )


def _listed(medication: Mapping[str, Any], decision: Decision) -> str:
    dose = dose_text(medication) or "dose not stated"
    return f"{medication['display']}: {dose} ({_FLAGS[decision.disposition]})"


def _told_beside(desk: Desk, listed: Sequence[Mapping[str, Any]]) -> list[str]:
    """That something is withheld or must not go on, and the notice that goes with what does."""
    notice = desk.notice(medication["id"] for medication in listed)
    return [text for text in (desk.withholding.said, desk.withholding.stays, notice) if text]


def _basis(desk: Desk) -> str:
    """Which sources on which day with which knowledge."""
    sources = ", ".join(f"{s['name']} ({s['state']})" for s in desk.report["sources"])
    made = desk.report["provenance"]
    words = [
        f"As of {desk.report['as_of']}. Sources: {sources}.",
        f"Knowledge: mappings {made['mappings'][:12]}, RxNorm {made['rxnorm']}.",
        "That nothing is said about a medication does not mean that it is safe.",
    ]
    return printable(" ".join(words))
