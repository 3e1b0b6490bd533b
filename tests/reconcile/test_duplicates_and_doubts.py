"""D1, B6 to B8, C7 to C11, depots against tablets, intentions, the delta."""

from dataclasses import replace
from datetime import date, timedelta

import msgspec
import pytest

from service.model.concept import (
    AdministrationClass,
    Coding,
    Ingredient,
    Resolution,
    ResolvedBy,
)
from service.model.evidence import Origin
from service.model.finding import Bucket, Finding, RuleReference, Severity
from service.model.medication import (
    Action,
    Agreement,
    Change,
    Kind,
    MatchConfidence,
    TherapyState,
)
from service.model.patient import MatchGrade, PatientLink
from service.model.signed import Intention, SignedList, SignedMedication
from service.model.source import State
from service.reconcile.intended import quieted
from tests.reconcile.builders import (
    PATIENT,
    PHARMACY,
    PRIMARY_CARE,
    PSYCHIATRY,
    QUETIAPINE,
    RISPERIDONE,
    SERTRALINE,
    TODAY,
    bare,
    dispense,
    drug,
    instruction,
    line,
    only,
    reconciled,
    record,
    types,
)

TABLET = drug(SERTRALINE)
SAME = {"requester": "Ada Braun", "requester_key": "Practitioner/1"}
ELSE = {"requester": "Carl Diaz", "requester_key": "Practitioner/2"}


def test_two_prescribers_of_one_drug_in_one_list_are_a_duplicate_of_two_prescribers() -> None:
    result = reconciled(
        record(
            PRIMARY_CARE,
            line(PRIMARY_CARE, "MedicationRequest/1", TABLET, **SAME),
            line(PRIMARY_CARE, "MedicationRequest/2", TABLET, **ELSE),
        )
    )
    assert types(result) == ["duplicate-same-drug", "prescriber-mismatch"]
    assert only(result, "duplicate-same-drug").severity is Severity.MODERATE


def test_a_duplicate_of_which_both_were_supplied_is_grave() -> None:
    result = reconciled(
        record(
            PRIMARY_CARE,
            line(PRIMARY_CARE, "MedicationRequest/1", TABLET, **SAME),
            line(PRIMARY_CARE, "MedicationRequest/2", TABLET, **ELSE),
            dispense(PRIMARY_CARE, "MedicationDispense/1", TABLET, links=("MedicationRequest/1",)),
            dispense(PRIMARY_CARE, "MedicationDispense/2", TABLET, links=("MedicationRequest/2",)),
        )
    )
    assert only(result, "duplicate-same-drug").severity is Severity.HIGH


def test_the_same_order_written_twice_is_a_duplicate_and_two_times_of_day_are_not() -> None:
    def twice(*when: str) -> list[str]:
        lines = [
            line(
                PSYCHIATRY, f"MedicationRequest/{n}", TABLET, dosage=instruction(when=(w,)), **SAME
            )
            for n, w in enumerate(when)
        ]
        return types(reconciled(record(PSYCHIATRY, *lines)))

    assert twice("MORN", "MORN") == ["duplicate-same-drug"]
    assert twice("MORN", "HS") == []


def test_one_therapy_in_two_lists_is_no_duplicate() -> None:
    result = reconciled(
        record(PSYCHIATRY, line(PSYCHIATRY, "MedicationRequest/1", TABLET, **SAME)),
        record(PRIMARY_CARE, line(PRIMARY_CARE, "MedicationRequest/1", TABLET, **SAME)),
    )
    assert types(result) == ["confirmed-match"]


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("Dr. Ada Braun", "Braun, Ada MD", False),
        ("A. Braun", "Ada Braun", False),
        ("Ada Braun", "Carl Diaz", True),
        ("Ada Braun", "", False),
    ],
)
def test_people_are_compared_by_name_across_servers(one: str, other: str, differ: bool) -> None:
    result = reconciled(
        record(
            PSYCHIATRY,
            line(
                PSYCHIATRY,
                "MedicationRequest/1",
                TABLET,
                requester=one,
                requester_key="Practitioner/1",
            ),
        ),
        record(
            PRIMARY_CARE,
            line(
                PRIMARY_CARE,
                "MedicationRequest/1",
                TABLET,
                requester=other,
                requester_key="Practitioner/8",
            ),
        ),
    )
    assert ("prescriber-mismatch" in types(result)) is differ


