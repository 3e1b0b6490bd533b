"""Families A and B: what two lists of one drug agree and differ on."""

from datetime import date
from decimal import Decimal

import pytest
from msgspec import structs

from service.model.concept import AdministrationClass, DrugConcept, Ingredient
from service.model.dosage import DailyDose
from service.model.finding import Bucket, Severity
from service.model.medication import Agreement, MedicationEntry, TherapyState
from tests.reconcile.builders import (
    LITHIUM,
    PALIPERIDONE,
    PHARMACY,
    PRIMARY_CARE,
    PSYCHIATRY,
    QUETIAPINE,
    SERTRALINE,
    VALPROATE,
    VENLAFAXINE,
    dispense,
    drug,
    instruction,
    line,
    only,
    reconciled,
    record,
    shown,
    types,
)


def two(left: object, right: object) -> object:
    return reconciled(record(PSYCHIATRY, left), record(PRIMARY_CARE, right))


def test_two_lists_that_say_the_same_are_a_confirmed_match() -> None:
    tablet = drug(SERTRALINE)
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", tablet),
        line(PRIMARY_CARE, "MedicationRequest/9", tablet),
    )
    assert types(result) == ["confirmed-match"]
    match = only(result, "confirmed-match")
    assert match.severity is Severity.NONE
    assert match.sources == (PRIMARY_CARE, PSYCHIATRY)
    (medication,) = result.medications
    assert medication.agreement is Agreement.IDENTICAL
    assert medication.state is TherapyState.CURRENT
    assert [(d.value, d.unit) for d in medication.daily_doses] == [(Decimal(50), "mg")]
    assert medication.display == "sertraline 50 mg oral tablet"


@pytest.mark.parametrize(
    "other",
    [drug(SERTRALINE, brand="Zoloft"), drug(SERTRALINE, form="capsule")],
    ids=["brand", "capsule"],
)
def test_another_product_with_the_same_dose_is_equivalent(other: object) -> None:
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", drug(SERTRALINE)),
        line(PRIMARY_CARE, "MedicationRequest/9", other),
    )
    assert types(result) == ["equivalent-product"]
    assert result.medications[0].agreement is Agreement.EQUIVALENT


def test_a_brand_with_its_strength_alone_is_no_other_product_than_its_tablet() -> None:
    """ "Protonix 40 mg" names no dose form; the tablet of that brand and strength is what it is."""
    tablet = drug(SERTRALINE, strength="50", brand="Zoloft")
    component = structs.replace(tablet, rxcui="SBDC", form="", dose_form="", clinical_drug="")
    other = structs.replace(
        drug(SERTRALINE, strength="25", brand="Zoloft"), form="", dose_form="", clinical_drug=""
    )

    def said(one: DrugConcept) -> list[str]:
        return types(
            reconciled(
                record(PSYCHIATRY, line(PSYCHIATRY, "R/1", tablet)),
                record(PRIMARY_CARE, line(PRIMARY_CARE, "R/1", one)),
            )
        )

    assert said(component) == ["confirmed-match"]
    assert said(other) == ["equivalent-product"]


def test_two_halves_of_the_strength_are_the_same_dose() -> None:
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", drug(SERTRALINE, strength="50")),
        line(
            PRIMARY_CARE,
            "MedicationRequest/9",
            drug(SERTRALINE, strength="25"),
            dosage=instruction(take="2"),
        ),
    )
    assert types(result) == ["equivalent-product"]


def test_two_salts_of_one_moiety_are_told_apart_and_keep_one_medication() -> None:
    carbonate, citrate = (
        Ingredient("42351", "lithium carbonate"),
        Ingredient("52105", "lithium citrate"),
    )
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", drug(LITHIUM, salt=carbonate)),
        line(PRIMARY_CARE, "MedicationRequest/9", drug(LITHIUM, salt=citrate)),
    )
    assert types(result) == ["salt-or-moiety-variant"]
    assert len(result.medications) == 1


def test_two_salts_are_told_beside_the_forms_that_differ_too() -> None:
    divalproex = drug(
        VALPROATE, strength="250", release="DR", salt=Ingredient("266856", "divalproex sodium")
    )
    acid = drug(
        VALPROATE, strength="250", form="capsule", salt=Ingredient("11118", "valproic acid")
    )
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", divalproex, dose="500"),
        line(PRIMARY_CARE, "MedicationRequest/9", acid, dose="500"),
    )
    assert types(result) == ["form-mismatch", "salt-or-moiety-variant"]


