"""What is put into a patient so that a finding is due: families C and D, each with its labels."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tests.benchmarks.reconciliation.chart import (
    COVERING,
    EHRS,
    PATIENT,
    PHARMACY,
    PRESCRIBER,
    PRIMARY,
    PSYCHIATRY,
    Chart,
    Therapy,
    ago,
)
from tests.benchmarks.reconciliation.directions import Take, dosage, words
from tests.benchmarks.reconciliation.drugs import drugs
from tests.benchmarks.reconciliation.injections import Injection
from tests.benchmarks.reconciliation.spelling import RXNORM, label

UNREADABLE = ("little white heart pill", "sleep medicine from last visit", "see outside list",
              "water pill", "herbal tea for nerves")  # fmt: skip
PAIRS = (
    ("citalopram", "escitalopram"),
    ("risperidone", "paliperidone"),
    ("venlafaxine", "desvenlafaxine"),
    ("amitriptyline", "nortriptyline"),
    ("methylphenidate", "dexmethylphenidate"),
    ("bupropion", "naltrexone-bupropion"),
    ("fluoxetine", "olanzapine-fluoxetine"),
)
TWINS = (
    ("olanzapine", "quetiapine"), ("risperidone", "aripiprazole"), ("haloperidol", "quetiapine"),
    ("aripiprazole", "clozapine"), ("sertraline", "duloxetine"), ("fluoxetine", "venlafaxine"),
    ("escitalopram", "paroxetine"), ("lorazepam", "clonazepam"), ("diazepam", "zolpidem"),
    ("methylphenidate", "lisdexamfetamine"), ("dextroamphetamine", "methylphenidate"),
    ("benztropine", "trihexyphenidyl"),
)  # fmt: skip


def _missing(chart: Chart, therapy: Therapy, type_: str, *sources: str) -> None:
    for source in sources:
        chart.label(type_, therapy.ingredients, source)


def omission(chart: Chart) -> None:
    """C1: a chronic oral drug that one list in scope does not have (or all but the pharmacy)."""
    if chart.rng.random() < 0.15:
        supply_alone(chart)
        return
    drug = chart.pick(want=lambda d: d.key not in ("lithium", "clozapine"))
    lists = [s for s in chart.data if s != drug.home]
    lacking = chart.rng.choice([*lists, PRIMARY if drug.home != PRIMARY else PSYCHIATRY])
    therapy = chart.therapy(drug, chart.take(drug), skip=(lacking,), agreement="allowed")
    _missing(chart, chart.write(therapy), "omission-prescribed", lacking)
    if lacking == PHARMACY:
        _in_network(chart, therapy.owner)


def _in_network(chart: Chart, owner: str) -> None:
    """Another order of the same prescriber, filled here: the pharmacy is in scope for both."""
    other = chart.pick(want=lambda d: d.home == owner)
    chart.write(chart.therapy(other, chart.take(other)))


def omission_specialist(chart: Chart) -> None:
    """C1s: lithium, clozapine or an injection that primary care (or the pharmacy) lacks."""
    drug = chart.pick(
        keys=("lithium", "clozapine", "haloperidol-decanoate", "paliperidone-palmitate")
    )
    lacking = PRIMARY if drug.group == "lai" else chart.rng.choice((PRIMARY, PRIMARY, PHARMACY))
    therapy = chart.therapy(drug, chart.take(drug), skip=(lacking,), agreement="allowed")
    _missing(chart, chart.write(therapy), "omission-specialist-supplied", lacking)
    if lacking == PHARMACY:
        _in_network(chart, therapy.owner)


def omission_self_medication(chart: Chart) -> None:
    """C1o: an over-the-counter drug that one list has as reported, and the others lack."""
    drug = chart.pick(groups=("otc",))
    holder = PATIENT if PATIENT in chart.data else PSYCHIATRY
    lacking = [s for s in chart.data if s not in (holder, PHARMACY)]
    therapy = chart.therapy(
        drug, chart.take(drug), skip=(PHARMACY, *lacking), agreement="none", owner=PRIMARY
    )
    chart.statement(
        holder, drug, therapy.takes[holder], asserted=ago(20), start=ago(90),
        brand=therapy.brands[holder],
        informationSource={"reference": f"Patient/{chart.patient(holder)['id']}"},
        reasonCode=[{"text": "self-treatment"}],
    )  # fmt: skip
    _missing(chart, therapy, "omission-self-medication", *lacking)
    chart.allow("addition", drug.ingredients, "it stands on one list alone")


def addition(chart: Chart) -> None:
    """C2: a course that runs now and only the pharmacy knows, or the patient's word alone."""
    if PATIENT in chart.data and chart.rng.random() < 0.5:
        holder, drug = PATIENT, chart.pick(groups=("other", "other-antidepressant"))
        take = chart.take(drug)
        chart.statement(PATIENT, drug, take, asserted=ago(20), start=ago(100))
    else:
        holder, drug = PHARMACY, chart.pick(groups=("course",))
        take = Take(drug.products[0], Decimal(1), drug.times)
        chart.dispense(drug, take, on=ago(chart.rng.randint(1, 5)), days=10)
    chart.label("addition", drug.ingredients, holder)
    chart.allow("omission-prescribed", drug.ingredients, "whose list is in scope cannot be told")
    chart.allow("indication-mismatch", drug.ingredients, "no list says why")


