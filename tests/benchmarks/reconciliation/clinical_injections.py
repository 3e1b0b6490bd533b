"""What is put into a patient so that a finding of families E to H is due; GOLD.md says why."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.benchmarks.reconciliation.chart import PHARMACY, PRESCRIBER, PRIMARY, PSYCHIATRY, ago
from tests.benchmarks.reconciliation.clinical_chart import SNOMED, ClinicalChart
from tests.benchmarks.reconciliation.directions import Take, dosage

Injection = Callable[[ClinicalChart], None]
GAP_SIDES = ("abrupt-discontinuation",)
ANTIPSYCHOTICS = ("aripiprazole", "olanzapine", "quetiapine", "risperidone")
USUAL = {
    "aripiprazole": "10", "olanzapine": "10", "quetiapine": "200", "risperidone": "4",
    "lithium": "600", "sertraline": "100", "venlafaxine": "150", "paroxetine": "20",
    "valproate": "1000", "lamotrigine": "200", "clozapine": "200", "methylphenidate": "20",
    "lisdexamfetamine": "30", "clonazepam": "1", "lorazepam": "2", "bupropion": "300",
    "duloxetine": "60", "citalopram": "20", "escitalopram": "10", "mirtazapine": "30",
    "nortriptyline": "50", "amitriptyline": "50", "zolpidem": "5", "carbamazepine": "400",
    "haloperidol": "4", "fluoxetine": "20",
}  # fmt: skip


def usual(chart: ClinicalChart, *keys: str, **options: Any) -> str:
    """One of these drugs, kept at its usual dose."""
    key = chart.rng.choice(keys)
    if key == "valproate":
        chart.person(sex="male")
    chart.keep(key, options.pop("mg", USUAL.get(key, "0")), **options)
    return key


# --- E


def adherence_gap(chart: ClinicalChart) -> None:
    """E1: a month without supply, or two thirds of the last half year covered."""
    keys = ("lithium", *ANTIPSYCHOTICS, "sertraline", "venlafaxine", "valproate", "lamotrigine")
    if chart.rng.random() < 0.5:
        key = usual(chart, *keys, last_fill=chart.rng.randint(45, 75))
        chart.say("adherence-gap", key, allow=GAP_SIDES)
    else:
        key = usual(chart, *keys, last_fill=5, every=45)
        chart.say("adherence-gap", key)


def never_filled(chart: ClinicalChart) -> None:
    """E2: ordered 40 to 80 days ago, the pharmacy's list is whole and holds no fill."""
    key = usual(chart, *ANTIPSYCHOTICS, "sertraline", "mirtazapine", "lithium",
                since=chart.rng.randint(40, 80), fills=False)  # fmt: skip
    chart.say("never-filled", key)


def early_refill(chart: ClinicalChart) -> None:
    """E3: thirty days of a controlled drug, the next fill on day 15."""
    key = chart.rng.choice(("methylphenidate", "lisdexamfetamine", "clonazepam", "lorazepam"))
    made = chart.keep(key, USUAL[key], last_fill=19)
    chart.dispense(made.drug, made.take, on=ago(4))
    chart.say("early-refill", key, allow=("too-long",) if key.endswith("pam") else ())


def reported_non_adherence(chart: ClinicalChart) -> None:
    """E4: another list says not taken, or US Core's extension does."""
    key = chart.rng.choice(("lithium", "aripiprazole", "sertraline", "lamotrigine"))
    made = chart.keep(key, USUAL[key], statement=False)
    if chart.rng.random() < 0.5:
        chart.statement(PRIMARY, made.drug, made.take, asserted=ago(9), start=ago(300),
                        status="not-taken")  # fmt: skip
    else:
        url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-medication-adherence"
        coding = {"system": SNOMED, "code": "715036001", "display": "Drug not taken"}
        inner = [
            {"url": "medicationAdherence", "valueCodeableConcept": {"coding": [coding]}},
            {"url": "dateAsserted", "valueDateTime": ago(9).isoformat()},
        ]
        chart.statement(PRIMARY, made.drug, made.take, asserted=ago(9), start=ago(300),
                        extension=[{"url": url, "extension": inner}])  # fmt: skip
    chart.say("reported-non-adherence", key)