def test_two_salts_in_two_doses_are_a_difference_of_dose_alone() -> None:
    divalproex = drug(VALPROATE, strength="250", salt=Ingredient("266856", "divalproex sodium"))
    acid = drug(VALPROATE, strength="250", salt=Ingredient("11118", "valproic acid"))
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", divalproex, dose="500"),
        line(PRIMARY_CARE, "MedicationRequest/9", acid, dose="750"),
    )
    assert types(result) == ["dose-mismatch"]


def test_a_dose_mismatch_names_both_doses_and_both_sources() -> None:
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", drug(SERTRALINE, strength="100"), dose="100"),
        line(PRIMARY_CARE, "MedicationRequest/9", drug(SERTRALINE), dose="50"),
    )
    mismatch = only(result, "dose-mismatch")
    assert "psychiatry 100 mg a day" in mismatch.message
    assert "primary-care has 50 mg a day" in mismatch.message
    assert {(f.source, f.path) for f in mismatch.evidence} == {
        (PSYCHIATRY, "dosageInstruction[0]"),
        (PRIMARY_CARE, "dosageInstruction[0]"),
    }
    assert mismatch.rule.id == "reconcile/dose-mismatch"
    assert not mismatch.rule.reviewed
    assert result.medications[0].agreement is Agreement.DIFFERENT
    assert result.medications[0].daily_doses == ()
    assert "confirmed-match" not in types(result)


@pytest.mark.parametrize(
    ("dose", "severity", "doubt"),
    [
        ("50.4", None, False),
        ("51", Severity.MODERATE, False),
        ("99", Severity.MODERATE, False),
        ("100", Severity.HIGH, False),
        ("249", Severity.HIGH, False),
        ("250", Severity.HIGH, True),
        ("1000", Severity.HIGH, True),
        ("1001", Severity.HIGH, False),
    ],
)
def test_the_ratio_of_two_doses_decides_how_grave_it_is(
    dose: str, severity: Severity | None, doubt: bool
) -> None:
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", drug(SERTRALINE), dose="50"),
        line(PRIMARY_CARE, "MedicationRequest/9", drug(SERTRALINE), dose=dose),
    )
    found = shown(result, "dose-mismatch")
    assert [f.severity for f in found] == ([severity] if severity else [])
    assert ["decimal point" in f.title for f in found] == ([doubt] if severity else [])


def test_a_narrow_index_drug_makes_a_small_difference_grave() -> None:
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", drug(LITHIUM), dose="900"),
        line(PRIMARY_CARE, "MedicationRequest/9", drug(LITHIUM), dose="750"),
    )
    assert only(result, "dose-mismatch").severity is Severity.HIGH


def test_units_of_mass_convert_before_doses_are_compared() -> None:
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", drug(SERTRALINE), dose="0.05", unit="g"),
        line(PRIMARY_CARE, "MedicationRequest/9", drug(SERTRALINE), dose="50000", unit="ug"),
    )
    assert "dose-mismatch" not in types(result)


def test_units_that_do_not_convert_are_never_called_equal_or_different() -> None:
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", drug(LITHIUM), dose="900"),
        line(PRIMARY_CARE, "MedicationRequest/9", drug(LITHIUM), dose="24", unit="meq"),
    )
    assert "dose-mismatch" not in types(result)
    assert "confirmed-match" not in types(result)
    assert only(result, "confirmed-match").bucket is Bucket.NOT_EVALUABLE


def test_the_same_dose_at_another_rhythm_is_a_frequency_mismatch() -> None:
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", drug(SERTRALINE)),
        line(PRIMARY_CARE, "MedicationRequest/9", drug(SERTRALINE), dosage=instruction("2")),
    )
    assert types(result) == ["frequency-mismatch"]


def test_morning_and_bedtime_differ_but_an_unsaid_time_does_not() -> None:
    def against(*when: str) -> list[str]:
        return types(
            two(
                line(
                    PSYCHIATRY,
                    "MedicationRequest/1",
                    drug(SERTRALINE),
                    dosage=instruction(when=("MORN",)),
                ),
                line(
                    PRIMARY_CARE,
                    "MedicationRequest/9",
                    drug(SERTRALINE),
                    dosage=instruction(when=when),
                ),
            )
        )

    assert against("HS") == ["frequency-mismatch"]
    assert against() == ["confirmed-match"]


