"""Patients with liquids, patches, inhalers and tapers from a seed: the second, separate family.

The first family (generate) stays as it was frozen, so that its figures can be compared.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.benchmarks.reconciliation.chart import EHRS, PHARMACY, Chart, ago, coded_reason
from tests.benchmarks.reconciliation.forms import (
    Amount,
    dosages,
    forms,
    medication,
    said,
    structure,
    supplied,
    usual,
)
from tests.benchmarks.reconciliation.frozen import digest
from tests.benchmarks.reconciliation.gold import Case, Gold

DEVELOPMENT_SEEDS = (31, 32, 33)
HELD_OUT_SEEDS = (9001, 9002, 9003)
"""For results only: nobody looks at their patients."""

CLEAN_SHARE = 0.3
TYPES = (
    "confirmed-match",
    "dose-mismatch",
    "frequency-mismatch",
    "prn-versus-scheduled",
    "text-structure-conflict",
)
FROZEN_PATIENTS, FROZEN_SEED = 60, 31


class FormChart(Chart):
    """A chart of these products: every list holds each of them."""

    def begin(self, drug: str) -> None:
        """Takes a drug up; each group of drugs once."""
        group = next(iter(forms()[drug].values())).group
        if group in self.groups:
            raise LookupError(group)
        self.groups.add(group)

    def hold(
        self,
        amount: Amount,
        *,
        other: tuple[str, Amount] | None = None,
        written: Mapping[str, list[Any]] | None = None,
    ) -> None:
        """The therapy on every list; `other` is what one list holds instead, `written`
        how a list writes it down."""
        owner = self.rng.choice(EHRS)
        began = 5 if amount.form.drug == "prednisone" else 18 if amount.steps else 90
        for source in self.data:
            taken = other[1] if other and other[0] == source else amount
            directions = (written or {}).get(source) or dosages(taken, self.rng)
            self._write(source, taken, owner, began, directions)

    def _write(
        self, source: str, taken: Amount, owner: str, began: int, directions: list[Any]
    ) -> None:
        named = medication(taken.form, source, self.rng)
        if source == PHARMACY:
            quantity, days = supplied(taken)
            self.add(
                source,
                {
                    "resourceType": "MedicationDispense",
                    "id": self.id("rd"),
                    "status": "completed",
                    **named,
                    "quantity": quantity,
                    "daysSupply": {"value": days, "unit": "days"},
                    "whenHandedOver": ago(began if taken.steps else 6).isoformat(),
                    "dosageInstruction": directions,
                },
            )
        elif source == owner:
            self.add(
                source,
                {
                    "resourceType": "MedicationRequest",
                    "id": self.id("rx"),
                    "status": "active",
                    "intent": "order",
                    **named,
                    "authoredOn": ago(began).isoformat(),
                    "requester": {"display": "Dr. Miriam Okafor"},
                    "reasonCode": [coded_reason(taken.form.reason)],
                    "dosageInstruction": directions,
                },
            )
        else:
            self.add(
                source,
                {
                    "resourceType": "MedicationStatement",
                    "id": self.id("ms"),
                    "status": "active",
                    **named,
                    "effectivePeriod": {"start": ago(began).isoformat()},
                    "dateAsserted": ago(min(began, 10)).isoformat(),
                    "dosage": directions,
                },
            )

    def agree(self, drug: str) -> None:
        """All lists hold the same amount, each in its own writing."""
        self.gold.append(
            Gold(("confirmed-match", "equivalent-product"), frozenset({drug}), frozenset(self.data))
        )


def agreeing(chart: FormChart, drug: str) -> None:
    chart.begin(drug)
    chart.hold(usual(drug, chart.rng))
    chart.agree(drug)


def other_dose(chart: FormChart, drug: str) -> None:
    """B1: another patch, another volume, another number of puffs, another taper."""
    chart.begin(drug)
    amount = usual(drug, chart.rng)
    if amount.form.kind == "patch":
        different = replace(amount, form=forms()[drug]["high"])
    elif amount.steps:
        different = replace(amount, steps=tuple((c * 2, d) for c, d in amount.steps))
    else:
        different = replace(amount, count=amount.count * 2)
    source = chart.rng.choice(EHRS)
    chart.hold(amount, other=(source, different))
    chart.label("dose-mismatch", {drug}, source)


def other_times(chart: FormChart, drug: str) -> None:
    """B2: the same volume a day, at once or divided."""
    if next(iter(forms()[drug].values())).kind != "liquid":
        raise LookupError(drug)
    chart.begin(drug)
    amount = replace(usual(drug, chart.rng), count=Decimal(5), times=2)
    source = chart.rng.choice(EHRS)
    chart.hold(amount, other=(source, replace(amount, count=Decimal(10), times=1)))
    chart.label("frequency-mismatch", {drug}, source)


def as_needed(chart: FormChart, drug: str) -> None:
    """B5: at fixed times on every list but one."""
    if next(iter(forms()[drug].values())).kind not in ("liquid", "inhaler"):
        raise LookupError(drug)
    chart.begin(drug)
    amount, source = usual(drug, chart.rng), chart.rng.choice(EHRS)
    needed = {"text": said(amount, chart.rng).rstrip(".") + " as needed"}
    chart.hold(amount, written={source: [needed]})
    chart.label("prn-versus-scheduled", {drug}, source)


def contradiction(chart: FormChart, drug: str) -> None:
    """C8: the structure gives another number of mL or puffs than its own words."""
    if next(iter(forms()[drug].values())).kind not in ("liquid", "inhaler"):
        raise LookupError(drug)
    chart.begin(drug)
    amount, source = usual(drug, chart.rng), chart.rng.choice(EHRS)
    written = structure(amount, chart.rng)
    written["text"] = said(replace(amount, count=amount.count * 2), chart.rng)
    chart.hold(amount, written={source: [written]})
    chart.label("text-structure-conflict", {drug}, source)


INJECTIONS: dict[str, Callable[[FormChart, str], None]] = {
    "dose-mismatch": other_dose,
    "frequency-mismatch": other_times,
    "prn-versus-scheduled": as_needed,
    "text-structure-conflict": contradiction,
}


def form_cases(patients: int, seed: int) -> list[Case]:
    """That many patients; three in ten are clean, the others take the types in turn."""
    clean = round(patients * CLEAN_SHARE)
    due = list(INJECTIONS)
    found = []
    for number in range(patients):
        rng = random.Random(f"forms {seed} {number}")
        chart = FormChart(f"f{seed}-{number:04d}", rng)
        drugs = rng.sample([*forms()], len(forms()))
        if number >= clean:
            name = due[number % len(due)]
            _first(chart, drugs, INJECTIONS[name])
            chart.story.append(name)
        for _ in range(rng.randint(2, 4)):
            _first(chart, drugs, agreeing)
        found.append(chart.case())
    return found


def _first(chart: FormChart, drugs: list[str], add: Callable[[FormChart, str], None]) -> None:
    """Adds it with the first drug that it fits."""
    for drug in list(drugs):
        try:
            add(chart, drug)
        except LookupError:
            continue
        drugs.remove(drug)
        return


def frozen_digest() -> str:
    """A hash of development patients with their labels."""
    return hashlib.sha256(digest(form_cases(FROZEN_PATIENTS, FROZEN_SEED)).encode()).hexdigest()