def dispensed_not_as_ordered(chart: ClinicalChart) -> None:
    """E5: the fill that names the order holds twice its strength, with the same directions."""
    key, low, high = chart.rng.choice(
        (("sertraline", "50", "100"), ("lamotrigine", "100", "200"), ("aripiprazole", "5", "10"))
    )
    made = chart.keep(key, low, fills=False)
    chart.filled(made.drug, made.take, 300, 36)
    order = chart.request(PHARMACY, made.drug, made.take, authored=ago(300),
                          requester=PRESCRIBER[PSYCHIATRY],
                          directions=[dosage(made.take, chart.rng, shape="count")])  # fmt: skip
    other = made.take.changed(product=chart.mg(made.drug, high).product)
    fill = chart.dispense(made.drug, other, on=ago(6), label=False)
    fill["authorizingPrescription"] = [{"reference": f"MedicationRequest/{order['id']}"}]
    fill["dosageInstruction"] = [dosage(other, chart.rng, shape="count")]
    chart.say("dispensed-not-as-ordered", key)


def stopped(chart: ClinicalChart, key: str, days: int, *, steps: tuple[str, ...] = ()) -> None:
    """Stopped on every list that long ago; `steps` are lower doses of four weeks before."""
    drug = chart.choose(key)
    take = chart.mg(drug, USUAL[key])
    begin = days + 28 * len(steps)
    orders = [(take, 400, begin)]
    for number, step in enumerate(steps):
        first = begin - 28 * number
        orders.append((chart.mg(drug, step), first, first - 28))
    for one, start, end in orders:
        status = "stopped" if end == days else "completed"
        chart.request(PSYCHIATRY, drug, one, authored=ago(start), end=ago(end), status=status,
                      reason=drug.reason)  # fmt: skip
        chart.statement(PRIMARY, drug, one, asserted=ago(max(end - 1, 1)), start=ago(start),
                        end=ago(end), status="completed")  # fmt: skip
        if start == 400:
            for day in range(end + 30, 390, 30):
                chart.dispense(drug, one, on=ago(day))
        else:
            chart.dispense(drug, one, on=ago(start), days=28)
    chart.tests(drug, 400, ())


def abrupt_discontinuation(chart: ClinicalChart) -> None:
    """E6: stopped at full dose two to four weeks ago."""
    key = chart.rng.choice(
        ("lithium", "valproate", "paroxetine", "venlafaxine", "quetiapine", "olanzapine",
         "clonazepam", "sertraline", "clonidine")
    )  # fmt: skip
    if key == "valproate":
        chart.person(sex="male")
    if key == "clonidine":
        drug = chart.choose(key)
        take = chart.take(drug)
        chart.request(PSYCHIATRY, drug, take, authored=ago(300), end=ago(9), status="stopped")
        for day in range(39, 300, 30):
            chart.dispense(drug, take, on=ago(day))
    else:
        stopped(chart, key, chart.rng.randint(9, 24))
    chart.say("abrupt-discontinuation", key, allow=("follow-up-missing",))


def clozapine_interrupted(chart: ClinicalChart) -> None:
    """E7: the supply ended three to six days ago."""
    last = chart.rng.randint(33, 36)
    chart.keep("clozapine", "200", last_fill=last)
    chart.say("clozapine-interrupted", "clozapine", allow=GAP_SIDES)


def injected(chart: ClinicalChart, last: int) -> str:
    key = chart.rng.choice(("haloperidol-decanoate", "paliperidone-palmitate"))
    chart.skip.add("booked")
    chart.visit(-9, service="Primary care telephone call", source=PRIMARY)
    chart.keep(key, "0", injections=[last + 28 * number for number in range(6)])
    return key


