"""What is put into a patient so that a finding is due: families A and B, each with its labels.

GOLD.md says for every type what is written here and why the label is right.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.benchmarks.reconciliation.chart import (
    EHRS,
    OTHER_STORE,
    PHARMACY,
    PRIMARY,
    PSYCHIATRY,
    Chart,
    Therapy,
    ago,
)
from tests.benchmarks.reconciliation.directions import Take
from tests.benchmarks.reconciliation.drugs import Drug, Product

Injection = Callable[[Chart], None]
AS_NEEDED = {
    "hydroxyzine": "anxiety",
    "lorazepam": "anxiety",
    "clonazepam": "anxiety",
    "diazepam": "anxiety",
    "trazodone": "sleep",
    "zolpidem": "sleep",
    "propranolol": "anxiety",
}


def differing(
    chart: Chart, drug: Drug, take: Take, other: Take, *, source: str = "", agreement: str = "none"
) -> tuple[Therapy, str]:
    """A therapy that every list holds as `take`, but one EHR as `other`; returns that EHR."""
    source = source or chart.rng.choice(EHRS)
    therapy = chart.therapy(drug, take, takes={source: other}, agreement=agreement)
    chart.write(therapy)
    return therapy, source


def salt_variant(chart: Chart) -> None:
    """A3: hydrochloride against pamoate, or divalproex against valproic acid."""
    drug = chart.pick(keys=("hydroxyzine", "valproate"))
    if drug.key == "hydroxyzine":
        take = chart.take(drug)
        twin = _strength(drug, take.product.strengths[0], "pamoate")
        _, source = differing(chart, drug, take, take.changed(product=twin))
    else:
        take = Take(_strength(drug, Decimal(500), "divalproex"), Decimal(1), 2)
        acid = Take(_strength(drug, Decimal(250), "valproic"), Decimal(2), 2)
        _, source = differing(chart, drug, take, acid)
        chart.label("form-mismatch", drug.ingredients, source)
    chart.label("salt-or-moiety-variant", drug.ingredients, source)


def _strength(drug: Drug, value: Decimal, salt: str) -> Product:
    return next(p for p in drug.products if p.strengths[0] == value and salt in p.name)


def dose_mismatch(chart: Chart) -> None:
    """B1: another strength, another count, or the pharmacy still fills another strength."""
    drug = chart.pick(want=lambda d: len(d.usual) > 1 and len(d.ingredients) == 1)
    take = chart.take(drug).changed(count=Decimal(1))
    others = [p for p in drug.usual if p.strengths != take.product.strengths]
    other = take.changed(product=chart.rng.choice(others))
    if chart.rng.random() < 0.25:
        other = take.changed(count=Decimal(2))
    source = chart.rng.choice((*EHRS, *EHRS, PHARMACY))
    differing(chart, drug, take, other, source=source)
    chart.label("dose-mismatch", drug.ingredients, source)


def frequency_mismatch(chart: Chart) -> None:
    """B2: the same amount a day, once or divided."""
    drug = chart.pick(
        groups=("other", "anxiolytic", "mood-stabilizer", "stimulant", "antipsychotic"),
        want=lambda d: d.times == 2 and len(d.ingredients) == 1,
    )
    divided = chart.take(drug).changed(count=Decimal(1))
    once = divided.changed(count=Decimal(2), times=1)
    _, source = differing(chart, drug, divided, once)
    chart.label("frequency-mismatch", drug.ingredients, source)


def route_mismatch(chart: Chart) -> None:
    """B3: swallowed on one list, under the tongue on the other, both as structure."""
    drug = chart.pick(keys=("lorazepam", "clonazepam", "zolpidem"))
    take = chart.take(drug)
    _, source = differing(chart, drug, take, take.changed(route="sublingual"))
    chart.label("route-mismatch", drug.ingredients, source)


def form_mismatch(chart: Chart) -> None:
    """B4: the same amount a day as immediate and as extended, delayed or disintegrating."""
    choices = {
        "venlafaxine": (("75", 1, 1), ("37.5", 1, 2)),
        "bupropion": (("300", 1, 1), ("100", 1, 3)),
        "quetiapine": (("300", 1, 1), ("300", 1, 1)),
        "lamotrigine": (("100", 1, 1), ("100", 1, 1)),
        "lithium": (("300", 1, 2), ("300", 1, 2)),
        "carbamazepine": (("200", 1, 2), ("200", 1, 2)),
        "mirtazapine": (("15", 1, 1), ("15", 1, 1)),
        "olanzapine": (("10", 1, 1), ("10", 1, 1)),
        "risperidone": (("1", 1, 2), ("1", 1, 2)),
        "clonazepam": (("0.5", 1, 2), ("0.5", 1, 2)),
    }
    drug = chart.pick(keys=choices)
    (mg, count, times), (mg2, count2, times2) = choices[drug.key]
    usual = next(p for p in drug.usual if p.strengths[0] == Decimal(mg))
    others = [
        p for p in drug.products if p.release != usual.release and p.strengths[0] == Decimal(mg2)
    ]
    take = Take(usual, Decimal(count), times)
    other = Take(chart.rng.choice(others), Decimal(count2), times2)
    _, source = differing(chart, drug, take, other)
    chart.label("form-mismatch", drug.ingredients, source)
    if times != times2:
        chart.allow("frequency-mismatch", drug.ingredients, "immediate release is taken oftener")


def as_needed_mismatch(chart: Chart) -> None:
    """B5: as needed on one list, at fixed times on the other."""
    drug = chart.pick(keys=AS_NEEDED)
    take = chart.take(drug)
    _, source = differing(chart, drug, take, take.changed(as_needed=AS_NEEDED[drug.key]))
    chart.label("prn-versus-scheduled", drug.ingredients, source)


def indication_mismatch(chart: Chart) -> None:
    """B6: two reasons that are not one; sometimes no reason on any list, which may be said."""
    drug = chart.pick()
    therapy = chart.therapy(drug, chart.take(drug), agreement="allowed")
    if chart.rng.random() < 0.2:
        chart.write(therapy, reasons={})
        chart.allow("indication-mismatch", drug.ingredients, "no list says why")
        return
    other = chart.rng.choice([r for r in ("G47.00", "G43.909", "F41.1", "I10") if r != drug.reason])
    second = PRIMARY if therapy.owner == PSYCHIATRY else PSYCHIATRY
    chart.write(therapy, reasons={therapy.owner: drug.reason, second: other})
    chart.label("indication-mismatch", drug.ingredients, *EHRS)


def prescriber_mismatch(chart: Chart) -> None:
    """B7: an order on each EHR's own server, each by another prescriber."""
    drug = chart.pick()
    take = chart.take(drug)
    therapy = chart.therapy(drug, take, agreement="allowed")
    second = PRIMARY if therapy.owner == PSYCHIATRY else PSYCHIATRY
    chart.write(therapy, but=(second,))
    chart.request(
        second, drug, take, authored=ago(therapy.statements), brand=therapy.brands[second]
    )
    chart.label("prescriber-mismatch", drug.ingredients, *EHRS)
    chart.allow("duplicate-same-drug", drug.ingredients, "two orders of one drug run side by side")


def two_pharmacies(chart: Chart) -> None:
    """B8: fills of one drug at two pharmacies whose days overlap."""
    drug = chart.pick()
    take = chart.take(drug)
    therapy = chart.write(chart.therapy(drug, take, agreement="allowed"), last_fill=6)
    for day in (12, 42):
        chart.dispense(drug, take, on=ago(day), brand=therapy.brands[PHARMACY], store=OTHER_STORE)
    chart.label("poly-pharmacy-supply", drug.ingredients, PHARMACY)
    chart.allow("duplicate-same-drug", drug.ingredients, "two streams of supply run side by side")


FAMILY_AB: dict[str, Injection] = {
    "salt-or-moiety-variant": salt_variant,
    "dose-mismatch": dose_mismatch,
    "frequency-mismatch": frequency_mismatch,
    "route-mismatch": route_mismatch,
    "form-mismatch": form_mismatch,
    "prn-versus-scheduled": as_needed_mismatch,
    "indication-mismatch": indication_mismatch,
    "prescriber-mismatch": prescriber_mismatch,
    "poly-pharmacy-supply": two_pharmacies,
}
