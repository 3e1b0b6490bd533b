"""The plan beside the pills: calendar, questions at their visit, therapies, goals, education."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from service.assess.engine import examined, findings
from service.assess.plan_items import plan_items
from service.mappings.case_patient import build
from service.mappings.case_rows import (
    AnswerRow,
    Case,
    ConditionRow,
    MedicationRow,
    MemberRow,
    PatientRow,
    PlanRow,
    ResultRow,
    VisitRow,
)
from service.mappings.planning import load_planning
from service.model.care import CarePlanItems
from service.model.finding import Bucket, Severity

from .test_engine import AS_OF, book, drugs

PLANNING = load_planning(Path(__file__).parents[2] / "mappings")
LITHIUM = MedicationRow(
    rxcui="6448", name="lithium", start=date(2024, 1, 10), requester="Dr Moss", dose=Decimal(900)
)
NEXT_WEEK = AS_OF + timedelta(days=7)


def _case(**kinds: object) -> Case:
    return Case(name="x", as_of=AS_OF, expect=(), **{"medications": (LITHIUM,), **kinds})


def _items(case: Case) -> CarePlanItems:
    examination = examined(build(case, drugs()).view, book(), AS_OF)
    return plan_items(examination, findings(examination), PLANNING)


def test_each_test_stands_once_with_its_day_and_who_owns_it() -> None:
    calendar = _items(_case()).calendar
    tests = [entry.what for entry in calendar]
    assert "lithium level" in tests
    assert len(set(tests)) == len(tests)
    assert {entry.owner for entry in calendar} == {"Dr Moss (psychiatry)"}
    assert [entry.due for entry in calendar] == sorted(entry.due for entry in calendar)


def test_a_test_belongs_to_the_visit_of_the_prescribing_clinic_not_to_the_nearest() -> None:
    visits = (
        VisitRow(source="primary-care", start=AS_OF + timedelta(days=1)),
        VisitRow(start=NEXT_WEEK),
        VisitRow(start=AS_OF + timedelta(days=90)),
    )
    level = next(e for e in _items(_case(visits=visits)).calendar if e.what == "lithium level")
    assert level.overdue
    assert level.visit is not None
    assert level.visit.on == NEXT_WEEK


def test_a_test_of_next_year_is_not_pinned_to_the_visit_of_next_week() -> None:
    fresh = ResultRow(loinc="3016-3", name="TSH", effective=AS_OF, value=Decimal(2), unit="m[IU]/L")
    items = _items(_case(results=(fresh,), visits=(VisitRow(start=NEXT_WEEK),)))
    assert next(e for e in items.calendar if e.what == "TSH").visit is None


def test_a_missed_or_past_visit_answers_nothing() -> None:
    visits = (
        VisitRow(start=NEXT_WEEK, status="cancelled"),
        VisitRow(start=AS_OF - timedelta(days=3)),
    )
    assert {entry.visit for entry in _items(_case(visits=visits)).calendar} == {None}


def test_every_shown_high_or_moderate_finding_asks_its_question_at_a_visit() -> None:
    case = _case(visits=(VisitRow(start=NEXT_WEEK),))
    examination = examined(build(case, drugs()).view, book(), AS_OF)
    found = findings(examination)
    asked = plan_items(examination, found, PLANNING).questions
    loud = {
        f.id
        for f in found
        if f.bucket is Bucket.SHOWN and f.severity in (Severity.HIGH, Severity.MODERATE)
    }
    assert {question.finding for question in asked} == loud
    assert all(question.visit and question.visit.on == NEXT_WEEK for question in asked)


def test_therapies_and_team_roles_are_referred_to_wherever_a_source_has_them() -> None:
    items = _items(
        _case(
            answers=(AnswerRow(type="ServiceRequest", when=AS_OF, text="Family therapy"),),
            visits=(VisitRow(start=NEXT_WEEK, service="Cognitive behavioral therapy"),),
            plans=(PlanRow(title="Plan", says=("Repetitive transcranial magnetic stimulation",)),),
            care_team=(MemberRow(name="Kim", role="Supported employment specialist"),),
        )
    )
    assert [activity.kind for activity in items.activities] == [
        "cbt",
        "coordinated-specialty-care",
        "family-therapy",
        "tms",
    ]


def test_a_therapy_that_was_cancelled_is_not_carried() -> None:
    told = AnswerRow(type="ServiceRequest", when=AS_OF, status="revoked", text="Group therapy")
    assert _items(_case(answers=(told,))).activities == ()


def test_open_goals_and_stated_preferences_are_carried_along() -> None:
    goals = _items(
        _case(
            answers=(
                AnswerRow(type="Goal", status="active", when=AS_OF, text="Back to work"),
                AnswerRow(type="Goal", status="completed", when=AS_OF, text="Sleep"),
            ),
            results=(ResultRow(loinc="75773-2", name="x", effective=AS_OF, text="No injections"),),
        )
    ).goals
    assert [(goal.kind, goal.text) for goal in goals] == [
        ("goal", "Back to work"),
        ("preference", "No injections"),
    ]


def test_what_is_taught_belongs_to_what_is_taken_and_names_its_source() -> None:
    taught = _items(_case()).education
    assert len(taught) == 1
    assert taught[0].source
    assert taught[0].medications


def test_scores_stand_beside_dose_changes_on_one_time_line() -> None:
    doses = (
        MedicationRow(
            rxcui="36437", name="x", start=date(2025, 9, 1), end=date(2025, 11, 1), dose=Decimal(50)
        ),
        MedicationRow(rxcui="36437", name="x", start=date(2025, 11, 1), dose=Decimal(100)),
    )
    scores = tuple(
        ResultRow(loinc="44261-6", name="x", effective=day, value=Decimal(value), unit="{score}")
        for day, value in ((date(2025, 8, 30), 18), (date(2025, 12, 20), 6))
    )
    line = _items(_case(medications=doses, results=scores)).timeline
    assert [moment.value.split()[0] for moment in line] == ["18", "50", "100", "6"]


def test_side_effects_stand_beside_the_doses_as_diagnoses_and_as_scales() -> None:
    line = _items(
        _case(
            conditions=(
                ConditionRow(
                    system="icd-10-cm",
                    code="G25.71",
                    name="Drug induced akathisia",
                    onset=date(2025, 12, 1),
                    active=False,
                ),
                ConditionRow(
                    system="icd-10-cm", code="J45.909", name="Asthma", onset=date(2025, 12, 1)
                ),
            ),
            answers=(
                AnswerRow(type="QuestionnaireResponse", when=date(2025, 12, 5), text="FIBSER"),
                AnswerRow(type="QuestionnaireResponse", when=date(2025, 12, 6), text="PHQ-9"),
            ),
        )
    ).timeline
    effects = [(m.on, m.what, m.value) for m in line if m.kind == "side-effect"]
    assert effects == [
        (date(2025, 12, 1), "Drug induced akathisia", "over"),
        (date(2025, 12, 5), "FIBSER", "recorded"),
    ]


def test_a_deceased_patient_has_no_plan() -> None:
    dead = _case(patient=PatientRow(birth_date=date(1950, 1, 1), deceased=True))
    assert _items(dead) == CarePlanItems()