def supply_alone(chart: Chart) -> None:
    """C1: the pharmacy has filled a chronic drug for months that no other list has."""
    drug = chart.pick(groups=("other", "other-antidepressant"))
    others = [s for s in chart.data if s != PHARMACY]
    therapy = chart.therapy(drug, chart.take(drug), skip=others, agreement="none", owner=PRIMARY)
    _missing(chart, chart.write(therapy), "omission-prescribed", *others)
    chart.allow("addition", drug.ingredients, "the same from the other side")
    chart.allow("indication-mismatch", drug.ingredients, "no list says why")


def stopped_versus_active(chart: Chart) -> None:
    """C3: stopped on its owner's list (or not taken, as the patient says), active on the other."""
    drug = chart.pick()
    therapy = chart.therapy(drug, chart.take(drug), agreement="none")
    take, owner = therapy.takes[therapy.owner], therapy.owner
    active = PRIMARY if owner == PSYCHIATRY else PSYCHIATRY
    stop = chart.rng.randint(4, 25)
    therapy.statements = chart.rng.randint(stop + 10, 80)
    if PATIENT in chart.data and chart.rng.random() < 0.3:
        chart.write(therapy, but=(PATIENT,), last_fill=stop + 5)
        chart.statement(
            PATIENT, drug, take, asserted=ago(stop), start=ago(therapy.since),
            status="not-taken", end=ago(stop),
        )  # fmt: skip
        chart.label("stopped-versus-active", drug.ingredients, PATIENT, owner)
        return
    chart.write(therapy, but=(owner, PATIENT), last_fill=stop + 5)
    therapy.takes.pop(PATIENT, None)
    if PATIENT in chart.data:
        chart.statement(
            PATIENT, drug, take, asserted=ago(stop - 2), start=ago(therapy.since),
            status="stopped", end=ago(stop),
        )  # fmt: skip
    chart.request(
        owner, drug, take, authored=ago(therapy.since), status="stopped", end=ago(stop),
        reason=drug.reason, statusReason={"text": "Side effects"},
    )  # fmt: skip
    chart.label("stopped-versus-active", drug.ingredients, owner, active)


def held_versus_active(chart: Chart) -> None:
    """C4: on hold on the owner's list, active on the other."""
    drug = chart.pick()
    therapy = chart.therapy(drug, chart.take(drug), agreement="none", skip=(PATIENT,))
    owner = therapy.owner
    active = PRIMARY if owner == PSYCHIATRY else PSYCHIATRY
    chart.write(therapy, but=(owner,), last_fill=8)
    if PATIENT in chart.data:
        chart.statement(
            PATIENT, drug, therapy.takes[owner], asserted=ago(3), start=ago(therapy.since),
            status="on-hold",
        )  # fmt: skip
    chart.request(
        owner, drug, therapy.takes[owner], authored=ago(therapy.since), status="on-hold",
        reason=drug.reason, statusReason={"text": "Held before surgery"},
    )  # fmt: skip
    chart.label("held-versus-active", drug.ingredients, owner, active)


def stale(chart: Chart) -> None:
    """C5: active, but nothing for 200 days; or an order whose validity ended two months ago."""
    drug = chart.pick()
    therapy = chart.therapy(drug, chart.take(drug), agreement="allowed", skip=(PATIENT,))
    therapy.since, therapy.statements = 330, chart.rng.randint(200, 290)
    if PATIENT in chart.data:
        chart.statement(
            PATIENT, drug, therapy.takes[therapy.owner], asserted=ago(therapy.statements),
            start=ago(330),
        )  # fmt: skip
    chart.write(therapy, last_fill=200)
    if chart.rng.random() < 0.3:
        order = therapy.requests[therapy.owner]
        valid = {"start": ago(330).isoformat(), "end": ago(60).isoformat()}
        order["dispenseRequest"] = {"validityPeriod": valid, "numberOfRepeatsAllowed": 8}
    chart.label("stale-entry", drug.ingredients, therapy.owner)