def lai_overdue(chart: ClinicalChart) -> None:
    """E8: interval and window are over, the next visit is booked late."""
    key = injected(chart, chart.rng.randint(38, 55))
    chart.visit(-2, service="Injection clinic")
    chart.say("lai-overdue", key,
              allow=("lai-not-booked", "adherence-gap", "abrupt-discontinuation"))  # fmt: skip


def lai_not_booked(chart: ClinicalChart) -> None:
    """E8: due within the week, and no contact is booked that could bring it."""
    key = injected(chart, chart.rng.randint(24, 29))
    chart.say("lai-not-booked", key)


def lai_no_show(chart: ClinicalChart) -> None:
    """E8: due, the injection visit was missed, nothing is booked again."""
    key = injected(chart, chart.rng.randint(29, 33))
    chart.visit(1, chart.rng.choice(("noshow", "cancelled")), service="Injection clinic")
    chart.say("lai-no-show", key, allow=("lai-not-booked", "no-show-high-risk"))


# --- F


def above_maximum(chart: ClinicalChart) -> None:
    """F1: the plain maximum, or the lower one of age or a co-medication."""
    kind = chart.rng.randrange(4)
    if kind == 0:
        key, mg = chart.rng.choice(
            (("sertraline", "300"), ("quetiapine", "900"), ("citalopram", "80"),
             ("bupropion", "600"), ("aripiprazole", "45"), ("mirtazapine", "60"))
        )  # fmt: skip
        chart.keep(key, mg)
    elif kind == 1:
        chart.person(birth="1963-05-05")
        key = usual(chart, "citalopram", mg="40")
    elif kind == 2:
        key = usual(chart, "citalopram", mg="40")
        chart.keep("omeprazole", "20", owner=PRIMARY)
        chart.allow("drug-interaction", {"citalopram", "omeprazole"}, "the pair behind the limit")
    else:
        chart.condition("K74.60", "Unspecified cirrhosis of liver")
        key = usual(chart, "citalopram", mg="40")
    chart.say("above-maximum", key)


def titration_too_fast(chart: ClinicalChart) -> None:
    """F2: lamotrigine 100 mg in its second week; 25 mg daily beside valproate."""
    if chart.rng.random() < 0.5:
        chart.keep("lamotrigine", "100", since=chart.rng.randint(3, 12), last_fill=2)
    else:
        chart.person(sex="male")
        chart.keep("valproate", "1000")
        chart.keep("lamotrigine", "25", since=chart.rng.randint(3, 12), last_fill=2)
        chart.allow("drug-interaction", {"lamotrigine", "valproate"}, "the pair of the schedule")
        chart.say("titration-too-fast", "lamotrigine", "valproate")
        return
    chart.say("titration-too-fast", "lamotrigine")


def start_too_high(chart: ClinicalChart) -> None:
    """F2: clozapine begun with 200 mg a day, today or some days ago."""
    since = chart.rng.choice((0, 1, 3, 5))
    chart.keep("clozapine", "200", since=since, last_fill=since)
    chart.say("start-too-high", "clozapine")


def sub_therapeutic_stay(chart: ClinicalChart) -> None:
    """F3: half the usual minimum for months, and the score stays high."""
    key, mg = chart.rng.choice(
        (("sertraline", "25"), ("escitalopram", "5"), ("venlafaxine", "37.5"))
    )
    chart.keep(key, mg, since=chart.rng.randint(90, 150), without=("phq9", "gad7"))
    chart.result("phq9", 12, "16", "{score}")
    chart.say("sub-therapeutic-stay", key)


def too_long(chart: ClinicalChart) -> None:
    """F4: a benzodiazepine or Z-drug for months."""
    key = usual(chart, "clonazepam", "lorazepam", "zolpidem", since=chart.rng.randint(60, 200))
    chart.say("too-long", key)


