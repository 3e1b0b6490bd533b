"""The findings as a page shows them: gravest first, those that ask nothing folded and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from service.web.language import counted
from service.web.patient.decisions import Decided
from service.web.words import first_upper

Finding = Mapping[str, Any]


def asks(finding: Finding) -> bool:
    """Whether a person decides on it: it is shown and more than an agreement."""
    return bool(finding["bucket"] == "shown" and finding["severity"] != "none")


def as_shown(
    finding: Finding, decided: Decided, address: Callable[[Finding], str]
) -> dict[str, Any]:
    """One finding with its evidence's addresses and its decision.

    `advice_named` is whether the advice needs a word before it that says it is one.
    """
    title = first_upper(finding["title"])
    return {
        **finding,
        "title": title,
        "message": first_upper(finding["message"]),
        "label": title,
        "advice_named": not finding["advice"].startswith("Consider"),
        "evidence": [{**fact, "href": address(fact)} for fact in finding["evidence"]],
        "error": "",
        "decision": decided,
        "choices": asks(finding),
        "difference": finding["rule"]["id"].startswith("reconcile/"),
        "kind": "finding",
    }


def others(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    """What a reviewer can open besides, each kind with its words and how many: what cannot be told,
    suppressed ones, agreements."""
    untold = [one for one in findings if one["bucket"] == "not-evaluable"]
    suppressed = [one for one in findings if one["bucket"] == "suppressed"]
    agreements = [one for one in findings if one["bucket"] == "shown" and not asks(one)]
    found = [
        (
            counted(
                "{count} cannot be told (data missing; not the same as safe)",
                "{count} cannot be told (data missing; not the same as safe)",
                len(untold),
            ),
            untold,
        ),
        (counted("{count} suppressed", "{count} suppressed", len(suppressed)), suppressed),
        (counted("{count} agreement", "{count} agreements", len(agreements)), agreements),
    ]
    return [(words, own) for words, own in found if own]
