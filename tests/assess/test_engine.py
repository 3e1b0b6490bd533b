"""The engine as a whole: order, folding, repeats, silence for the dead, the same bytes twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.assess.engine import assess, calendar, examined, explain
from service.assess.rule import RuleBook
from service.mappings.case_patient import build
from service.mappings.case_rows import Case, MedicationRow, PatientRow, ResultRow
from service.mappings.rules import load_rules
from service.mappings.rxnorm import load_drug_table
from service.model.finding import Bucket, Finding, Severity
from service.model.record import PatientView
from service.normalize.drug_table import DrugTable

MAPPINGS = Path(__file__).parents[2] / "mappings"
AS_OF = date(2026, 3, 10)


@cache
def book() -> RuleBook:
    return load_rules(MAPPINGS)


@cache
def drugs() -> DrugTable:
    return load_drug_table(MAPPINGS)


def row(rxcui: str, source: str = "psychiatry", start: date = date(2026, 1, 10)) -> MedicationRow:
    return MedicationRow(rxcui=rxcui, name=rxcui, source=source, start=start)


LITHIUM, LISINOPRIL, IBUPROFEN = row("6448"), row("29046", "primary-care"), row("5640", "patient")
SERTRALINE, TRAZODONE, TRAMADOL = row("36437"), row("10737"), row("10689", "primary-care")
CLOZAPINE, PHENELZINE, ZOLPIDEM = row("2626"), row("8123"), row("39993", "primary-care")
EVERYBODY = (LITHIUM, LISINOPRIL, IBUPROFEN, SERTRALINE, TRAZODONE, TRAMADOL, CLOZAPINE, ZOLPIDEM)


def view(
    medications: Sequence[MedicationRow],
    *,
    results: Sequence[ResultRow] = (),
    patient: PatientRow | None = None,
) -> PatientView:
    case = Case(
        name="a patient",
        as_of=AS_OF,
        medications=tuple(medications),
        results=tuple(results),
        patient=patient or PatientRow(birth_date=date(1985, 6, 1), sex="female"),
        expect=(),
    )
    return build(case, drugs()).view


def found(*medications: MedicationRow, patient: PatientRow | None = None) -> tuple[Finding, ...]:
    return assess(view(medications, patient=patient), book(), AS_OF)


def said(findings: Sequence[Finding], rule: str) -> list[Finding]:
    return [finding for finding in findings if finding.rule.id == rule]


def test_a_deceased_patient_gets_no_finding_and_no_calendar() -> None:
    dead = view(EVERYBODY, patient=PatientRow(birth_date=date(1950, 1, 1), deceased=True))
    assert assess(dead, book(), AS_OF) == ()
    assert calendar(examined(dead, book(), AS_OF)) == ()


def test_the_gravest_findings_stand_first() -> None:
    ranks = [finding.severity.rank for finding in found(*EVERYBODY)]
    assert ranks == sorted(ranks)
    assert ranks[0] == Severity.HIGH.rank


def test_three_serotonergic_drugs_are_one_finding_that_names_all_three() -> None:
    folded = said(found(SERTRALINE, TRAZODONE, TRAMADOL), "burden/serotonergic")
    assert len(folded) == 1
    assert set(folded[0].ingredients) == {"sertraline", "trazodone", "tramadol"}


def test_one_drug_with_two_partners_of_a_class_is_one_finding() -> None:
    losartan = row("52175", "primary-care")
    folded = said(found(LITHIUM, LISINOPRIL, losartan), "interaction/lithium-renin-angiotensin")
    assert len(folded) == 1
    assert "lisinopril and losartan" in folded[0].message


def test_the_pair_that_is_contraindicated_suppresses_the_count_that_says_less() -> None:
    findings = found(PHENELZINE, SERTRALINE, TRAMADOL)
    assert said(findings, "interaction/maoi-reuptake")[0].bucket is Bucket.SHOWN
    burden = said(findings, "burden/serotonergic")[0]
    assert burden.bucket is Bucket.SUPPRESSED
    assert "already said by" in burden.reason


def test_an_unreviewed_rule_says_so_and_names_its_source() -> None:
    for finding in found(*EVERYBODY):
        assert not finding.rule.reviewed
        assert finding.rule.source


def test_every_finding_rests_on_a_fact_that_can_be_opened() -> None:
    for finding in found(*EVERYBODY):
        assert finding.evidence
        assert all(fact.source and "/" in fact.reference for fact in finding.evidence)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.permutations(EVERYBODY))
def test_the_order_of_the_list_changes_no_rule_and_no_severity(
    shuffled: list[MedicationRow],
) -> None:
    def told(findings: Sequence[Finding]) -> set[tuple[str, str, str, tuple[str, ...]]]:
        return {(f.rule.id, f.severity.value, f.bucket.value, f.ingredients) for f in findings}

    assert told(found(*shuffled)) == told(found(*EVERYBODY))


def test_the_same_view_in_any_order_of_medications_and_results_gives_the_same_findings() -> None:
    results = [
        ResultRow(loinc="14334-7", name="Lithium", effective=date(2026, 1, d), unit="mmol/L")
        for d in (2, 3, 4)
    ]
    whole = view(EVERYBODY, results=results)
    turned = replace(
        whole,
        medications=whole.medications[::-1],
        sources=whole.sources[::-1],
        facts=replace(whole.facts, results=whole.facts.results[::-1]),
    )
    assert assess(turned, book(), AS_OF) == assess(whole, book(), AS_OF)


def test_ids_tell_findings_apart_and_stay_from_run_to_run() -> None:
    once, twice = found(*EVERYBODY), found(*EVERYBODY)
    assert [f.id for f in once] == [f.id for f in twice]
    assert len({f.id for f in once}) == len(once)


def test_every_rule_is_explained_also_those_that_do_not_apply() -> None:
    answers = explain(view([LITHIUM, LISINOPRIL]), book(), AS_OF)
    assert {answer.rule for answer in answers} == {rule.id for rule in book()}
    assert all(answer.words for answer in answers)


def test_a_rule_that_is_off_says_nothing_and_explains_that_it_is_off() -> None:
    off = next(rule for rule in book() if rule.status.value == "off")
    words = [a.words for a in explain(view([LITHIUM]), book(), AS_OF) if a.rule == off.id]
    assert words == ["The rule is off."]
    assert not [f for f in found(*EVERYBODY) if f.rule.id == off.id]


def test_the_calendar_shows_what_is_not_due_yet() -> None:
    entries = calendar(examined(view([row("6448", start=date(2026, 3, 8))]), book(), AS_OF))
    level = next(entry for entry in entries if entry.rule == "monitoring/lithium-level")
    assert (level.due, level.overdue) == (date(2026, 3, 15), False)


def test_no_advice_tells_to_end_a_drug_at_once() -> None:
    for rule in book():
        text = f"{rule.message} {rule.advice}".lower()
        assert "stop now" not in text
        assert "rems" not in text.split()


def test_an_old_age_raises_a_moderate_finding_by_one_step() -> None:
    pair = (row("2556"), row("5640", "primary-care"))
    young = said(found(*pair), "interaction/ssri-nsaid")[0]
    old = PatientRow(birth_date=date(1950, 1, 1), sex="male")
    aged = said(found(*pair, patient=old), "interaction/ssri-nsaid")[0]
    assert (young.severity, aged.severity) == (Severity.MODERATE, Severity.HIGH)


def test_the_rules_that_are_asked_grow_with_the_patients_drugs_not_with_the_rules() -> None:
    assert len(book().concerning({"6448"})) < len(book()) / 4