# --- G


def allergy_conflict(chart: ClinicalChart) -> None:
    """G1: on primary care's list; the drug itself, or another aromatic anticonvulsant."""
    key, rxcui, name = chart.rng.choice(
        (("lamotrigine", "28439", "lamotrigine"), ("carbamazepine", "8183", "phenytoin"),
         ("carbamazepine", "2002", "carbamazepine"), ("sertraline", "36437", "sertraline"),
         ("lamotrigine", "2002", "carbamazepine"))
    )  # fmt: skip
    usual(chart, key)
    chart.allergy(rxcui, name)
    chart.say("allergy-conflict", key)


def drug_interaction(chart: ClinicalChart) -> None:
    """G2: one drug on each EHR; lithium with no level since the other began."""
    key, other, mg, severe = chart.rng.choice(
        (("lithium", "lisinopril", "10", True), ("lithium", "hydrochlorothiazide", "25", True),
         ("lithium", "meloxicam", "15", True), ("lithium", "furosemide", "40", True),
         ("sertraline", "meloxicam", "15", False), ("paroxetine", "metoprolol", "50", False),
         ("valproate", "topiramate", "100", False), ("sertraline", "warfarin", "5", False),
         ("lithium", "losartan", "50", True), ("escitalopram", "meloxicam", "15", False))
    )  # fmt: skip
    since = chart.rng.randint(20, 40)
    usual(chart, key, without=("lithium",) if severe else ())
    if severe:
        chart.result("lithium", since + 6)
        chart.result("lithium", since + 85)
    chart.keep(other, mg, since=since if severe else 200, owner=PRIMARY)
    chart.say("drug-interaction", key, other)
    if severe:
        chart.allow("monitoring-overdue", {key}, "the level that the other drug asks for")


def abnormal(chart: ClinicalChart) -> tuple[str, int]:
    """An abnormal last result of a drug in use."""
    key, test, value, unit = chart.rng.choice(
        (("clozapine", "anc", "1.2", "10*9/L"), ("clozapine", "anc", "1200", "/uL"),
         ("lithium", "lithium", "1.7", "mmol/L"), ("lithium", "lithium", "1.6", "meq/L"),
         ("sertraline", "sodium", "126", "mmol/L"))
    )  # fmt: skip
    usual(chart, key)
    days = 4
    chart.result(test, days, value, unit)
    return key, days


def drug_lab(chart: ClinicalChart) -> None:
    """G3: the last result crosses the line; somebody took it up the same day."""
    if chart.rng.random() < 0.4:
        key, test, value, unit = chart.rng.choice(
            (("valproate", "platelets", "70", "10*3/uL"), ("duloxetine", "egfr", "24",
             "mL/min/{1.73_m2}"), ("olanzapine", "glucose", "8.4", "mmol/L"),
             ("olanzapine", "glucose", "151", "mg/dL"),
             ("lithium", "egfr", "25", "mL/min/{1.73_m2}"),
             ("citalopram", "qtc", "512", "ms"))
        )  # fmt: skip
        usual(chart, key)
        chart.result(test, 10, value, unit)
        chart.task(9, f"Review of {test} result")
    else:
        key, days = abnormal(chart)
        chart.task(days, "Repeat arranged, patient called")
    chart.say("drug-lab", key)


def abnormal_unanswered(chart: ClinicalChart) -> None:
    """H3: the same lines, and no change, Task, message or repeat since."""
    key, _ = abnormal(chart)
    chart.say("abnormal-unanswered", key)
    chart.say("drug-lab", key)
    if key == "clozapine":
        chart.allow("monitoring-overdue", {key}, "a low count asks for the next within a day")


