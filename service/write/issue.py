"""DetectedIssue: one finding as a person judged it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.model.review import MITIGATIONS, Decision, Disposition
from service.write import statement
from service.write.codes import (
    ACT_CODE,
    ACT_CODES,
    DRAFT,
    FINDING_SYSTEM,
    REASON_SYSTEM,
    SIGNED,
    Code,
    concept,
)
from service.write.desk import Desk
from service.write.discrepancy import codings
from service.write.elements import compact, device, instant, meta, narrative, person, printable
from service.write.identity import identifier

TYPE = "DetectedIssue"

_STATUS = {
    Disposition.ACCEPT: "final",
    Disposition.OVERRIDE: "final",
    Disposition.DEFER: "preliminary",
}


def build(desk: Desk, finding: Mapping[str, Any], decision: Decision | None) -> dict[str, Any]:
    """The resource for one finding; its medications are implicated, its facts are evidence.

    Decided, its author is the person who signs; a draft is preliminary and software's own.
    """
    at = instant(desk.signing.at)
    rule = finding["rule"]
    reviewed = "" if rule["reviewed"] else ", not clinically reviewed"
    source = f"Rule {rule['id']} version {rule['version']} ({rule['source']}){reviewed}."
    told = finding["message"], finding["advice"], source, desk.notice(finding["medications"])
    detail = " ".join(part for part in told if part)
    return compact(
        {
            "resourceType": TYPE,
            "meta": meta([SIGNED if decision else DRAFT], labels_of(desk, finding)),
            "text": narrative(finding["title"], [detail, _judged(decision) if decision else ""]),
            "identifier": [identifier(desk.issue_key(finding["id"]))],
            "status": _STATUS[decision.disposition] if decision else "preliminary",
            "code": _code(finding, decision),
            "severity": finding["severity"] if finding["severity"] != "none" else None,
            "patient": desk.patient_reference(),
            "identifiedDateTime": desk.report["as_of"],
            "author": person(desk.signing.by) if decision else device(desk.version),
            "implicated": _implicated(desk, finding),
            "evidence": [
                {"detail": [desk.theirs(*fact)]}
                for fact in dict.fromkeys(
                    (fact["source"], fact["reference"]) for fact in finding["evidence"]
                )
            ],
            "detail": printable(detail),
            "mitigation": [_mitigation(decision, at)] if decision else None,
        }
    )


def _code(finding: Mapping[str, Any], decision: Decision | None) -> dict[str, Any]:
    codes = [Code(FINDING_SYSTEM, finding["type"], finding["type"].replace("-", " "))]
    act = finding.get("act_code") or ""
    if act in ACT_CODES:
        codes.insert(0, Code(ACT_CODE, act, ACT_CODES[act]))
    intentional = decision.intentional if decision else None
    codes += codings(finding["type"], intentional=intentional)
    return concept(*codes, text=printable(finding["title"]))


def _implicated(desk: Desk, finding: Mapping[str, Any]) -> list[dict[str, Any]]:
    named = {m["id"]: m for m in desk.report["medications"] if m["id"] in finding["medications"]}
    return [
        desk.ours(
            statement.TYPE,
            desk.standing_key(statement.TYPE, medication["id"]),
            printable(medication["display"]),
        )
        for medication in named.values()
    ]


def labels_of(desk: Desk, finding: Mapping[str, Any]) -> frozenset[str]:
    """Labels of every medication and every fact that a finding is about."""
    medications = frozenset(
        label
        for medication in desk.report["medications"]
        if medication["id"] in finding["medications"]
        for label in statement.labels_of(medication)
    )
    facts = ((fact["source"], fact["reference"]) for fact in finding["evidence"])
    return medications.union(*(desk.known.labels.get(place, frozenset()) for place in facts))


def stems(report: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """What each finding is about, apart from its words and values, so that a later run knows it.

    By rule and medications; where one rule says several things of the same medications, all but the
    first are told apart by their sources, and by their order where these are the same too.
    """
    found: dict[str, tuple[str, ...]] = {}
    taken: set[tuple[str, ...]] = set()
    for finding in sorted(report["findings"], key=lambda one: (sorted(one["sources"]), one["id"])):
        about = (finding["type"], finding["rule"]["id"], *sorted(finding["medications"]))
        apart = (*about, "of", *sorted(finding["sources"]))
        number = 1
        stem = about if about not in taken else apart
        while stem in taken:
            number += 1
            stem = (*apart, str(number))
        taken.add(stem)
        found[finding["id"]] = stem
    return found


def _judged(decision: Decision) -> str:
    words = {
        Disposition.ACCEPT: "Accepted",
        Disposition.OVERRIDE: "Set aside",
        Disposition.DEFER: "Deferred",
    }
    said = words[decision.disposition]
    return f"{said}: {decision.reason}" if decision.reason else said


def _mitigation(decision: Decision, at: str) -> dict[str, Any]:
    codes = []
    if decision.mitigation:
        code = decision.mitigation
        codes.append(Code(ACT_CODE, code, MITIGATIONS[code]))
    if decision.reason_code:
        words = decision.reason_code.replace("-", " ")
        codes.append(Code(REASON_SYSTEM, decision.reason_code, words))
    return {
        "action": concept(*codes, text=printable(_judged(decision))),
        "date": at,
        "author": person(decision.by),
    }