def test_supplies_of_two_pharmacies_that_overlap_are_told() -> None:
    def second(on: date) -> list[str]:
        return types(
            reconciled(
                record(
                    PHARMACY,
                    dispense(
                        PHARMACY, "D/1", TABLET, on=date(2026, 2, 12), dispenser="Corner Pharmacy"
                    ),
                    dispense(PHARMACY, "D/2", TABLET, on=on, dispenser="Main Pharmacy"),
                )
            )
        )

    assert second(date(2026, 2, 20)) == ["poly-pharmacy-supply"]
    assert second(date(2026, 3, 7)) == []


def test_reasons_that_share_a_word_agree_and_others_do_not() -> None:
    def against(reason: str) -> list[str]:
        return types(
            reconciled(
                record(
                    PSYCHIATRY,
                    line(PSYCHIATRY, "R/1", TABLET, reasons=("Major depressive disorder",)),
                ),
                record(PRIMARY_CARE, line(PRIMARY_CARE, "R/1", TABLET, reasons=(reason,))),
            )
        )

    assert against("Recurrent depressive disorder") == ["confirmed-match"]
    assert against("Panic disorder") == ["indication-mismatch"]


def test_a_reason_missing_everywhere_is_kept_but_not_shown() -> None:
    finding = only(
        reconciled(record(PSYCHIATRY, line(PSYCHIATRY, "R/1", TABLET))), "indication-mismatch"
    )
    assert finding.bucket is Bucket.SUPPRESSED


def unread(source: str, reference: str, text: str, **more: object) -> object:
    return line(source, reference, None, text=text, **more)


def test_a_drug_nobody_recognised_is_said_and_stays_on_the_list() -> None:
    result = reconciled(record(PSYCHIATRY, unread(PSYCHIATRY, "R/1", "white pill")))
    assert types(result) == ["unresolvable-drug"]
    (medication,) = result.medications
    assert (medication.ingredients, medication.display) == ((), "white pill")


def test_unread_lines_group_by_the_same_text_only_and_ask_to_confirm() -> None:
    result = reconciled(
        record(PSYCHIATRY, unread(PSYCHIATRY, "R/1", "White  Pill!")),
        record(PRIMARY_CARE, unread(PRIMARY_CARE, "R/1", "white pill")),
        record(PHARMACY, unread(PHARMACY, "R/1", "white pills")),
    )
    assert sorted(len(m.lines) for m in result.medications) == [1, 2]
    pair = next(m for m in result.medications if len(m.lines) == 2)
    assert {x.match.level for x in pair.lines} == {7}
    assert {x.match.confidence for x in pair.lines} == {MatchConfidence.CONFIRM}


def test_an_unread_line_follows_its_link_to_a_known_drug() -> None:
    result = reconciled(
        record(
            PHARMACY,
            line(PHARMACY, "MedicationRequest/1", TABLET),
            unread(
                PHARMACY,
                "MedicationDispense/1",
                "???",
                kind=Kind.DISPENSE,
                links=("MedicationRequest/1",),
            ),
        )
    )
    (medication,) = result.medications
    assert {x.match.level for x in medication.lines} == {1}


def test_linked_lines_of_two_drugs_are_not_merged() -> None:
    result = reconciled(
        record(
            PHARMACY,
            line(PHARMACY, "MedicationRequest/1", TABLET),
            dispense(
                PHARMACY, "MedicationDispense/1", drug(QUETIAPINE), links=("MedicationRequest/1",)
            ),
        )
    )
    assert len(result.medications) == 2