def drug_condition(chart: ClinicalChart) -> None:
    """G4: on primary care's problem list."""
    key, code, name, sides = chart.rng.choice(
        (("bupropion", "G40.909", "Epilepsy, unspecified, not intractable", ()),
         ("bupropion", "F50.2", "Bulimia nervosa", ()),
         ("haloperidol", "G20", "Parkinson's disease", ()),
         ("olanzapine", "F03.90", "Unspecified dementia without behavioral disturbance", ()),
         ("amitriptyline", "H40.20X0", "Unspecified primary angle-closure glaucoma", ()),
         ("clonazepam", "G47.33", "Obstructive sleep apnea", ("too-long",)),
         ("methylphenidate", "F20.9", "Schizophrenia, unspecified", ()),
         ("duloxetine", "K74.60", "Unspecified cirrhosis of liver", ()),
         ("venlafaxine", "F31.10", "Bipolar disorder, current episode manic", ()))
    )  # fmt: skip
    usual(chart, key)
    chart.condition(code, name)
    chart.say("drug-condition", key, allow=sides)


def pregnancy(chart: ClinicalChart) -> None:
    """G5: valproate and no word about pregnancy; or pregnant by the other EHR."""
    chart.person(sex="female", birth="1994-05-05")
    key = chart.rng.choice(("valproate", "valproate", "carbamazepine"))
    chart.keep(key, USUAL[key])
    if key == "carbamazepine" or chart.rng.random() < 0.5:
        pregnant = {"system": SNOMED, "code": "77386006", "display": "Pregnant"}
        chart.observation("82810-3", "Pregnancy status", 10, source=PRIMARY,
                          valueCodeableConcept={"coding": [pregnant]})  # fmt: skip
    chart.say("pregnancy-lactation", key)


def age_risk(chart: ClinicalChart) -> None:
    """G6: Beers from 65 years; an antidepressant up to 24."""
    if chart.rng.random() < 0.3:
        chart.person(birth="2003-05-05")
        key = usual(chart, "sertraline", "fluoxetine")
    else:
        chart.person(birth="1955-05-05")
        key = usual(chart, "clonazepam", "zolpidem", "amitriptyline", "paroxetine", "lorazepam")
    chart.say("age-risk", key, allow=("too-long",))


def pharmacogenomic(chart: ClinicalChart) -> None:
    """G7: a phenotype of the laboratory, or a normal one made poor by an inhibitor."""
    if chart.rng.random() < 0.25:
        usual(chart, "nortriptyline")
        chart.keep("bupropion", "300")
        phenotype, gene, key = ("LA25391-6", "Normal metabolizer"), "2D6", "nortriptyline"
        chart.allow("drug-interaction", {"bupropion", "nortriptyline"}, "the inhibitor itself")
        chart.say("pharmacogenomic", "nortriptyline", "bupropion")
    else:
        key, gene = chart.rng.choice(
            (("paroxetine", "2D6"), ("nortriptyline", "2D6"), ("venlafaxine", "2D6"),
             ("citalopram", "2C19"), ("escitalopram", "2C19"), ("sertraline", "2C19"))
        )  # fmt: skip
        usual(chart, key)
        phenotype = ("LA9657-3", "Poor metabolizer")
    code = {"2D6": "79715-9", "2C19": "79714-2"}[gene]
    name = (f"CYP{gene} gene product metabolic activity interpretation in Blood or Tissue "
            "Qualitative by CPIC")  # fmt: skip
    coding = {"system": "http://loinc.org", "code": phenotype[0], "display": phenotype[1]}
    if phenotype[0] == "LA9657-3":
        chart.say("pharmacogenomic", key)
    chart.observation(code, name, 800, source=PRIMARY,
                      valueCodeableConcept={"coding": [coding], "text": phenotype[1]})  # fmt: skip


def previously_ineffective(chart: ClinicalChart) -> None:
    """G8: an earlier course on the other EHR ended for want of effect."""
    key = usual(chart, "sertraline", "quetiapine", "lamotrigine", "mirtazapine", since=200)
    drug = chart.find(key)
    chart.request(PRIMARY, drug, chart.mg(drug, USUAL[key]), authored=ago(1500), end=ago(1300),
                  status="stopped", statusReason={"text": "Lack of efficacy"})  # fmt: skip
    chart.say("previously-ineffective", key)