def test_another_route_is_grave() -> None:
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", drug(SERTRALINE), route="oral"),
        line(PRIMARY_CARE, "MedicationRequest/9", drug(SERTRALINE), route="sublingual"),
    )
    assert only(result, "route-mismatch").severity is Severity.HIGH


@pytest.mark.parametrize(
    ("ingredient", "severity"), [(QUETIAPINE, Severity.MODERATE), (VENLAFAXINE, Severity.HIGH)]
)
def test_immediate_against_extended_release_is_a_form_mismatch(
    ingredient: Ingredient, severity: Severity
) -> None:
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", drug(ingredient)),
        line(PRIMARY_CARE, "MedicationRequest/9", drug(ingredient, release="ER")),
    )
    assert only(result, "form-mismatch").severity is severity


def test_as_needed_against_scheduled_is_told_without_a_dose_mismatch() -> None:
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", drug(QUETIAPINE), dose="100"),
        line(PRIMARY_CARE, "MedicationRequest/9", drug(QUETIAPINE), dose="50", prn=True),
    )
    assert types(result) == ["prn-versus-scheduled"]


def doubled(source: str, scheduled: str, needed: str) -> list[MedicationEntry]:
    """A part that is scheduled and another as needed, as two orders."""
    tablet = drug(QUETIAPINE)
    regular = instruction("2", when=("MORN",))
    return [
        line(source, "MedicationRequest/1", tablet, dose=scheduled, dosage=regular),
        line(source, "MedicationRequest/2", tablet, dose=needed, prn=True),
    ]


def at_once(source: str, scheduled: str, most: str) -> MedicationEntry:
    """The same as one order of two instructions."""
    value, limit = Decimal(scheduled), Decimal(most)
    parts = (instruction("2", when=("MORN",)), instruction(prn=True))
    doses = (DailyDose(QUETIAPINE.rxcui, "mg", value, limit),)
    return line(source, "MedicationRequest/9", drug(QUETIAPINE), dosages=parts, daily_doses=doses)


def test_a_part_as_needed_beside_a_scheduled_one_is_the_same_in_one_order_or_in_two() -> None:
    result = reconciled(
        record(PSYCHIATRY, *doubled(PSYCHIATRY, "100", "25")),
        record(PRIMARY_CARE, at_once(PRIMARY_CARE, "100", "125")),
    )
    assert types(result) == ["confirmed-match"]
    (dose,) = result.medications[0].daily_doses
    assert (dose.value, dose.max) == (Decimal(100), Decimal(125))
    assert "100 mg a day, at most 125 mg" in result.medications[0].proposal.text


def test_what_may_be_taken_beside_the_scheduled_part_is_told_where_another_list_lacks_it() -> None:
    result = reconciled(
        record(PSYCHIATRY, *doubled(PSYCHIATRY, "100", "25")),
        record(
            PRIMARY_CARE,
            line(
                PRIMARY_CARE, "MedicationRequest/9", drug(QUETIAPINE), dose="100",
                dosage=instruction("2"),
            ),
        ),
    )  # fmt: skip
    assert types(result) == ["prn-versus-scheduled"]
    assert "psychiatry has it scheduled, and more as needed" in result.findings[0].message


def test_the_scheduled_parts_are_compared_whatever_may_be_taken_beside_them() -> None:
    result = reconciled(
        record(PSYCHIATRY, *doubled(PSYCHIATRY, "100", "25")),
        record(PRIMARY_CARE, *doubled(PRIMARY_CARE, "200", "25")),
    )
    assert only(result, "dose-mismatch").severity is Severity.HIGH


def test_a_split_regimen_adds_up_and_is_no_duplicate() -> None:
    morning = line(
        PSYCHIATRY, "MedicationRequest/1", drug(QUETIAPINE, strength="50"), dose="50",
        dosage=instruction(when=("MORN",)), requester="Ada Braun", requester_key="Practitioner/1",
    )  # fmt: skip
    night = line(
        PSYCHIATRY, "MedicationRequest/2", drug(QUETIAPINE, strength="300"), dose="300",
        dosage=instruction(when=("HS",)), requester="Ada Braun", requester_key="Practitioner/1",
    )  # fmt: skip
    whole = line(
        PRIMARY_CARE, "MedicationRequest/9", drug(QUETIAPINE), dose="350", dosage=instruction("2")
    )
    result = reconciled(record(PSYCHIATRY, night, morning), record(PRIMARY_CARE, whole))
    assert "duplicate-same-drug" not in types(result)
    assert "dose-mismatch" not in types(result)
    assert "superseded-not-closed" not in types(result)
    assert [d.value for d in result.medications[0].daily_doses] == [Decimal(350)]


