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
from service.write.disclosure import BY_LABEL, HOUSE_ONLY, Audience, Item, Recipient, disclosure
from service.write.labels import PROTECTED, on_substance_use

Labels = Mapping[tuple[str, str], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Withholding:
    """What is held back from one recipient.

    Args:
        reasons: why, by id of the medication or finding.
        medications: how many of them are medications.
        resting_on: consents by which something goes that would not go otherwise.
        noticed: ids of what goes with the notice of 42 CFR 2.32.
        places: resources, as (source, reference), of which nothing is told.
        guarded: how many medications are told although a label protects them.
        house: told to whoever is signed in here, and to nobody else.
        labels: of each resource of the sources that carries any.
    """

    reasons: Mapping[str, str] = field(default_factory=dict)
    medications: int = 0
    resting_on: tuple[Origin, ...] = ()
    noticed: frozenset[str] = frozenset()
    places: frozenset[tuple[str, str]] = frozenset()
    guarded: int = 0
    house: bool = False
    labels: Labels = field(default_factory=dict)

    @property
    def said(self) -> str:
        """How many items are withheld and by what kind of reason, in words that tell nothing of
        them; "" where none is. A finding counts where no medication does."""
        told = list(self.reasons.values())[: self.medications or None]
        if not told:
            return ""
        items = "1 item is" if len(told) == 1 else f"{len(told)} items are"
        labelled = sum(reason in BY_LABEL for reason in told)
        counts = ((labelled, "by label"), (len(told) - labelled, "by consent"))
        kinds = ", ".join(f"{count} {kind}" for count, kind in counts if count)
        return f"{items} withheld from this recipient by consent or label ({kinds})."

    @property
    def stays(self) -> str:
        """That this must not go on, where it is told whole although labels protect some of it."""
        return HOUSE_ONLY if self.house and self.guarded else ""


NOTHING_WITHHELD = Withholding()


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
    guarded = 0
    for medication in report["medications"]:
        items = [_line(medication, line, labels) for line in medication["lines"]]
        decided = [disclosure(item, recipient, consents, day) for item in items]
        reason = next((one.reason for one in decided if one.reason), "")
        if reason:
            reasons[medication["id"]] = reason
            hidden |= {(item.source, item.reference) for item in items}
            continue
        resting += [origin for one in decided for origin in one.consents]
        if any(on_substance_use(item.labels) for item in items if item.source != recipient.name):
            noticed.add(medication["id"])
        if any(item.labels & PROTECTED for item in items):
            guarded += 1
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
    for entry in _beside(report):
        item = Item(*_place(entry), labels.get(_place(entry), frozenset()), day=_day(entry["date"]))
        if disclosure(item, recipient, consents, day).reason:
            hidden.add(_place(entry))
    return Withholding(
        reasons,
        medications,
        tuple(dict.fromkeys(resting)),
        frozenset(noticed),
        frozenset(hidden),
        guarded,
        recipient.audience is Audience.HOUSE,
        labels,
    )


def without(report: Mapping[str, Any], held: Withholding) -> dict[str, Any]:
    """The report as this recipient may see it: what is held back is not in it, nor named by it."""
    if not held.reasons and not held.places:
        return dict(report)
    plan, context = dict(report.get("plan", {})), dict(report.get("context", {}))
    gone = held.reasons.keys()
    for kind in ("calendar", "education", "activities", "goals"):
        plan[kind] = [e for e in plan.get(kind, ()) if gone.isdisjoint(e.get("medications", ()))]
    plan["questions"] = [e for e in plan.get("questions", ()) if e["finding"] not in gone]
    plan["timeline"] = []
    told = {
        kind: [e for e in context.get(kind, ()) if _place(e) not in held.places]
        for kind in ("results", "visits")
    }
    context = {kind: [] for kind in context} | told
    return {
        **report,
        "next_appointment": None
        if _visit(report) in held.places
        else report.get("next_appointment"),
        "medications": [one for one in report["medications"] if one["id"] not in gone],
        "findings": [one for one in report["findings"] if one["id"] not in gone],
        "problems": [one for one in report["problems"] if _place(one) not in held.places],
        "plan": plan,
        "context": context,
    }


def _visit(report: Mapping[str, Any]) -> tuple[str, str]:
    """The place of the next visit; of nothing where none is booked."""
    booked = report.get("next_appointment") or {}
    source, _, reference = str(booked.get("appointment", "")).partition(":")
    return source, reference


def _beside(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Results and contacts that the report tells beside the medications."""
    context = report.get("context", {})
    return [*context.get("results", ()), *context.get("visits", ())]


def _place(one: Mapping[str, Any]) -> tuple[str, str]:
    return one["source"], one["reference"]


def recipients(
    names: Iterable[tuple[str, frozenset[str]]], name: str, audience: Audience = Audience.OTHER
) -> Recipient:
    """One recipient among all whose organizations are known."""
    parties = tuple(names)
    return Recipient(name, dict(parties).get(name, frozenset()), parties, audience)


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