def against_preference(chart: ClinicalChart) -> None:
    """G9: a preference told to primary care."""
    key = usual(chart, "lithium", "olanzapine", "sertraline", "clozapine")
    chart.observation("75773-2", "Goals, preferences, and priorities for medical treatment",
                      60, source=PRIMARY,
                      valueString=f"The patient does not want to take {key} again.")  # fmt: skip
    chart.say("against-preference", key)


# --- H


def baseline_missing(chart: ClinicalChart) -> None:
    """H1: begun weeks ago, one test of the start is on no server."""
    key, tests = chart.rng.choice(
        (("lithium", ("tsh",)), ("lithium", ("egfr",)), ("aripiprazole", ("lipids",)),
         ("quetiapine", ("glucose",)), ("valproate", ("alt",)))
    )  # fmt: skip
    usual(chart, key, since=chart.rng.randint(30, 60), without=tests)
    chart.say("baseline-missing", key)


def monitoring_overdue(chart: ClinicalChart) -> None:
    """H2: the last one is far behind interval and grace, on every server."""
    key, test, days = chart.rng.choice(
        (("lithium", "lithium", 260), ("lithium", "egfr", 260), ("lithium", "tsh", 270),
         ("clozapine", "anc", 60), ("valproate", "alt", 500), ("olanzapine", "glucose", 500),
         ("aripiprazole", "lipids", 520), ("quetiapine", "weight", 200),
         ("methylphenidate", "bp", 270), ("lithium", "calcium", 280))
    )  # fmt: skip
    usual(chart, key, since=900, without=(test,))
    chart.result(test, days)
    chart.say("monitoring-overdue", key)


def follow_up_missing(chart: ClinicalChart) -> None:
    """H4: nobody saw the patient after a start, a change or a discharge, nothing is booked."""
    chart.skip.add("booked")
    kind = chart.rng.choice(("start", "change", "discharge"))
    if kind == "discharge":
        usual(chart, "lamotrigine")
        chart.stay(15, 22)
        chart.label("follow-up-missing", ())
    elif kind == "start":
        key = usual(chart, "sertraline", "aripiprazole", "methylphenidate",
                    since=chart.rng.randint(38, 60), reviewed=False)  # fmt: skip
        chart.skip.add("visits")
        chart.say("follow-up-missing", key)
    else:
        key, low, high = chart.rng.choice(
            (("sertraline", "50", "100"), ("quetiapine", "100", "200"))
        )
        chart.skip.add("visits")
        chart.raised(key, low, high, 40)
        chart.say("follow-up-missing", key)


def no_show_high_risk(chart: ClinicalChart) -> None:
    """H5: missed 9 to 20 days ago, not booked again: lithium, clozapine, injection, item 9."""
    chart.skip.add("booked")
    kind = chart.rng.choice(("lithium", "lithium", "clozapine", "clozapine", "depot", "item 9"))
    days = chart.rng.randint(9, 20)
    chart.skip.add("visits")
    sides: tuple[str, ...] = ()
    if kind == "depot":
        key = chart.rng.choice(("haloperidol-decanoate", "paliperidone-palmitate"))
        chart.keep(key, "0", injections=[days + 3 + 28 * number for number in range(6)])
        sides = ("lai-not-booked", "lai-no-show")
    elif kind == "item 9":
        key = usual(chart, "sertraline")
        chart.result("item9", days + 4, "1", "{score}")
        chart.observation("93373-9", "Columbia - suicide severity rating scale screener - recent "
                          "[C-SSRS]", days + 3, source=PSYCHIATRY,
                          valueCodeableConcept={"text": "No ideation"})  # fmt: skip
        sides = ("drug-lab",)
    else:
        key = usual(chart, kind)
    chart.visit(days, chart.rng.choice(("noshow", "cancelled")), service="Psychiatry follow-up")
    chart.say("no-show-high-risk", key, allow=sides)