def test_depots_of_the_same_interval_are_compared_and_unknown_intervals_are_not() -> None:
    depot = drug(
        PALIPERIDONE, form="injection", route="intramuscular",
        administration=AdministrationClass.DEPOT,
    )  # fmt: skip
    monthly = line(PSYCHIATRY, "MedicationRequest/1", depot, dose="156", interval_d=Decimal(28))

    def other(dose: str, interval: Decimal | None) -> list[str]:
        return types(
            two(
                monthly,
                line(PRIMARY_CARE, "MedicationRequest/9", depot, dose=dose, interval_d=interval),
            )
        )

    assert other("156", Decimal(28)) == ["confirmed-match"]
    assert "dose-mismatch" in other("234", Decimal(28))
    assert "dose-mismatch" in other("156", Decimal(84))
    assert "dose-mismatch" not in other("156", None)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("28", "30", True),
        ("28", "31", True),
        ("84", "90", True),
        ("182", "180", True),
        ("28", "35", False),
        ("28", "21", False),
        ("28", "56", False),
        ("14", "15", False),
    ],
)
def test_every_four_weeks_is_monthly_and_every_twelve_weeks_quarterly(
    one: str, other: str, same: bool
) -> None:
    depot = drug(
        PALIPERIDONE, form="injection", route="intramuscular",
        administration=AdministrationClass.DEPOT,
    )  # fmt: skip
    orders = [
        line(
            source, "MedicationRequest/1", depot, dose="156", interval_d=Decimal(every),
            dosage=instruction(period=every),
        )
        for source, every in ((PSYCHIATRY, one), (PRIMARY_CARE, other))
    ]  # fmt: skip
    assert (types(two(*orders)) == ["confirmed-match"]) is same


def test_a_dispensed_supply_speaks_for_a_pharmacy_that_holds_nothing_else() -> None:
    result = reconciled(
        record(PSYCHIATRY, line(PSYCHIATRY, "MedicationRequest/1", drug(SERTRALINE))),
        record(PHARMACY, dispense(PHARMACY, "MedicationDispense/1", drug(SERTRALINE))),
    )
    assert types(result) == ["confirmed-match"]
    supply = [x for x in result.medications[0].lines if x.entry.origin.source == PHARMACY]
    assert [x.state for x in supply] == [TherapyState.CURRENT]
    assert supply[0].last_supplied == date(2026, 2, 20)


def test_a_dose_that_one_source_does_not_state_is_not_called_agreement() -> None:
    result = two(
        line(PSYCHIATRY, "MedicationRequest/1", drug(SERTRALINE)),
        line(PRIMARY_CARE, "MedicationRequest/9", drug(SERTRALINE), dose=None),
    )
    match = only(result, "confirmed-match")
    assert match.bucket is Bucket.NOT_EVALUABLE
    assert PRIMARY_CARE in match.reason


def test_drugs_without_a_reason_on_any_list_are_one_quiet_finding_of_the_patient() -> None:
    other = drug(QUETIAPINE)
    result = reconciled(
        record(
            PSYCHIATRY,
            line(PSYCHIATRY, "MedicationRequest/1", drug(SERTRALINE)),
            line(PSYCHIATRY, "MedicationRequest/2", other),
            line(PSYCHIATRY, "MedicationRequest/3", drug(LITHIUM), reasons=("bipolar disorder",)),
        ),
        record(
            PRIMARY_CARE,
            line(PRIMARY_CARE, "MedicationRequest/9", drug(SERTRALINE)),
            line(PRIMARY_CARE, "MedicationRequest/8", other),
            line(PRIMARY_CARE, "MedicationRequest/7", drug(LITHIUM)),
        ),
    )
    finding = only(result, "indication-mismatch")
    assert finding.bucket is Bucket.SUPPRESSED
    assert finding.reason
    assert finding.ingredients == ("quetiapine", "sertraline")
    assert len(finding.medications) == 2
