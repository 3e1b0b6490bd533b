"""Liquids, patches, inhalers and tapers: what they are, and how servers write their doses.

The second family of patients, beside the frozen first one. Drugs are rows of forms.tsv (RxNorm's
public names, spellings as sandbox payloads and pharmacy labels have them); doses are written as
words, as counts, as amounts and as hourly rates of the same daily amount.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from tests.benchmarks.reconciliation.directions import ABBREVIATION, UCUM
from tests.benchmarks.reconciliation.drugs import rows
from tests.benchmarks.reconciliation.spelling import RXNORM, plain

_LATIN = {1: "daily", 2: "bid", 3: "tid"}
_CODES = {1: "QD", 2: "BID", 3: "TID"}
_CHANGED = {"fentanyl": 3, "clonidine": 7}
_TAPERS = {
    "prednisone": ((4, 3), (3, 3), (2, 3), (1, 3)),
    "lamotrigine": ((1, 14), (2, 14), (4, 0)),
}


@dataclass(frozen=True)
class Form:
    """One product: what a mL, an hour, a puff or a tablet of it gives in mg."""

    drug: str
    group: str
    kind: str
    reason: str
    rxcui: str
    name: str
    mg: Decimal
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Amount:
    """What is taken: mL, puffs, or patches, so many times a day; of tapers the steps."""

    form: Form
    count: Decimal = Decimal(1)
    times: int = 1
    steps: tuple[tuple[int, int], ...] = field(default=())


@cache
def forms() -> dict[str, dict[str, Form]]:
    """Products by drug and level ("low", "high")."""
    found: dict[str, dict[str, Form]] = {}
    for row in rows("forms.tsv"):
        form = Form(
            row["drug"], row["group"], row["kind"], row["reason"], row["rxcui"], row["name"],
            Decimal(row["mg"]), tuple(row["texts"].split("|")),
        )  # fmt: skip
        found.setdefault(form.drug, {})[row["level"]] = form
    return found


def usual(drug: str, rng: random.Random) -> Amount:
    """A usual dose of a drug."""
    form = forms()[drug]["low"]
    if form.kind == "patch":
        return Amount(form)
    if form.kind == "taper":
        return Amount(form, steps=_TAPERS[drug])
    if form.kind == "inhaler":
        return Amount(form, Decimal(2), 2)
    return Amount(form, Decimal(rng.choice((5, 10))), rng.choice((1, 2)))


def medication(form: Form, source: str, rng: random.Random) -> dict[str, Any]:
    """medicationCodeableConcept as a server of this kind writes it."""
    coded = {"system": RXNORM, "code": form.rxcui, "display": form.name}
    text = rng.choice(form.texts)
    if source == "pharmacy":
        text = next(one for one in form.texts if one.isupper()) if form.kind != "taper" else text
        concept: dict[str, Any] = {"coding": [coded] if rng.random() < 0.4 else [], "text": text}
    elif source == "patient" or rng.random() < 0.35:
        concept = {"coding": [], "text": text}
    else:
        concept = {"coding": [coded], "text": rng.choice((text, form.name))}
    if not concept["coding"]:
        del concept["coding"]
    return {"medicationCodeableConcept": concept}


def dosages(amount: Amount, rng: random.Random) -> list[Any]:
    """dosageInstruction: words alone, or structure with or without words, drawn."""
    if amount.steps:
        return _taper(amount, rng)
    if rng.random() < 0.4:
        return [{"text": said(amount, rng)}]
    found = structure(amount, rng)
    if rng.random() < 0.5:
        found["text"] = said(amount, rng)
    return [found]


def said(amount: Amount, rng: random.Random) -> str:
    """The directions in words."""
    count, times, form = plain(amount.count), amount.times, amount.form
    if form.kind == "patch":
        days = _CHANGED.get(form.drug, 1)
        every = {1: "daily", 3: "every 72 hours", 7: "every 7 days"}[days]
        many = "patches" if amount.count > 1 else "patch"
        return rng.choice(
            (
                f"apply {count} {many} {every}",
                f"Place {count} {many} onto the skin {every}.",
                f"Apply {count} {many} to skin {every}, remove old {many}",
            )
        )
    often = {1: "once daily", 2: "twice daily", 3: "three times daily"}[times]
    if form.kind == "inhaler":
        return rng.choice(
            (f"Inhale {count} puffs by mouth {often}", f"{count} puffs {_LATIN[times]}")
        )
    spoons = {"5": "1 teaspoon", "10": "2 teaspoons"}.get(count, f"{count} mL")
    mg = plain(amount.count * form.mg)
    return rng.choice(
        (
            f"Take {count} mL by mouth {often}",
            f"{count} ml po {_LATIN[times]}",
            f"Take {count} mL ({mg} mg total) by mouth {often}.",
            f"take {spoons} {often}",
        )
    )


def structure(amount: Amount, rng: random.Random) -> dict[str, Any]:
    """timing and doseAndRate: counts, mg, or what a patch gives in an hour."""
    form = amount.form
    if form.kind == "patch":
        days = _CHANGED.get(form.drug, 1)
        repeat: dict[str, Any] = {"frequency": 1, "period": days, "periodUnit": "d"}
        if days == 3 and rng.random() < 0.5:
            repeat = {"frequency": 1, "period": 72, "periodUnit": "h"}
        dose = _quantity(amount.count, "patch", "")
        if form.drug == "fentanyl" and rng.random() < 0.4:
            dose = _quantity(amount.count * form.mg * 1000, "mcg/h", "ug/h")
        return {"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": dose}]}
    timing: dict[str, Any] = {"repeat": {"frequency": amount.times, "period": 1, "periodUnit": "d"}}
    if rng.random() < 0.3:
        code = {"system": ABBREVIATION, "code": _CODES[amount.times]}
        timing = {"code": {"coding": [code]}}
    dose = _quantity(amount.count, "puff", "")
    if form.kind == "liquid":
        dose = _quantity(amount.count, "mL", "mL")
        if rng.random() < 0.4:
            dose = _quantity(amount.count * form.mg, "mg", "mg")
    return {"timing": timing, "doseAndRate": [{"doseQuantity": dose}]}


def _taper(amount: Amount, rng: random.Random) -> list[dict[str, Any]]:
    steps = amount.steps
    if rng.random() < 0.5:
        parts = [
            f"{count} {'tablets' if count > 1 else 'tablet'} daily"
            + (f" for {days} days" if days else "")
            for count, days in steps
        ]
        return [{"text": "Take " + rng.choice((", then ", " THEN ")).join(parts)}]
    found = []
    for number, (count, days) in enumerate(steps, start=1):
        repeat: dict[str, Any] = {"frequency": 1, "period": 1, "periodUnit": "d"}
        if days:
            repeat["boundsDuration"] = _quantity(Decimal(days), "days", "d")
        dose = _quantity(Decimal(count), "tablet", "")
        found.append(
            {
                "sequence": number,
                "timing": {"repeat": repeat},
                "doseAndRate": [{"doseQuantity": dose}],
            }
        )
    return found


def supplied(amount: Amount) -> tuple[dict[str, Any], int]:
    """Quantity and days of one fill."""
    if amount.form.kind == "patch":
        days = _CHANGED.get(amount.form.drug, 1)
        return _quantity(amount.count * (28 // days or 1), "patch", ""), 28 // days * days
    if amount.form.kind == "inhaler":
        return _quantity(amount.count * amount.times * 30, "puff", ""), 30
    if amount.steps:
        return _quantity(Decimal(sum(c * (d or 14) for c, d in amount.steps)), "tablet", ""), 42
    return _quantity(amount.count * amount.times * 30, "mL", "mL"), 30


def _quantity(value: Decimal, unit: str, code: str) -> dict[str, Any]:
    number = int(value) if value == value.to_integral_value() else float(value)
    return {"value": number, "unit": unit} | ({"system": UCUM, "code": code} if code else {})
