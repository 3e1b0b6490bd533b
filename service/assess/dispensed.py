"""A dispense against the very order that it fills."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar

from service.assess.amounts import line_amount
from service.assess.answer import Answer, Verdict, listed
from service.assess.chart import Chart
from service.assess.facts import line_fact
from service.assess.rule import Check
from service.assess.value_sets import DrugClass
from service.model.concept import DrugConcept, TermType
from service.model.medication import Kind, MedicationEntry

PRODUCTS = frozenset({TermType.SCD, TermType.SBD, TermType.GPCK, TermType.BPCK, TermType.SCDF})
SAME = Decimal("0.01")
"""Daily doses closer than one percent are the same dose (the catalogue of findings, B1)."""


class DispensedNotAsOrdered(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The last dispense of `drug` differs from its authorizingPrescription.

    In ingredients, in release (immediate or extended), in route or in daily dose. Another strength
    with the same daily dose, or a brand, is no difference. A dispense that names no order, or one
    that was not read, is another rule's question. Looked at within `look_back_days`.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "how", "on"})

    drug: DrugClass
    look_back_days: int

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def can_be_unsure(self) -> bool:
        return False

    def answers(self, chart: Chart) -> Iterator[Answer]:
        orders = {
            (line.entry.origin.source, line.entry.origin.reference): line.entry
            for medication in chart.view.medications
            for line in medication.lines
            if line.entry.kind is Kind.REQUEST
        }
        for exposure in chart.exposures:
            if exposure.ingredient.rxcui not in self.drug.rxcuis:
                continue
            fills = [
                line.entry
                for line in exposure.lines
                if line.entry.kind is Kind.DISPENSE and line.entry.supplied_on is not None
            ]
            if not fills:
                continue
            last = max(fills, key=lambda fill: (fill.supplied_on, fill.origin))
            on = last.supplied_on
            if on is None or (chart.as_of - on).days > self.look_back_days:
                continue
            order = next(
                (o for link in last.links if (o := orders.get((last.origin.source, link)))), None
            )
            differing = _differing(last, order) if order is not None else []
            if order is not None and differing:
                yield Answer(
                    Verdict.MET,
                    words={
                        "drug": exposure.ingredient.name,
                        "how": listed(differing),
                        "on": on.isoformat(),
                    },
                    exposures=(exposure,),
                    evidence=(line_fact(last), line_fact(order)),
                )


def _differing(fill: MedicationEntry, order: MedicationEntry) -> list[str]:
    """How the dispense differs, in words; a drug that nobody can name differs in nothing."""
    given, asked = fill.resolution.drug, order.resolution.drug
    if given is None or asked is None:
        return []
    if given.ingredients != asked.ingredients:
        return [f"{given.name} instead of {asked.name}"]
    said: list[str] = []
    if given.tty in PRODUCTS and asked.tty in PRODUCTS and given.release != asked.release:
        said.append(f"{_release(given)} instead of {_release(asked)}")
    if fill.route and order.route and fill.route != order.route:
        said.append(f"route {fill.route} instead of {order.route}")
    for ingredient in given.ingredients:
        one, other = line_amount(fill, ingredient.rxcui), line_amount(order, ingredient.rxcui)
        if one is None or other is None or one[1] != other[1]:
            continue
        if abs(one[0] - other[0]) > SAME * max(one[0], other[0]):
            said.append(f"{_plain(one)} a day instead of {_plain(other)}")
    return said


def _release(drug: DrugConcept) -> str:
    return {"": "immediate release", "ER": "extended release", "DR": "delayed release"}.get(
        drug.release, drug.release
    )


def _plain(amount: tuple[Decimal, str]) -> str:
    return f"{amount[0].quantize(SAME).normalize():f} {amount[1]}"
