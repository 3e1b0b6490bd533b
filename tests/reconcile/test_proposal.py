"""What is proposed, and on which grounds it is said to rest."""

from datetime import date
from decimal import Decimal

from service.model.concept import AdministrationClass
from service.model.finding import Bucket
from service.model.medication import Action, Kind
from tests.reconcile.builders import (
    PALIPERIDONE,
    PHARMACY,
    PRIMARY_CARE,
    PSYCHIATRY,
    QUETIAPINE,
    SERTRALINE,
    dispense,
    drug,
    line,
    reconciled,
    record,
    types,
)

LOW, HIGH = drug(SERTRALINE, strength="50"), drug(SERTRALINE, strength="100")


def two_doses(*, stated_on: date, supplied: str | None = "100") -> object:
    order = line(
        PSYCHIATRY, "MedicationRequest/1", HIGH, dose="100", authored=date(2026, 2, 1),
        requester="Ada Braun",
    )  # fmt: skip
    stated = line(
        PRIMARY_CARE, "MedicationStatement/1", LOW, kind=Kind.STATEMENT, authored=stated_on
    )
    fill = dispense(PHARMACY, "MedicationDispense/1", HIGH, dose=supplied, on=date(2026, 2, 20))
    result = reconciled(
        record(PSYCHIATRY, order),
        record(PRIMARY_CARE, stated),
        record(PHARMACY, *([fill] if supplied else [])),
    )
    return result.medications[0].proposal


def test_order_and_supply_together_outweigh_an_older_statement_and_say_why() -> None:
    proposal = two_doses(stated_on=date(2026, 1, 5))
    assert proposal.action is Action.CHANGE
    assert proposal.text == "Change sertraline to 100 mg a day in primary-care."
    assert "psychiatry prescribes it (Ada Braun)" in proposal.reason.replace("Psych", "psych")
    assert "2026-02-20" in proposal.reason


def test_a_statement_younger_than_the_supply_leaves_a_question() -> None:
    assert two_doses(stated_on=date(2026, 3, 1)).action is Action.ASK


def test_without_supply_a_conflict_is_never_decided() -> None:
    assert two_doses(stated_on=date(2026, 1, 5), supplied=None).action is Action.ASK


def test_a_supply_of_the_other_dose_leaves_a_question() -> None:
    assert two_doses(stated_on=date(2026, 1, 5), supplied="50").action is Action.ASK


def test_a_possible_decimal_error_is_never_decided() -> None:
    result = reconciled(
        record(PSYCHIATRY, line(PSYCHIATRY, "R/1", HIGH, dose="100", authored=date(2026, 2, 1))),
        record(PRIMARY_CARE, line(PRIMARY_CARE, "R/1", LOW, dose="10", kind=Kind.STATEMENT)),
        record(PHARMACY, dispense(PHARMACY, "D/1", HIGH, dose="100")),
    )
    assert result.medications[0].proposal.action is Action.ASK


def test_what_is_given_on_site_and_never_dispensed_is_not_missed_at_the_pharmacy() -> None:
    tablet, other = drug(SERTRALINE), drug(QUETIAPINE)
    given = line(
        PSYCHIATRY, "MedicationAdministration/1", tablet, kind=Kind.ADMINISTRATION,
        status="completed", supplied_on=date(2026, 3, 10),
    )  # fmt: skip
    result = reconciled(
        record(
            PSYCHIATRY,
            line(PSYCHIATRY, "MedicationRequest/1", tablet),
            line(PSYCHIATRY, "MedicationRequest/2", other),
            given,
        ),
        record(PHARMACY, dispense(PHARMACY, "MedicationDispense/1", other)),
    )
    assert "omission-prescribed" not in types(result)
    assert "omission-prescribed" in types(result, Bucket.SUPPRESSED)


def test_a_route_that_only_the_dose_form_tells_contradicts_no_injection() -> None:
    depot = {"form": "injection", "administration": AdministrationClass.DEPOT}
    more = {"dose": "156", "interval_d": Decimal(28)}
    result = reconciled(
        record(
            PSYCHIATRY,
            line(PSYCHIATRY, "R/1", drug(PALIPERIDONE, route="parenteral", **depot), **more),
        ),
        record(
            PRIMARY_CARE,
            line(PRIMARY_CARE, "R/1", drug(PALIPERIDONE, route="intramuscular", **depot), **more),
        ),
    )
    assert types(result) == ["confirmed-match"]
