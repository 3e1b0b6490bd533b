"""Families C1 and C2: who lacks what, and who need not have it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from service.model.concept import AdministrationClass, Ingredient
from service.model.finding import Bucket, Severity
from service.model.medication import Action, Kind
from service.model.source import State
from tests.reconcile.builders import (
    CLOZAPINE,
    IBUPROFEN,
    LITHIUM,
    PALIPERIDONE,
    PATIENT,
    PHARMACY,
    PREDNISONE,
    PRIMARY_CARE,
    PSYCHIATRY,
    QUETIAPINE,
    SERTRALINE,
    TODAY,
    dispense,
    drug,
    line,
    only,
    reconciled,
    record,
    types,
)

TABLET = drug(SERTRALINE)
DEPOT = drug(
    PALIPERIDONE,
    form="injection",
    route="intramuscular",
    administration=AdministrationClass.DEPOT,
)


def order(source: str = PSYCHIATRY, concept: object = TABLET, **more: object) -> object:
    return line(source, "MedicationRequest/1", concept, **more)


def test_a_drug_that_primary_care_does_not_list_is_an_omission_there() -> None:
    result = reconciled(record(PSYCHIATRY, order()), record(PRIMARY_CARE))
    assert types(result) == ["omission-prescribed"]
    finding = only(result, "omission-prescribed")
    assert finding.sources == (PRIMARY_CARE,)
    assert finding.severity is Severity.MODERATE
    assert {f.source for f in finding.evidence} == {PSYCHIATRY}
    assert result.medications[0].proposal.action is Action.ADD
    assert PRIMARY_CARE in result.medications[0].proposal.text


@pytest.mark.parametrize(
    "state", [State.PARTIAL, State.STALE, State.WITHHELD, State.UNAVAILABLE], ids=str
)
def test_an_absence_is_never_concluded_from_an_incomplete_source(state: State) -> None:
    result = reconciled(
        record(PSYCHIATRY, order()),
        record(PRIMARY_CARE, state=state, reasons=("page 2: 410 Gone",)),
    )
    finding = only(result, "omission-prescribed")
    assert finding.bucket is Bucket.NOT_EVALUABLE
    assert "Cannot tell whether primary-care lacks sertraline" in finding.message
    assert "410 Gone" in finding.reason
    assert types(result) == ["source-incomplete"]


@pytest.mark.parametrize("ingredient", [CLOZAPINE, LITHIUM], ids=lambda i: i.name)
def test_what_specialists_supply_and_primary_care_lacks_is_grave(ingredient: Ingredient) -> None:
    result = reconciled(record(PSYCHIATRY, order(concept=drug(ingredient))), record(PRIMARY_CARE))
    assert only(result, "omission-specialist-supplied").severity is Severity.HIGH


def test_a_depot_is_missed_in_primary_care_and_not_in_the_pharmacy() -> None:
    result = reconciled(
        record(PSYCHIATRY, order(concept=DEPOT, interval_d=Decimal(28))),
        record(PRIMARY_CARE),
        record(PHARMACY),
    )
    omissions = [f for f in result.findings if f.type == "omission-specialist-supplied"]
    assert {f.sources: f.bucket for f in omissions} == {
        (PRIMARY_CARE,): Bucket.SHOWN,
        (PHARMACY,): Bucket.SUPPRESSED,
    }
    assert all(f.reason for f in omissions if f.bucket is Bucket.SUPPRESSED)


def test_oral_and_depot_of_one_drug_are_two_medications() -> None:
    oral = drug(PALIPERIDONE, release="ER")
    result = reconciled(
        record(PSYCHIATRY, order(concept=oral), line(PSYCHIATRY, "MedicationRequest/2", DEPOT))
    )
    assert [m.administration for m in result.medications] == [
        AdministrationClass.SYSTEMIC,
        AdministrationClass.DEPOT,
    ] or len(result.medications) == 2


def test_a_pharmacy_misses_an_order_only_of_somebody_it_dispenses_for() -> None:
    other = drug(QUETIAPINE)
    known = (
        record(PSYCHIATRY, order(), line(PSYCHIATRY, "MedicationRequest/2", other)),
        record(PHARMACY, dispense(PHARMACY, "MedicationDispense/1", other)),
    )
    assert "omission-prescribed" in types(reconciled(*known))
    strange = reconciled(record(PSYCHIATRY, order()), record(PHARMACY))
    assert "omission-prescribed" not in types(strange)
    assert "not known to dispense" in only(strange, "omission-prescribed").reason


def test_a_young_order_need_not_have_been_dispensed() -> None:
    other = drug(QUETIAPINE)

    def shown(authored: date) -> bool:
        result = reconciled(
            record(
                PSYCHIATRY,
                order(authored=authored),
                line(PSYCHIATRY, "MedicationRequest/2", other),
            ),
            record(PHARMACY, dispense(PHARMACY, "MedicationDispense/1", other)),
        )
        return "omission-prescribed" in types(result)

    assert shown(date(2026, 2, 8))
    assert not shown(date(2026, 2, 9))


def test_an_inpatient_order_is_expected_nowhere_else() -> None:
    result = reconciled(record(PSYCHIATRY, order(category=("inpatient",))), record(PRIMARY_CARE))
    assert "omission-prescribed" not in types(result)
    both = reconciled(
        record(PSYCHIATRY, order(category=("inpatient", "community"))), record(PRIMARY_CARE)
    )
    assert "omission-prescribed" in types(both)


def reported(concept: object) -> object:
    return line(PATIENT, "MedicationStatement/1", concept, kind=Kind.STATEMENT)


def test_self_medication_is_told_to_those_who_prescribe() -> None:
    result = reconciled(
        record(PATIENT, reported(drug(IBUPROFEN))), record(PSYCHIATRY), record(PRIMARY_CARE)
    )
    finding = only(result, "omission-self-medication")
    assert finding.sources == (PRIMARY_CARE, PSYCHIATRY)
    assert finding.severity is Severity.LOW


def test_an_nsaid_beside_lithium_and_st_johns_wort_are_graver() -> None:
    beside = reconciled(
        record(PATIENT, reported(drug(IBUPROFEN))),
        record(PSYCHIATRY, order(concept=drug(LITHIUM))),
    )
    assert only(beside, "omission-self-medication").severity is Severity.MODERATE
    wort = drug(Ingredient("258326", "St. John's wort extract"))
    alone = reconciled(record(PATIENT, reported(wort)), record(PSYCHIATRY))
    assert only(alone, "omission-self-medication").severity is Severity.MODERATE


def test_a_reported_prescription_drug_that_nobody_ordered_is_an_addition() -> None:
    result = reconciled(record(PATIENT, reported(drug(QUETIAPINE))), record(PSYCHIATRY))
    assert types(result) == ["addition"]
    assert result.medications[0].proposal.action is Action.ASK


def test_an_as_needed_drug_unfilled_for_a_year_is_expected_on_no_list() -> None:
    def shown(authored: date) -> list[str]:
        result = reconciled(
            record(PSYCHIATRY, order(prn=True, authored=authored)), record(PRIMARY_CARE)
        )
        return types(result)

    assert "omission-prescribed" not in shown(date(2025, 3, 9))
    assert "omission-prescribed" in shown(date(2025, 3, 10))


def test_a_combination_covers_its_parts() -> None:
    parts = (Ingredient("1", "aaa"), Ingredient("2", "bbb"))
    result = reconciled(
        record(PSYCHIATRY, order(concept=drug(*parts))),
        record(
            PRIMARY_CARE,
            line(PRIMARY_CARE, "MedicationRequest/8", drug(parts[0])),
            line(PRIMARY_CARE, "MedicationRequest/9", drug(parts[1])),
        ),
    )
    missing = {f.ingredients: f.bucket for f in result.findings if f.type == "omission-prescribed"}
    assert missing == {
        ("aaa", "bbb"): Bucket.SUPPRESSED,
        ("aaa",): Bucket.SUPPRESSED,
        ("bbb",): Bucket.SUPPRESSED,
    }


def test_an_unread_line_softens_the_absence_in_words() -> None:
    result = reconciled(
        record(PSYCHIATRY, order()),
        record(PRIMARY_CARE, line(PRIMARY_CARE, "MedicationRequest/9", None, text="white pill")),
    )
    assert "1 line without a known drug" in only(result, "omission-prescribed").message
    assert "unresolvable-drug" in types(result)


def test_a_drug_that_is_stopped_everywhere_is_missed_by_nobody() -> None:
    result = reconciled(record(PSYCHIATRY, order(status="stopped")), record(PRIMARY_CARE))
    assert types(result) == []
    assert result.medications[0].proposal.action is Action.STOP


def supplied(concept: object, days: int, *ago: int) -> object:
    """A pharmacy that handed it over so many days ago, each time for so many days."""
    return record(
        PHARMACY,
        *(
            dispense(
                PHARMACY,
                f"MedicationDispense/{number}",
                concept,
                on=TODAY - timedelta(days=since),
                days=days,
            )
            for number, since in enumerate(ago)
        ),
    )


def test_a_running_course_that_only_the_pharmacy_knows_is_an_addition_and_missing_nowhere() -> None:
    course = drug(PREDNISONE)
    result = reconciled(supplied(course, 10, 3), record(PSYCHIATRY), record(PRIMARY_CARE))
    finding = only(result, "addition")
    assert (finding.bucket, finding.severity) == (Bucket.SHOWN, Severity.LOW)
    assert finding.sources == (PHARMACY,)
    assert types(result) == ["addition"]


def test_a_course_of_two_weeks_is_short_and_one_of_fifteen_days_is_not() -> None:
    course = drug(PREDNISONE)
    for days, type_ in ((14, "addition"), (15, "omission-prescribed")):
        result = reconciled(supplied(course, days, 3), record(PRIMARY_CARE))
        assert types(result) == [type_], days


def test_a_steroid_that_is_refilled_is_a_long_therapy_and_missed_elsewhere() -> None:
    result = reconciled(supplied(drug(PREDNISONE), 10, 3, 13, 23), record(PRIMARY_CARE))
    assert types(result) == ["omission-prescribed"]


def test_the_first_weekly_fill_of_another_drug_is_no_course() -> None:
    result = reconciled(supplied(drug(CLOZAPINE), 7, 3), record(PRIMARY_CARE))
    assert types(result) == ["omission-specialist-supplied"]


def test_an_order_that_ends_within_days_is_a_course_whatever_the_drug() -> None:
    brief = order(start=TODAY, end=TODAY + timedelta(days=13), authored=TODAY)
    longer = order(start=TODAY, end=TODAY + timedelta(days=14), authored=TODAY)
    assert types(reconciled(record(PSYCHIATRY, brief), record(PRIMARY_CARE))) == ["addition"]
    result = reconciled(record(PSYCHIATRY, longer), record(PRIMARY_CARE))
    assert types(result) == ["omission-prescribed"]


def test_a_course_is_alone_for_certain_only_where_another_source_was_read_whole() -> None:
    result = reconciled(
        supplied(drug(PREDNISONE), 10, 3), record(PRIMARY_CARE, state=State.PARTIAL)
    )
    assert only(result, "addition").bucket is Bucket.NOT_EVALUABLE
