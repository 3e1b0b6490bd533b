"""What looks like a finding of families E to H and is none; GOLD.md says why."""

from __future__ import annotations

from tests.benchmarks.reconciliation.chart import PRIMARY, PSYCHIATRY, ago
from tests.benchmarks.reconciliation.clinical_chart import ClinicalChart
from tests.benchmarks.reconciliation.clinical_injections import USUAL, Injection, stopped, usual


def other_units(chart: ClinicalChart) -> None:
    """Normal values whose number is alarming in the other unit."""
    key, test, value, unit = chart.rng.choice(
        (("clozapine", "anc", "3.9", "10*9/L"), ("clozapine", "anc", "3900", "/uL"),
         ("clozapine", "anc", "3.9", "10*3/uL"), ("lithium", "lithium", "0.7", "meq/L"),
         ("olanzapine", "glucose", "5.1", "mmol/L"), ("olanzapine", "glucose", "92", "mg/dL"),
         ("valproate", "platelets", "230", "10*9/L"))
    )  # fmt: skip
    usual(chart, key)
    chart.result(test, 2, value, unit)


def result_elsewhere(chart: ClinicalChart) -> None:
    """The test that is due was done on the other server."""
    key, test = chart.rng.choice(
        (("lithium", "lithium"), ("clozapine", "anc"), ("valproate", "alt"), ("olanzapine", "bp"))
    )
    usual(chart, key, since=800, without=(test,))
    chart.result(test, 300, source=PSYCHIATRY)
    chart.result(test, 3, source=PRIMARY)


def renewal(chart: ClinicalChart) -> None:
    """A new order of the same dose after a year: no start, no change."""
    key = chart.rng.choice(("sertraline", "aripiprazole", "lithium", "methylphenidate"))
    drug = chart.choose(key)
    take = chart.mg(drug, USUAL[key])
    chart.request(PSYCHIATRY, drug, take, authored=ago(410), end=ago(30), status="completed",
                  reason=drug.reason)  # fmt: skip
    chart.request(PSYCHIATRY, drug, take, authored=ago(30), reason=drug.reason)
    chart.statement(PRIMARY, drug, take, asserted=ago(12), start=ago(410))
    chart.filled(drug, take, 410, 8)
    chart.tests(drug, 410, ())


def old_abnormal(chart: ClinicalChart) -> None:
    """Abnormal then, normal since."""
    key, test, value, unit = chart.rng.choice(
        (("lithium", "lithium", "1.7", "mmol/L"), ("clozapine", "anc", "1.1", "10*9/L"),
         ("sertraline", "sodium", "127", "mmol/L"), ("valproate", "platelets", "80", "10*9/L"))
    )  # fmt: skip
    usual(chart, key)
    chart.result(test, 20, value, unit)
    chart.result(test, 12)
    chart.result(test, 3)


def telehealth(chart: ClinicalChart) -> None:
    """The only contact after the start was by video."""
    usual(chart, "sertraline", "aripiprazole", since=35, reviewed=False)
    chart.skip.add("visits")
    chart.visit(25, service="Telehealth psychiatry visit")


def taper(chart: ClinicalChart) -> None:
    """Stopped after lower steps of four weeks each."""
    key, steps = chart.rng.choice(
        (("olanzapine", ("5",)), ("quetiapine", ("100", "50")), ("paroxetine", ("10",)),
         ("venlafaxine", ("75", "37.5")), ("lithium", ("300",)))
    )  # fmt: skip
    stopped(chart, key, chart.rng.randint(10, 24), steps=steps)


def refuted_allergy(chart: ClinicalChart) -> None:
    """An allergy that somebody refuted, or entered by mistake."""
    key, rxcui = chart.rng.choice((("sertraline", "36437"), ("lamotrigine", "28439")))
    usual(chart, key)
    chart.allergy(rxcui, key, verification=chart.rng.choice(("refuted", "entered-in-error")))


def level_since(chart: ClinicalChart) -> None:
    """Lithium with an interacting drug, and a level a week after that began."""
    usual(chart, "lithium")
    since = chart.rng.randint(30, 50)
    other, mg = chart.rng.choice((("lisinopril", "10"), ("hydrochlorothiazide", "25")))
    chart.keep(other, mg, since=since, owner=PRIMARY)
    chart.result("lithium", since - 7)
    chart.result("lithium", 8)


def given_elsewhere(chart: ClinicalChart) -> None:
    """The last injection was given by primary care."""
    key = chart.rng.choice(("haloperidol-decanoate", "paliperidone-palmitate"))
    made = chart.keep(key, "0", injections=[45, 73, 101, 129])
    given = chart.administration(made.drug, made.take, on=ago(16))
    chart.data[PSYCHIATRY].resources.remove(given)
    given["subject"] = {"reference": f"Patient/{chart.patient(PRIMARY)['id']}"}
    chart.data[PRIMARY].resources.append(given)
    for beside in [r for r in chart.data[PSYCHIATRY].resources
                   if r["resourceType"] == "Medication"]:  # fmt: skip
        chart.data[PRIMARY].resources.append(beside)
    chart.visit(-11, service="Injection clinic")


def exempt(chart: ClinicalChart) -> None:
    """Quetiapine in Parkinson's disease; citalopram 40 mg below the age of the lower limit."""
    if chart.rng.random() < 0.5:
        usual(chart, "quetiapine")
        chart.condition("G20", "Parkinson's disease")
    else:
        chart.person(birth="1975-05-05")
        usual(chart, "citalopram", mg="40")


def refuted_condition(chart: ClinicalChart) -> None:
    """A diagnosis that was ruled out."""
    usual(chart, "bupropion")
    chart.condition("G40.909", "Epilepsy, unspecified, not intractable", verification="refuted")


def rebooked(chart: ClinicalChart) -> None:
    """A missed visit, kept a week later."""
    usual(chart, "lithium", "clozapine")
    chart.visit(17, "noshow", service="Psychiatry follow-up")
    chart.visit(11, service="Psychiatry follow-up")


def plain(chart: ClinicalChart) -> None:
    """Two drugs, everything done."""
    usual(chart, "aripiprazole", "risperidone", "lamotrigine", "mirtazapine", "duloxetine")


DISTRACTORS: dict[str, Injection] = {
    "other units": other_units,
    "result elsewhere": result_elsewhere,
    "renewal": renewal,
    "old abnormal": old_abnormal,
    "telehealth": telehealth,
    "taper": taper,
    "refuted allergy": refuted_allergy,
    "level since": level_since,
    "given elsewhere": given_elsewhere,
    "exempt": exempt,
    "refuted condition": refuted_condition,
    "rebooked": rebooked,
    "plain": plain,
}