def superseded(chart: Chart) -> None:
    """C6: a newer order by the same prescriber, the older one left active."""
    drug = chart.pick(want=lambda d: len(d.usual) > 1 and len(d.ingredients) == 1)
    take = chart.take(drug).changed(count=Decimal(1))
    therapy = chart.therapy(drug, take, agreement="allowed")
    newer = chart.rng.randint(30, 60)
    old = take
    if chart.rng.random() < 0.6:
        others = [p for p in drug.usual if p.strengths != take.product.strengths]
        old = take.changed(product=chart.rng.choice(others))
    owner, began = therapy.owner, therapy.since
    therapy.statements, therapy.since = min(therapy.statements, newer - 5), newer
    chart.write(therapy)
    chart.request(
        owner, drug, old, authored=ago(began), brand=therapy.brands[owner], reason=drug.reason
    )
    chart.fills(therapy, last=newer + 30, take=old, since=began)
    chart.label("superseded-not-closed", drug.ingredients, owner)


def unresolvable(chart: Chart) -> None:
    """C7: words that name no drug."""
    source = chart.rng.choice((*EHRS, chart.rng.choice([s for s in chart.data if s != PHARMACY])))
    text = {"medicationCodeableConcept": {"text": chart.rng.choice(UNREADABLE)}}
    drug = drugs()["lisinopril"]
    chart.statement(
        source, drug, Take(drug.products[0], Decimal(1)), asserted=ago(30), start=ago(90),
        spelled=text, reason="I10",
    )  # fmt: skip
    chart.label("unresolvable-drug", (), source)
    chart.allow("stale-entry", (), "its supply cannot be told")


def text_against_structure(chart: Chart) -> None:
    """C8: the words of the directions say another dose than their structure."""
    drug = chart.pick(want=lambda d: len(d.ingredients) == 1)
    take = chart.take(drug).changed(count=Decimal(1))
    therapy = chart.therapy(drug, take, agreement="allowed")
    owner = therapy.owner
    chart.write(therapy, but=(owner,))
    directions = dosage(take, chart.rng, shape="count")
    style = chart.rng.choice(("vendor", "plain"))
    directions["text"] = words(take.changed(count=Decimal(2)), style)
    if chart.rng.random() < 0.5:
        times = 3 if take.times != 3 else 1
        directions["text"] = words(take.changed(times=times, when=""), "plain")
    chart.request(
        owner, drug, take, authored=ago(therapy.since), brand=therapy.brands[owner],
        reason=drug.reason, directions=[directions],
    )  # fmt: skip
    chart.label("text-structure-conflict", drug.ingredients, owner)
    for type_ in ("dose-mismatch", "frequency-mismatch"):
        chart.allow(type_, drug.ingredients, "the words of one list say another dose")


def code_against_text(chart: Chart) -> None:
    """C11: the code and the words of one line name two drugs."""
    drug = chart.pick(want=lambda d: len(d.ingredients) == 1)
    other = chart.pick(want=lambda d: len(d.ingredients) == 1)
    therapy = chart.therapy(drug, chart.take(drug), agreement="allowed")
    owner = therapy.owner
    chart.write(therapy, but=(owner,))
    right, wrong = therapy.takes[owner].product, other.usual[0]
    coded, worded = (right, wrong) if chart.rng.random() < 0.5 else (wrong, right)
    coding = [{"system": RXNORM, "code": coded.rxcui, "display": coded.name}]
    text = label(drug if worded is right else other, worded, False).capitalize()
    spelled = {"medicationCodeableConcept": {"coding": coding, "text": text}}
    chart.request(
        owner, drug, therapy.takes[owner], authored=ago(therapy.since), reason=drug.reason,
        spelled=spelled,
    )  # fmt: skip
    both = drug.ingredients | other.ingredients
    chart.label("code-text-conflict", both, owner, loose=True)
    for type_ in ("omission-prescribed", "omission-specialist-supplied", "addition",
                  "unresolvable-drug", "dose-mismatch", "frequency-mismatch", "form-mismatch",
                  "indication-mismatch", "prescriber-mismatch",
                  "therapeutic-duplication", "parent-metabolite-duplication",
                  "prn-versus-scheduled", "stale-entry", "text-structure-conflict"):  # fmt: skip
        chart.allow(type_, both, "which drug the line is stays open", loose=True)


def identity_doubt(chart: Chart) -> None:
    """C9: primary care's record has another birth date, or lacks it and the sex."""
    chart.doubtful.add(PRIMARY)
    patient = chart.patient(PRIMARY)
    if chart.rng.random() < 0.6:
        year, month, day = patient["birthDate"].split("-")
        patient["birthDate"] = f"{year}-{month}-{int(day) - 9:02d}"
    else:
        del patient["birthDate"], patient["gender"]
    chart.label("identity-doubt", (), PRIMARY)
    chart.allow("source-incomplete", (), "its record is not read while its person is in doubt")


