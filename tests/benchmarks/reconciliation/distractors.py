"""What looks like a finding and is none. Each adds a therapy, or what is left of one."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.benchmarks.reconciliation.chart import (
    AS_OF,
    EHRS,
    PATIENT,
    PHARMACY,
    PRIMARY,
    PSYCHIATRY,
    Chart,
    ago,
)
from tests.benchmarks.reconciliation.directions import Take, dosage
from tests.benchmarks.reconciliation.drugs import drugs
from tests.benchmarks.reconciliation.injections import AS_NEEDED

Distractor = Callable[[Chart], None]
TAPERS = (
    ("sertraline", "venlafaxine"),
    ("citalopram", "duloxetine"),
    ("olanzapine", "lurasidone"),
    ("risperidone", "aripiprazole"),
)


def renewal(chart: Chart) -> None:
    """The order was renewed: the old one is completed, the new one the same."""
    drug = chart.pick()
    therapy = chart.everywhere(drug)
    owner = therapy.owner
    chart.request(
        owner, drug, therapy.takes[owner], authored=ago(therapy.since + 180), status="completed",
        brand=therapy.brands[owner], end=ago(therapy.since), reason=drug.reason,
    )  # fmt: skip
    chart.fills(therapy, last=therapy.since + 5, since=therapy.since + 180)


def brand_change(chart: Chart) -> None:
    """The brand was ordered and filled before, the generic since."""
    drug = chart.pick(want=lambda d: bool(d.brand) and all(d.branded(p) for p in d.usual))
    therapy = chart.everywhere(drug, brands=dict.fromkeys((*EHRS, PHARMACY, PATIENT), False))
    owner = therapy.owner
    chart.request(
        owner, drug, therapy.takes[owner], authored=ago(therapy.since + 150), status="completed",
        brand=True, end=ago(therapy.since), reason=drug.reason,
    )  # fmt: skip
    chart.fills(therapy, last=therapy.since + 5, since=therapy.since + 150, brand=True)


def past_titration(chart: Chart) -> None:
    """The lower dose of the start was stopped when the higher one began."""
    drug = chart.pick(want=lambda d: len(d.usual) > 1 and len(d.ingredients) == 1)
    low, high = sorted(chart.rng.sample(drug.usual, 2), key=lambda p: p.strengths)
    take = chart.take(drug).changed(product=high)
    therapy = chart.write(chart.therapy(drug, take))
    owner, start = therapy.owner, therapy.since + chart.rng.choice((14, 28))
    chart.request(
        owner, drug, take.changed(product=low), authored=ago(start), reason=drug.reason,
        status=chart.rng.choice(("stopped", "completed")), end=ago(therapy.since),
    )  # fmt: skip
    chart.dispense(drug, take.changed(product=low), on=ago(start), days=start - therapy.since)


def split_regimen(chart: Chart) -> None:
    """A small dose in the morning and a larger one at night: two orders of one day, one therapy."""
    drug = chart.pick(keys=("quetiapine", "clozapine", "carbamazepine", "topiramate", "gabapentin",
                            "warfarin"), want=lambda d: len(d.usual) > 1)  # fmt: skip
    low, high = sorted(chart.rng.sample(drug.usual, 2), key=lambda p: p.strengths)
    therapy = chart.therapy(drug, Take(high, Decimal(1), 1, "HS"), agreement="required",
                            brands=dict.fromkeys((*EHRS, PHARMACY, PATIENT), False))  # fmt: skip
    last = chart.rng.randint(2, 20)
    for take in (Take(low, Decimal(1), 1, "MORN"), Take(high, Decimal(1), 1, "HS")):
        directions = dosage(take, chart.rng, shape="count")
        time = "in the morning" if take.when == "MORN" else "at bedtime"
        directions["text"] = f"Take 1 {take.product.unit} by mouth {time}"
        for source in therapy.takes:
            if source == PHARMACY:
                for day in range(last, therapy.since, 30):
                    chart.dispense(drug, take, on=ago(day), label=False)
            elif source == therapy.owner:
                chart.request(
                    source, drug, take, authored=ago(therapy.since), reason=drug.reason,
                    directions=[directions],
                )  # fmt: skip
            else:
                chart.statement(
                    source, drug, take, asserted=ago(therapy.statements),
                    start=ago(therapy.since), directions=[directions],
                )  # fmt: skip


def cross_taper(chart: Chart) -> None:
    """From one drug to another of its class: planned, with an end, and written down as such."""
    keys = chart.rng.choice(TAPERS)
    old, new = (drugs()[key] for key in keys)
    for drug in (old, new):
        if drug.ingredients & chart.ingredients or chart.classes(drug) & chart.groups:
            raise LookupError("class taken")
    chart.take_up(old)
    chart.take_up(new)
    plain = dict.fromkeys((*EHRS, PHARMACY, PATIENT), False)
    first = Take(old.usual[0], Decimal(1), old.times)
    fading = chart.therapy(old, first, brands=plain, owner=PSYCHIATRY, agreement="required")
    fading.since, fading.statements = 8, 5
    note = [{"text": f"Cross-taper from {old.key} to {new.key}: {old.key} ends in two weeks."}]
    end = AS_OF + (AS_OF - ago(10))
    for source in (s for s in fading.takes if s != PHARMACY):
        if source == PSYCHIATRY:
            chart.request(
                source, old, first, authored=ago(8), end=end, reason=old.reason, note=note
            )
        else:
            chart.statement(source, old, first, asserted=ago(5), start=ago(8), end=end, note=note)
    chart.dispense(old, first, on=ago(7), days=21)
    before = first.changed(count=Decimal(2))
    chart.request(
        PSYCHIATRY, old, before, authored=ago(210), end=ago(8), status="completed",
        reason=old.reason,
    )  # fmt: skip
    for day in range(38, 200, 30):
        chart.dispense(old, before, on=ago(day))
    second = Take(new.usual[0], Decimal(1), new.times)
    rising = chart.therapy(new, second, brands=plain, owner=PSYCHIATRY, agreement="required")
    rising.since, rising.statements = 8, 5
    chart.write(rising, but=(PSYCHIATRY,), last_fill=7)
    chart.request(PSYCHIATRY, new, second, authored=ago(8), reason=new.reason, note=note)


def early_refill(chart: Chart) -> None:
    """Each fill a few days early: supply overlaps, at one pharmacy."""
    drug = chart.pick()
    chart.write(chart.therapy(drug, chart.take(drug)), every=25)


def other_strength(chart: Chart) -> None:
    """The pharmacy fills two of half the strength: the same amount a day (A2)."""
    drug = chart.pick(
        want=lambda d: (
            any(a.strengths[0] * 2 == b.strengths[0] for a in d.usual for b in d.usual)
            and len(d.ingredients) == 1
        )
    )
    half, whole = next(
        (a, b) for a in drug.usual for b in drug.usual
        if a.strengths[0] * 2 == b.strengths[0]
    )  # fmt: skip
    take = chart.take(drug).changed(product=whole, count=Decimal(1))
    source = chart.rng.choice((PHARMACY, PRIMARY, PSYCHIATRY))
    twice = take.changed(product=half, count=Decimal(2))
    chart.write(chart.therapy(drug, take, takes={source: twice}))


def stopped_everywhere(chart: Chart) -> None:
    """Stopped, and every list knows it."""
    drug = chart.pick()
    therapy = chart.therapy(drug, chart.take(drug), agreement="none")
    stop = chart.rng.randint(60, 80)
    for source in (s for s in therapy.takes if s != PHARMACY):
        if source == therapy.owner:
            chart.request(
                source, drug, therapy.takes[source], authored=ago(therapy.since),
                status="stopped", end=ago(stop), reason=drug.reason,
            )  # fmt: skip
        else:
            chart.statement(
                source, drug, therapy.takes[source], asserted=ago(stop - 10),
                start=ago(therapy.since), end=ago(stop),
                status=chart.rng.choice(("stopped", "completed")),
            )  # fmt: skip
    if PHARMACY in therapy.takes:
        chart.fills(therapy, last=stop + 15)


def short_course(chart: Chart) -> None:
    """A course of ten days, long over, on one list and at the pharmacy."""
    drug = chart.pick(groups=("course",))
    take = Take(drug.products[0], Decimal(1), drug.times)
    day = chart.rng.randint(40, 150)
    status = chart.rng.choice(("completed", "active"))
    chart.request(
        PRIMARY, drug, take, authored=ago(day), end=ago(day - 10), reason=drug.reason, status=status
    )
    if status == "active":
        chart.allow("stale-entry", drug.ingredients, "over, but its order was never closed")
    chart.dispense(drug, take, on=ago(day), days=10)


def as_needed_unfilled(chart: Chart) -> None:
    """As needed, filled once fourteen months ago: expected on no other list."""
    drug = chart.pick(keys=AS_NEEDED)
    take = chart.take(drug).changed(as_needed=AS_NEEDED[drug.key])
    chart.request(PSYCHIATRY, drug, take, authored=ago(440), reason=drug.reason)
    chart.dispense(drug, take, on=ago(435))
    chart.allow("stale-entry", drug.ingredients, "no supply for more than a year")
    for type_ in ("confirmed-match", "equivalent-product"):
        chart.allow(type_, drug.ingredients, "order and supply agree")
    if PATIENT in chart.data:
        chart.allow("omission-prescribed", drug.ingredients, "the catalogue says: ask the patient")


def as_needed(chart: Chart) -> None:
    """As needed on every list: nothing to reconcile."""
    drug = chart.pick(keys=AS_NEEDED)
    take = chart.take(drug, as_needed=AS_NEEDED[drug.key])
    chart.write(chart.therapy(drug, take))


def hospital_order(chart: Chart) -> None:
    """An order of a hospital stay last year."""
    drug = chart.pick(groups=("other",))
    chart.request(
        PRIMARY, drug, chart.take(drug), authored=ago(200), end=ago(196), status="completed",
        reason=drug.reason,
        category=[{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/medicationrequest-category",
            "code": "inpatient"}]}],
    )  # fmt: skip


def self_medication(chart: Chart) -> None:
    """Over the counter, and every list that should know it does."""
    drug = chart.pick(groups=("otc",))
    take = chart.take(drug)
    therapy = chart.therapy(drug, take, skip=(PHARMACY,), owner="")
    for source in therapy.takes:
        chart.statement(
            source, drug, take, asserted=ago(chart.rng.randint(10, 80)), start=ago(200),
            brand=therapy.brands[source], reason=drug.reason,
        )  # fmt: skip


def injection(chart: Chart) -> None:
    """A depot given at the clinic, known to primary care, never filled at a pharmacy."""
    drug = chart.pick(groups=("lai",))
    chart.write(chart.therapy(drug, chart.take(drug), brands=dict.fromkeys(EHRS, False)))


def old_statement(chart: Chart) -> None:
    """Primary care last asked eight months ago, but the fills are fresh."""
    drug = chart.pick(want=lambda d: d.home == PSYCHIATRY)
    therapy = chart.therapy(drug, chart.take(drug))
    therapy.since, therapy.statements = 300, 240
    chart.write(therapy)


def entered_in_error(chart: Chart) -> None:
    """A drug charted for the wrong patient and struck out."""
    drug = chart.pick(groups=("other",))
    chart.request(
        chart.rng.choice(EHRS), drug, chart.take(drug), authored=ago(30), reason=drug.reason,
        status="entered-in-error",
    )  # fmt: skip


def planned_increase(chart: Chart) -> None:
    """A draft of a higher dose stands beside the order: planned, not taken."""
    drug = chart.pick(want=lambda d: len(d.usual) > 1 and len(d.ingredients) == 1)
    low, high = sorted(chart.rng.sample(drug.usual, 2), key=lambda p: p.strengths)
    take = chart.take(drug).changed(product=low)
    therapy = chart.write(chart.therapy(drug, take))
    chart.request(
        therapy.owner, drug, take.changed(product=high), authored=ago(3), reason=drug.reason,
        status="draft", intent="plan",
    )  # fmt: skip


DISTRACTORS: dict[str, Distractor] = {
    "renewal": renewal,
    "brand change": brand_change,
    "past titration": past_titration,
    "split regimen": split_regimen,
    "cross-taper": cross_taper,
    "early refill": early_refill,
    "other strength": other_strength,
    "stopped everywhere": stopped_everywhere,
    "short course ended": short_course,
    "as needed, unfilled for a year": as_needed_unfilled,
    "as needed": as_needed,
    "hospital order": hospital_order,
    "self-medication on every list": self_medication,
    "long-acting injection": injection,
    "old statement, fresh fills": old_statement,
    "entered in error": entered_in_error,
    "planned increase": planned_increase,
}