def test_levels_name_the_best_evidence_for_each_line() -> None:
    def levels(other: object) -> set[int]:
        result = reconciled(
            record(PSYCHIATRY, line(PSYCHIATRY, "R/1", TABLET)),
            record(PRIMARY_CARE, line(PRIMARY_CARE, "R/1", other)),
        )
        (medication,) = result.medications
        return {x.match.level for x in medication.lines}

    assert levels(TABLET) == {2}
    assert levels(drug(SERTRALINE, brand="Zoloft")) == {3}
    assert levels(drug(SERTRALINE, strength="100")) == {4}
    assert levels(bare(SERTRALINE)) == {5}


def test_a_bare_ingredient_joins_the_only_class_its_drug_has() -> None:
    depot = drug(
        RISPERIDONE, form="injection", route="intramuscular",
        administration=AdministrationClass.DEPOT,
    )  # fmt: skip
    with_depot = reconciled(
        record(PSYCHIATRY, line(PSYCHIATRY, "R/1", depot)),
        record(PRIMARY_CARE, line(PRIMARY_CARE, "R/1", bare(RISPERIDONE))),
    )
    assert len(with_depot.medications) == 1
    both = reconciled(
        record(
            PSYCHIATRY, line(PSYCHIATRY, "R/1", depot), line(PSYCHIATRY, "R/2", drug(RISPERIDONE))
        ),
        record(PRIMARY_CARE, line(PRIMARY_CARE, "R/1", bare(RISPERIDONE))),
    )
    assert len(both.medications) == 2


def test_a_depot_here_and_tablets_there_are_one_grave_question() -> None:
    depot = drug(
        RISPERIDONE, form="injection", route="intramuscular",
        administration=AdministrationClass.DEPOT,
    )  # fmt: skip
    result = reconciled(
        record(PSYCHIATRY, line(PSYCHIATRY, "R/1", depot)),
        record(PRIMARY_CARE, line(PRIMARY_CARE, "R/1", drug(RISPERIDONE))),
    )
    assert types(result) == ["form-mismatch"]
    finding = only(result, "form-mismatch")
    assert finding.severity is Severity.HIGH
    assert len(finding.medications) == 2
    assert {m.agreement for m in result.medications} == {Agreement.DIFFERENT}


def test_text_against_structure_and_code_against_text_are_grave() -> None:
    dosage = msgspec.structs.replace(instruction(), conflict="text says 2 a day, structure 1 a day")
    wrong = Resolution(TABLET, ResolvedBy.CODING, conflict=(Ingredient("1", "alprazolam"),))
    result = reconciled(
        record(PSYCHIATRY, line(PSYCHIATRY, "R/1", TABLET, dosage=dosage, resolution=wrong))
    )
    assert only(result, "text-structure-conflict").severity is Severity.HIGH
    assert "alprazolam" in only(result, "code-text-conflict").message
    past = reconciled(
        record(PSYCHIATRY, line(PSYCHIATRY, "R/1", TABLET, dosage=dosage, status="stopped"))
    )
    assert only(past, "text-structure-conflict").bucket is Bucket.SUPPRESSED


def test_a_drug_stated_in_two_strengths_is_a_grave_question_and_no_dose() -> None:
    both = Resolution(bare(SERTRALINE), ResolvedBy.CODING, strengths=("50 mg", "100 mg"))
    result = reconciled(
        record(PSYCHIATRY, line(PSYCHIATRY, "R/1", TABLET, dose=None, resolution=both))
    )
    finding = only(result, "code-text-conflict")
    assert finding.severity is Severity.HIGH
    assert "50 mg and 100 mg at once" in finding.message
    assert "also names" not in finding.message
    assert result.medications[0].proposal.action is Action.ASK


