"""What of a report must not reach one recipient, each with its reason, and what a permission asks.

A medication is told whole or not at all: one line that must not go holds the others back, as the
dose and the history would give it away. A finding goes only with all that it rests on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from service.model.consent import Consent
from service.model.evidence import Origin
from service.write.codes import RXNORM
from service.write.disclosure import SUBSTANCE_USE, Item, Recipient, disclosure

Labels = Mapping[tuple[str, str], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Withholding:
    """What is held back from one recipient.

    Args:
        reasons: why, by id of the medication or finding.
        medications: how many of them are medications.
        resting_on: consents by which something goes that would not go otherwise.
        noticed: ids of what goes with the notice of 42 CFR 2.32.
    """

    reasons: Mapping[str, str] = field(default_factory=dict)
    medications: int = 0
    resting_on: tuple[Origin, ...] = ()
    noticed: frozenset[str] = frozenset()

    @property
    def said(self) -> str:
        """That something is withheld, in words that tell nothing of it; "" where nothing is."""
        count = self.medications or len(self.reasons)
        if not count:
            return ""
        items = "1 item is" if count == 1 else f"{count} items are"
        return f"{items} withheld from this recipient by consent or label."


def withholding(
    report: Mapping[str, Any],
    recipient: Recipient,
    consents: Sequence[Consent],
    labels: Labels,
) -> Withholding:
    """What of this report must not be told to this recipient, on the report's own day."""
    day = date.fromisoformat(report["as_of"])
    reasons: dict[str, str] = {}
    resting: list[Origin] = []
    noticed: set[str] = set()
    hidden: set[tuple[str, str]] = set()
    for medication in report["medications"]:
        items = [_line(medication, line, labels) for line in medication["lines"]]
        decided = [disclosure(item, recipient, consents, day) for item in items]
        reason = next((one.reason for one in decided if one.reason), "")
        if reason:
            reasons[medication["id"]] = reason
            hidden |= {(item.source, item.reference) for item in items}
            continue
        resting += [origin for one in decided for origin in one.consents]
        if any(item.labels & SUBSTANCE_USE for item in items if item.source != recipient.name):
            noticed.add(medication["id"])
    medications = len(reasons)
    for finding in report["findings"]:
        items = [_fact(fact, labels) for fact in finding["evidence"]]
        decided = [disclosure(item, recipient, consents, day) for item in items]
        held = [reasons[one] for one in finding["medications"] if one in reasons]
        held += [one.reason for one in decided if one.reason]
        if not held and hidden & {(item.source, item.reference) for item in items}:
            held = list(reasons.values())
        if held:
            reasons[finding["id"]] = held[0]
        else:
            resting += [origin for one in decided for origin in one.consents]
    return Withholding(reasons, medications, tuple(dict.fromkeys(resting)), frozenset(noticed))


def recipients(names: Iterable[tuple[str, frozenset[str]]], name: str) -> Recipient:
    """One server as a recipient among all whose organizations are known."""
    parties = tuple(names)
    return Recipient(name, dict(parties).get(name, frozenset()), parties)


def _line(medication: Mapping[str, Any], line: Mapping[str, Any], labels: Labels) -> Item:
    place = line["source"], line["reference"]
    coded = {(c["system"], c["code"]) for c in line["coding"]}
    coded |= {(RXNORM, ingredient["rxcui"]) for ingredient in medication["ingredients"]}
    return Item(
        *place,
        labels=frozenset(line.get("labels", ())) | labels.get(place, frozenset()),
        codes=frozenset(coded),
        day=_day(line["start"] or line["authored"]),
    )


def _fact(fact: Mapping[str, Any], labels: Labels) -> Item:
    place = fact["source"], fact["reference"]
    return Item(*place, labels=labels.get(place, frozenset()), day=_day(fact["date"]))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text[:10]) if text else None
