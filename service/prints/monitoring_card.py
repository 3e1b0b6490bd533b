"""The card for drugs that need watching: what is due and when, with room to write.

Lithium: NICE CG185 (2014, updated 2023). Clozapine: US prescribing information, absolute neutrophil
count. Injections: the interval of the order itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from service.prints.material import Material, Stamp, dose, is_depot, stamp
from service.prints.words import ENGLISH, Words
from service.review.items import is_live, names

WATCHED = {
    "6448": (
        "NICE CG185 (2014, updated 2023)",
        ("lithium level", "eGFR", "TSH", "calcium", "weight"),
    ),
    "2626": ("US clozapine label, section 2.4", ("absolute neutrophil count",)),
}
"""Ingredient (RxNorm IN: 6448 lithium, 2626 clozapine) -> source, and what is measured."""

_WATCHING = ("monitoring/", "injection/", "lab/")


@dataclass(frozen=True, slots=True)
class Watched:
    """One drug. `next` is when the next injection falls due; `said` are findings about watching."""

    drug: str
    dose: str
    tests: tuple[str, ...]
    source: str
    last: str
    next: str
    said: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MonitoringCard:
    """The card; `drugs` is empty when nothing on the list needs one."""

    stamp: Stamp
    drugs: tuple[Watched, ...]
    appointment: str


def monitoring_card(material: Material, words: Words = ENGLISH) -> MonitoringCard:
    """The card of this list: lithium, clozapine, and every long-acting injection."""
    drugs = []
    for medication in material.medications:
        if not is_live(medication):
            continue
        known = [WATCHED[rxcui] for rxcui in sorted(names(medication)) if rxcui in WATCHED]
        if known or is_depot(medication):
            drugs.append(_watched(material, medication, known, words))
    visit = material.report.get("next_appointment")
    with_whom = ", ".join(visit.get("with", ())) if visit else ""
    return MonitoringCard(
        stamp=stamp(material, words),
        drugs=tuple(drugs),
        appointment=f"{visit['date']} {with_whom}".strip() if visit else "",
    )


def _watched(
    material: Material,
    medication: Mapping[str, Any],
    known: list[tuple[str, tuple[str, ...]]],
    words: Words,
) -> Watched:
    given = [line for line in medication["lines"] if line["last_supplied"]]
    last = max((line["last_supplied"] for line in given), default="")
    interval = next(
        (line["interval_d"] for line in medication["lines"] if line["interval_d"]), None
    )
    following = ""
    if is_depot(medication) and last and interval:
        days = int(Decimal(str(interval)))
        following = (date.fromisoformat(last) + timedelta(days=days)).isoformat()
    depot = is_depot(medication)
    ordered = [line for line in medication["lines"] if line["interval_d"] or not depot]
    amounts = dict.fromkeys(
        dose(line, words, depot=depot) for line in ordered or medication["lines"]
    )
    return Watched(
        drug=medication["display"],
        dose="; ".join(amount for amount in amounts if amount),
        tests=tuple(test for _, tests in known for test in tests),
        source="; ".join(source for source, _ in known),
        last=last,
        next=following,
        said=tuple(
            (finding["title"], finding["due"] or "")
            for finding in material.findings
            if medication["id"] in finding["medications"]
            and finding["rule"]["id"].startswith(_WATCHING)
        ),
    )