def test_a_drug_that_a_line_names_beside_its_own_is_the_only_one_told() -> None:
    named = (Ingredient("1", "alprazolam"), SERTRALINE)
    wrong = Resolution(TABLET, ResolvedBy.CODING, conflict=named, strengths=("50 mg", "5 mg"))
    result = reconciled(record(PSYCHIATRY, line(PSYCHIATRY, "R/1", TABLET, resolution=wrong)))
    message = only(result, "code-text-conflict").message
    assert "also names alprazolam; it states" in message
    assert "50 mg and 5 mg at once" in message


def test_a_doubtful_link_and_an_incomplete_source_are_said() -> None:
    doubt = PatientLink(Origin(PHARMACY, "Patient/5"), MatchGrade.PROBABLE, ("family", "birthdate"))
    sure = PatientLink(Origin(PRIMARY_CARE, "Patient/9"), MatchGrade.CERTAIN, ("asked",))
    result = reconciled(
        record(PRIMARY_CARE),
        record(PHARMACY, state=State.UNAVAILABLE, reasons=("not decided",)),
        links=(doubt, sure),
    )
    assert types(result) == ["identity-doubt", "source-incomplete"]
    assert only(result, "identity-doubt").evidence[0].reference == "Patient/5"


def test_age_and_kidney_function_raise_a_dose_mismatch() -> None:
    low = line(PSYCHIATRY, "R/1", TABLET, dose="50")
    high = line(PRIMARY_CARE, "R/1", TABLET, dose="75")
    from service.model.clinical import LabResult
    from service.model.dosage import Quantity
    from service.model.patient import PatientRecord

    def severity(**more: object) -> Severity:
        chart = replace(record(PSYCHIATRY, low), **more)
        return only(reconciled(chart, record(PRIMARY_CARE, high)), "dose-mismatch").severity

    def born(day: date) -> tuple[PatientRecord, ...]:
        return (PatientRecord(Origin(PSYCHIATRY, "Patient/1"), birth_date=day),)

    def egfr(value: int) -> tuple[LabResult, ...]:
        from decimal import Decimal

        return (
            LabResult(
                Origin(PSYCHIATRY, "Observation/1"),
                (Coding("http://loinc.org", "98979-8"),),
                "final",
                date(2026, 1, 1),
                value=Quantity(Decimal(value), "mL/min/{1.73_m2}"),
            ),
        )

    assert severity() is Severity.MODERATE
    assert severity(patients=born(date(1961, 3, 11))) is Severity.MODERATE
    assert severity(patients=born(date(1961, 3, 10))) is Severity.HIGH
    assert severity(patients=born(date(2008, 3, 11))) is Severity.HIGH
    assert severity(results=egfr(45)) is Severity.MODERATE
    assert severity(results=egfr(44)) is Severity.HIGH


def test_what_a_person_called_intended_stays_quiet_until_that_day() -> None:
    low = record(PSYCHIATRY, line(PSYCHIATRY, "R/1", TABLET, dose="50"))
    high = record(PRIMARY_CARE, line(PRIMARY_CARE, "R/1", TABLET, dose="75"))
    medication = reconciled(low, high).medications[0].id

    def bucket(until: date) -> Bucket:
        meant = Intention("dose-mismatch", (medication,), until, "Ada Braun", "cross-taper")
        signed = SignedList(date(2026, 3, 1), (), (meant,))
        return only(reconciled(low, high, previous=signed), "dose-mismatch").bucket

    assert bucket(date(2026, 3, 10)) is Bucket.SUPPRESSED
    assert bucket(date(2026, 3, 9)) is Bucket.SHOWN