def incomplete(chart: Chart) -> None:
    """C10: a page of a search could not be read; what stood on it is no omission."""
    source = chart.rng.choice((PRIMARY, PHARMACY))
    drug = chart.pick(want=lambda d: d.key not in ("lithium", "clozapine"))
    therapy = chart.therapy(drug, chart.take(drug), skip=(source,), agreement="required",
                            owner=PSYCHIATRY)  # fmt: skip
    chart.write(therapy)
    type_ = "MedicationDispense" if source == PHARMACY else "MedicationStatement"
    chart.data[source].missing = type_
    chart.label("source-incomplete", (), source)


def duplicate(chart: Chart) -> None:
    """D1: one drug ordered twice on one list, by two prescribers, or entered twice on a day."""
    drug = chart.pick(want=lambda d: len(d.ingredients) == 1)
    take = chart.take(drug)
    therapy = chart.therapy(drug, take, agreement="allowed")
    owner = therapy.owner
    chart.write(therapy, last_fill=9)
    two = chart.rng.random() < 0.6
    chart.request(
        owner, drug, take, authored=ago(therapy.statements if two else therapy.since),
        requester=COVERING if two else PRESCRIBER[owner], reason=drug.reason,
        brand=therapy.brands[owner],
    )  # fmt: skip
    if two:
        chart.fills(therapy, last=5, since=therapy.statements)
        chart.label("prescriber-mismatch", drug.ingredients, owner)
    chart.label("duplicate-same-drug", drug.ingredients, owner)
    chart.allow("dose-mismatch", drug.ingredients, "both orders together are twice the dose")


def _two(chart: Chart, keys: tuple[str, str]) -> list[Therapy]:
    """Both drugs on every list; or one on each EHR's own, so that each EHR lacks the other's."""
    apart = chart.rng.random() < 0.5
    found = []
    shared = bool(drugs()[keys[0]].ingredients & drugs()[keys[1]].ingredients)
    for key, owner in zip(keys, EHRS, strict=True):
        drug = drugs()[key]
        chart.take_up(drug)
        other = next(s for s in EHRS if s != owner)
        therapy = chart.therapy(
            drug,
            chart.take(drug),
            owner=owner,
            skip=(other,) if apart else (),
            agreement="allowed" if apart else "required",
        )
        found.append(chart.write(therapy))
        if apart:
            special = key in ("lithium", "clozapine") and other == PRIMARY
            type_ = "omission-specialist-supplied" if special else "omission-prescribed"
            if shared:
                chart.allow(type_, drug.ingredients, "the other list has it inside a combination")
            else:
                chart.label(type_, drug.ingredients, other)
    return found


def _free_pair(chart: Chart, pairs: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """One of the pairs of which the patient has neither drug nor class.

    Raises: LookupError when there is none.
    """
    free = [
        pair
        for pair in pairs
        if not any(
            drug.ingredients & chart.ingredients or chart.classes(drug) & chart.groups
            for drug in (drugs()[key] for key in pair)
        )
    ]
    if not free:
        raise LookupError("no pair is free")
    return chart.rng.choice(free)


def therapeutic_duplication(chart: Chart) -> None:
    """D2: two of one class, neither parent and metabolite nor a cross-taper."""
    first, second = _two(chart, _free_pair(chart, TWINS))
    chart.label("therapeutic-duplication", first.ingredients | second.ingredients)


def parent_and_metabolite(chart: Chart) -> None:
    """D3: a drug beside its parent, its enantiomer or a combination that holds it."""
    first, second = _two(chart, _free_pair(chart, PAIRS))
    both = first.ingredients | second.ingredients
    chart.label("parent-metabolite-duplication", both, loose=True)
    chart.allow("therapeutic-duplication", both, "they are of one class too", loose=True)
    if first.ingredients & second.ingredients:
        chart.allow("duplicate-same-drug", both, "one drug in two products", loose=True)


FAMILY_CD: dict[str, Injection] = {
    "omission-prescribed": omission,
    "omission-specialist-supplied": omission_specialist,
    "omission-self-medication": omission_self_medication,
    "addition": addition,
    "stopped-versus-active": stopped_versus_active,
    "held-versus-active": held_versus_active,
    "stale-entry": stale,
    "superseded-not-closed": superseded,
    "unresolvable-drug": unresolvable,
    "text-structure-conflict": text_against_structure,
    "code-text-conflict": code_against_text,
    "duplicate-same-drug": duplicate,
    "therapeutic-duplication": therapeutic_duplication,
    "parent-metabolite-duplication": parent_and_metabolite,
}
WHOLE_RECORD: dict[str, Injection] = {
    "identity-doubt": identity_doubt,
    "source-incomplete": incomplete,
}