def scale_overdue(chart: ClinicalChart) -> None:
    """H6: the last score is far older than four months."""
    key = usual(
        chart, "sertraline", "venlafaxine", "bupropion", since=700, without=("phq9", "gad7")
    )
    chart.condition("F33.1", "Major depressive disorder, recurrent, moderate", days=800)
    chart.result("phq9", chart.rng.randint(220, 300), "12", "{score}")
    chart.say("scale-overdue", key)


def scale_no_response(chart: ClinicalChart) -> None:
    """H6: treated for ten weeks, the score fell by a tenth."""
    key = usual(chart, "sertraline", "escitalopram", since=70, without=("phq9", "gad7"))
    test = chart.rng.choice(("phq9", "phq9", "gad7"))
    chart.result(test, 74, "20" if test == "phq9" else "18", "{score}")
    chart.result(test, 40, "19" if test == "phq9" else "17", "{score}")
    chart.result(test, 6, "18" if test == "phq9" else "16", "{score}")
    chart.say("scale-no-response", key)


def care_team_gap(chart: ClinicalChart) -> None:
    """H7: the prescriber is in no team, or no team is named."""
    chart.skip.add("team")
    if chart.rng.random() < 0.5:
        chart.team("Nora Field, RN", "Dr. Paul Lindqvist")
        key = usual(chart, "lithium", "aripiprazole", "sertraline", "lamotrigine")
    else:
        key = usual(chart, "lithium", "aripiprazole", "clozapine")
    chart.say("care-team-gap", key)


def plan_drift(chart: ClinicalChart) -> None:
    """H8: a plan's activity points to an order that was stopped."""
    usual(chart, "lamotrigine")
    drug = chart.choose("buspirone")
    take = Take(drug.usual[0], Decimal(1), 2)
    order = chart.request(PSYCHIATRY, drug, take, authored=ago(400), end=ago(120), status="stopped")
    for day in range(150, 400, 30):
        chart.dispense(drug, take, on=ago(day))
    chart.plan([{"reference": {"reference": f"MedicationRequest/{order['id']}"}}])
    chart.say("plan-drift", "buspirone")


INJECTIONS: dict[str, Injection] = {
    "adherence-gap": adherence_gap,
    "never-filled": never_filled,
    "early-refill": early_refill,
    "reported-non-adherence": reported_non_adherence,
    "dispensed-not-as-ordered": dispensed_not_as_ordered,
    "abrupt-discontinuation": abrupt_discontinuation,
    "clozapine-interrupted": clozapine_interrupted,
    "lai-overdue": lai_overdue,
    "lai-not-booked": lai_not_booked,
    "lai-no-show": lai_no_show,
    "above-maximum": above_maximum,
    "titration-too-fast": titration_too_fast,
    "start-too-high": start_too_high,
    "sub-therapeutic-stay": sub_therapeutic_stay,
    "too-long": too_long,
    "allergy-conflict": allergy_conflict,
    "drug-interaction": drug_interaction,
    "drug-lab": drug_lab,
    "drug-condition": drug_condition,
    "pregnancy-lactation": pregnancy,
    "age-risk": age_risk,
    "pharmacogenomic": pharmacogenomic,
    "previously-ineffective": previously_ineffective,
    "against-preference": against_preference,
    "baseline-missing": baseline_missing,
    "monitoring-overdue": monitoring_overdue,
    "abnormal-unanswered": abnormal_unanswered,
    "follow-up-missing": follow_up_missing,
    "no-show-high-risk": no_show_high_risk,
    "scale-overdue": scale_overdue,
    "scale-no-response": scale_no_response,
    "care-team-gap": care_team_gap,
    "plan-drift": plan_drift,
}