def test_what_was_called_intended_is_shown_again_when_it_became_graver() -> None:
    """A titration of 50 to 75 mg was meant; a decimal point that slips meanwhile was not."""
    low = record(PSYCHIATRY, line(PSYCHIATRY, "R/1", TABLET, dose="50"))

    def now(dose: str, judged: Severity) -> Bucket:
        other = record(PRIMARY_CARE, line(PRIMARY_CARE, "R/1", TABLET, dose=dose))
        medication = reconciled(low, other).medications[0].id
        meant = Intention("dose-mismatch", (medication,), TODAY, "Ada Braun", severity=judged)
        signed = SignedList(date(2026, 3, 1), (), (meant,))
        return only(reconciled(low, other, previous=signed), "dose-mismatch").bucket

    assert now("75", Severity.MODERATE) is Bucket.SUPPRESSED
    assert now("500", Severity.MODERATE) is Bucket.SHOWN
    assert now("500", Severity.HIGH) is Bucket.SUPPRESSED


def test_an_overlap_called_intended_says_nothing_of_a_third_drug() -> None:
    """A cross-taper of two drugs was judged; a third one of the class was not."""
    rule = RuleReference("duplication/antipsychotics", 1, "source", reviewed=False)
    meant = Intention("therapeutic-duplication", ("m-1", "m-2"), TODAY, "Ada Braun", "cross-taper")

    def bucket(*medications: str, on: date = TODAY) -> Bucket:
        found = Finding(
            "f-1",
            "therapeutic-duplication",
            Severity.MODERATE,
            "Two antipsychotics",
            "Two.",
            rule,
            medications=medications,
        )
        return quieted(found, [meant], on).bucket

    assert bucket("m-1", "m-2") is Bucket.SUPPRESSED
    assert bucket("m-1", "m-2", "m-3") is Bucket.SHOWN
    assert bucket("m-1", "m-3") is Bucket.SHOWN
    assert bucket("m-1", "m-2", on=TODAY + timedelta(days=1)) is Bucket.SHOWN


def test_the_delta_is_against_the_last_signed_list() -> None:
    def change(previous: SignedList | None, dose: str = "50", status: str = "active") -> object:
        chart = record(PATIENT, line(PATIENT, "R/1", TABLET, dose=dose, status=status))
        return reconciled(chart, previous=previous).medications[0].change

    now = reconciled(record(PATIENT, line(PATIENT, "R/1", TABLET))).medications[0]
    signed = SignedList(
        date(2026, 3, 1), (SignedMedication(now.id, TherapyState.CURRENT, now.daily_doses),)
    )
    assert change(None) is None
    assert change(SignedList(date(2026, 3, 1), ())) is Change.STARTED
    assert change(signed) is Change.UNCHANGED
    assert change(signed, dose="100") is Change.CHANGED
    assert change(signed, status="stopped") is Change.STOPPED


@pytest.mark.parametrize(
    ("route", "form", "change"),
    [
        ("oral", "tablet", Change.UNCHANGED),
        ("oral", "capsule", Change.UNCHANGED),
        ("", "", Change.UNCHANGED),
        ("sublingual", "tablet", Change.CHANGED),
        ("oral", "solution", Change.CHANGED),
    ],
    ids=["the same", "capsules for tablets", "not told then", "another route", "another form"],
)
def test_a_drug_that_is_taken_by_another_route_or_form_has_changed(
    route: str, form: str, change: Change
) -> None:
    chart = record(PATIENT, line(PATIENT, "R/1", TABLET))
    now = reconciled(chart).medications[0]
    assert (now.route, now.form) == ("oral", "tablet")
    signed = SignedMedication(now.id, now.state, now.daily_doses, route, form)
    before = SignedList(date(2026, 3, 1), (signed,))
    assert reconciled(chart, previous=before).medications[0].change is change


def test_codings_of_two_drugs_that_no_text_decides_name_both_and_choose_none() -> None:
    both = (Ingredient("1", "lithium"), Ingredient("2", "sertraline"))
    unread = Resolution(None, ResolvedBy.NOTHING, conflict=both)
    result = reconciled(
        record(PSYCHIATRY, line(PSYCHIATRY, "R/1", None, text="blue pill", resolution=unread))
    )
    message = only(result, "code-text-conflict").message
    assert "names lithium and sertraline at once" in message
    assert "was read as" not in message
