"""From codings and text to the drug: shapes of records, contradictions, look-alikes."""

from __future__ import annotations

import csv
import os
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.mappings.rxnorm_rows import ucum
from service.model.concept import (
    NDC,
    RXNORM,
    SNOMED,
    AdministrationClass,
    Coding,
    Resolution,
    ResolvedBy,
)
from service.normalize.drug import resolve
from service.normalize.drug_rows import strength_text
from service.normalize.drug_spelling import distance
from service.normalize.drug_text import read_text

from .drug_tables import drug_table

REFERENCE = os.environ.get("CONCORD_REFERENCE_DATA")


def by_text(text: str) -> Resolution:
    return resolve((), text, drug_table())


def by_codes(*codes: str, text: str = "") -> Resolution:
    return resolve(tuple(Coding(RXNORM, code) for code in codes), text, drug_table())


def names(resolution: Resolution) -> list[str]:
    return [i.name for i in resolution.drug.ingredients] if resolution.drug else []


@pytest.mark.parametrize(
    ("text", "rxcui"),
    [
        ("sertraline 100 MG Oral Tablet [Zoloft]", "208149"),
        ("PRINIVIL (LISINOPRIL) 10 MG Tablet", "206765"),
        ("lisinopril-hydroCHLOROthiazide 10-12.5 MG per tablet", "197885"),
        ("amphetamine-dextroamphetamine XR 15 MG 24 hr capsule", "861223"),
        ("digoxin 125 MCG tablet", "197604"),
        ("Dilantin 125mg/5ml Oral Suspension", "1313884"),
        ("lithium carbonate ER 450 mg", "197892"),
        ("quetiapine 25 mg tabs take 1 tab at bedtime", "312744"),
        ("Invega Sustenna 234 mg/1.5 mL IM syringe", "858053"),
        ("Effexor XR 75mg caps", "729929"),
        ("olanzapine-fluoxetine 6-25 mg capsule", "403969"),
        ("lisinopril 20mg", "314077"),
        ("citalopram 20mg", "329444"),
    ],
)
def test_texts_as_records_write_them_lead_to_their_product(text: str, rxcui: str) -> None:
    drug = by_text(text).drug
    assert drug is not None
    assert drug.rxcui == rxcui, drug.name


def test_the_total_of_mixed_amphetamine_salts_is_read_as_their_sum() -> None:
    drug = by_text("Adderall 20 mg tab").drug
    assert drug is not None
    assert sum(s.value for s in drug.strengths) == Decimal(20)


@pytest.mark.parametrize(
    "text",
    [
        "Invega Sustenna",
        "Vivitrol",
        "haloperidol decanoate 50 mg IM q4w",
        "Aristada 441 mg",
        "aripiprazole ER 400 mg IM injection",
        "risperidone extended-release 37.5 mg injection",
    ],
)
def test_long_acting_injections_are_depots_whatever_their_text_leaves_out(text: str) -> None:
    drug = by_text(text).drug
    assert drug is not None
    assert drug.administration is AdministrationClass.DEPOT


def test_the_most_specific_of_agreeing_codings_wins_in_any_order() -> None:
    codes = ("36437", "312938", "82728")
    found = {by_codes(*order).drug for order in (codes, codes[::-1], ("82728", "312938", "36437"))}
    assert {drug and drug.rxcui for drug in found} == {"312938"}


def test_a_code_for_one_ingredient_beside_its_combination_is_no_conflict() -> None:
    found = by_codes("142153", "1190220", "151539")
    assert names(found) == ["albuterol", "ipratropium"]
    assert found.conflict == ()


def test_codings_of_different_drugs_stay_unresolved_without_a_text() -> None:
    found = by_codes("312938", "197885")
    assert found.drug is None
    assert {i.name for i in found.conflict} == {"sertraline", "lisinopril", "hydrochlorothiazide"}
    assert found.candidates == ("197885", "312938")


def test_the_text_supports_one_of_two_codings_that_disagree() -> None:
    found = by_codes("312938", "314077", text="sertraline 100 mg tablet")
    assert names(found) == ["sertraline"]
    assert [i.name for i in found.conflict] == ["lisinopril"]


def test_code_and_text_that_name_different_drugs_are_a_conflict() -> None:
    found = by_codes("312938", text="lisinopril 10 MG Oral Tablet")
    assert names(found) == ["sertraline"]
    assert {i.name for i in found.conflict} == {"lisinopril", "sertraline"}


def test_a_text_refines_an_ingredient_code_to_its_product() -> None:
    found = by_codes("36437", text="sertraline 50 mg oral tablet")
    assert found.drug is not None
    assert found.drug.rxcui == "312941"
    assert found.by is ResolvedBy.CODING


@pytest.mark.parametrize(
    "found",
    [
        by_codes("312938", text="sertraline 50 mg oral tablet"),
        by_codes("312938", "312941"),
        by_codes("312941", "208149", text="sertraline"),
        resolve((Coding(NDC, "00049-4910"),), "Zoloft 50 mg", drug_table()),
        resolve((Coding("urn:local", "7", "sertraline 50 mg tablet"),), "Zoloft 100 mg tab",
                drug_table()),
    ],
    ids=["code and text", "two codes", "generic and brand", "NDC and text", "two texts"],
)  # fmt: skip
def test_one_drug_in_two_strengths_leaves_the_strength_to_a_person(found: Resolution) -> None:
    assert found.drug is not None
    assert names(found) == ["sertraline"]
    assert found.drug.form == "tablet"
    assert not found.drug.strengths
    assert not found.drug.clinical_drug
    assert sorted(found.strengths) == ["100 mg", "50 mg"]
    assert not found.conflict


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("312938", "Sertraline HCl 100 MG"),
        ("312938", "sertraline 0.1 g tablet"),
        ("580261", "tiotropium 0.018 MG/ACTUAT Inhalant Powder [Spiriva]"),
        ("36437", "sertraline 50 mg"),
    ],
    ids=["the same", "in another unit", "per puff and per capsule", "of the ingredient alone"],
)
def test_strengths_that_say_the_same_or_cannot_be_compared_are_no_conflict(
    code: str, text: str
) -> None:
    found = by_codes(code, text=text)
    assert not found.strengths
    assert found.drug is not None
    assert found.drug.strengths


def test_a_combination_coded_in_two_strengths_keeps_its_ingredients_alone() -> None:
    found = by_codes("197885", text="lisinopril 20 mg / hydrochlorothiazide 25 mg tablet")
    assert names(found) == ["hydrochlorothiazide", "lisinopril"]
    assert found.drug is not None
    assert not found.drug.strengths
    assert len(found.strengths) == 2


def test_an_unknown_code_gives_way_to_the_text_and_says_so() -> None:
    found = by_codes("999999999", text="sertraline 50 mg oral tablet")
    assert found.by is ResolvedBy.TEXT
    assert found.drug is not None
    assert "RxNorm 999999999 is not in the drug table" in found.evidence


def test_displays_of_other_code_systems_are_read_as_text() -> None:
    coding = Coding(SNOMED, "320089003", "Azithromycin 250mg capsule (product)")
    found = resolve((coding,), "", drug_table())
    assert names(found) == ["azithromycin"]
    assert "SNOMED CT 320089003 is not in the drug table" in found.evidence


def test_an_ndc_resolves_to_its_product() -> None:
    found = resolve((Coding(NDC, "0071-2214-20"),), "", drug_table())
    assert found.by is ResolvedBy.NDC
    assert names(found) == ["phenytoin"]


def test_a_text_that_names_two_drugs_which_no_product_combines_is_not_guessed() -> None:
    found = by_text("Prozac (sertraline) 20 mg")
    assert found.drug is None
    assert set(found.candidates) == {"36437", "58827"}


@pytest.mark.parametrize("text", ["", "unknown", "TPF", "see note", "50 mg", "take one daily"])
def test_words_that_name_no_drug_stay_unresolved(text: str) -> None:
    assert by_text(text).drug is None


def test_drugs_of_the_directions_are_not_the_drug() -> None:
    text = "Misoprostol 200mcg take 4 tabs BUC 24-48h after mifepristone x1"
    assert names(by_text(text)) == ["misoprostol"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Simvistatin 10 MG", "simvastatin"),
        ("setraline 50 mg", "sertraline"),
        ("olanzepine 5 mg tab", "olanzapine"),
    ],
)
def test_one_wrong_letter_is_read_and_said(text: str, name: str) -> None:
    found = by_text(text)
    assert names(found) == [name]
    assert found.by is ResolvedBy.SPELLING
    assert any("read as" in words for words in found.evidence)


@pytest.mark.parametrize("text", ["hydralyzine 25 mg", "trazadone 50 mg"])
def test_a_misspelling_near_two_drugs_is_left_to_a_person(text: str) -> None:
    found = by_text(text)
    assert found.drug is None


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading(text: str) -> None:
    reading = read_text(text)
    assert 0 <= reading.head <= len(reading.words)
    by_text(text)


@given(st.text("abcd", max_size=8), st.text("abcd", max_size=8))
def test_distance_is_symmetric_and_zero_only_for_the_same(one: str, other: str) -> None:
    assert distance(one, other, 8) == distance(other, one, 8)
    assert (distance(one, other, 8) == 0) == (one == other)


NOT_IN_THE_TEXT = {
    "albuterol sulfate": "the record's code is a combination with ipratropium, the text is not",
    "insulin aspart, human": "the record's code is a mixture with its protamine, the text is not",
}


@pytest.mark.skipif(not REFERENCE, reason="CONCORD_REFERENCE_DATA is not set")
def test_texts_of_real_records_lead_to_the_ingredients_of_their_codes() -> None:
    table = drug_table()
    path = Path(REFERENCE or "") / "gold" / "drug_text_gold.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file, delimiter="\t") if r["expected_ingredient_rxcuis"]]
    inert = "748794"
    misses = set()
    for row in rows:
        codes = set(row["expected_ingredient_rxcuis"].split("|")) - {inert}
        expected = {table.moiety(code) for code in codes}
        drug = by_text(row["text"]).drug
        found = {i for i in drug.ingredients if i.rxcui != inert} if drug else set()
        if found != expected:
            misses.add(row["text"])
    assert misses == set(NOT_IN_THE_TEXT)
    assert len(rows) - len(misses) >= 0.98 * len(rows)


NO_STRENGTH_STATED = frozenset(
    {
        "Allegra", "Levemir Flexpen", "Ventolin HFA (200 actuations)", "Carbamazepine[Tegretol]",
        "Diazepam [Valium]", "albuterol sulfate", "Combivent", "insulin aspart, human",
        "insulin glargine", "Kenalog", "Lantus", "NovoLog Mix", "triamcinolone acetonide",
    }
)  # fmt: skip
"""Texts that state no strength: the label's comes from the record's code alone."""

STATED_OTHERWISE = {
    "hydrocortisone 10 MG/ML Topical Cream": "10 mg/mL",
    "Ergocalciferol Capsule 50,000 iu": "50000 [iU]",
    "Vitamin D3 Capsule 4000 iu": "4000 [iU]",
    "tiotropium 0.018 MG/ACTUAT Inhalant Powder [Spiriva]": "0.018 mg/{actuat}",
}
"""The strength as the text states it, where RxNorm now writes the same amount in other units."""


@pytest.mark.skipif(not REFERENCE, reason="CONCORD_REFERENCE_DATA is not set")
def test_texts_of_real_records_lead_to_the_strengths_that_they_state() -> None:
    table, missed = drug_table(), []
    path = Path(REFERENCE or "") / "gold" / "drug_text_gold.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        labelled = [r for r in csv.DictReader(file, delimiter="\t") if r["expected_strengths"]]
    rows = [row for row in labelled if row["text"] not in NO_STRENGTH_STATED]
    for row in rows:
        codes = row["expected_ingredient_rxcuis"].split("|")
        expected: dict[tuple[str, str], Decimal] = {}
        for code, strength in zip(codes, row["expected_strengths"].split("|"), strict=True):
            moiety = table.moiety(code)
            stated = STATED_OTHERWISE.get(row["text"], ucum(strength))
            amount, _, unit = stated.partition(" ")
            key = moiety.rxcui if moiety else code, unit
            expected[key] = expected.get(key, Decimal(0)) + Decimal(amount)
        drug = by_text(row["text"]).drug
        strengths = drug.strengths if drug else ()
        found = {(one.rxcui, strength_text(one).partition(" ")[2]): one.value for one in strengths}
        if found != expected:
            missed.append(row["text"])
    assert len(rows) >= 140
    assert len(missed) <= 0.03 * len(rows), missed


@pytest.mark.parametrize(
    ("text", "rxcui"),
    [
        ("Sertraline HCl Tablet 25mg", "312940"),
        ("Montelukast Sodium 10 MG tablet", "200224"),
        ("DULoxetine HCl DR 30 MG capsule", "596930"),
        ("QUEtiapine Fumarate 100 mg tab", "312743"),
        ("hydrOXYzine Pamoate 25 mg capsule", "995253"),
    ],
)
def test_a_salt_on_a_label_is_the_product_that_rxnorm_names_by_its_moiety(
    text: str, rxcui: str
) -> None:
    drug = by_text(text).drug
    assert drug is not None
    assert drug.rxcui == rxcui


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("buPROPion HCl XL 150 MG tablet", "24 HR"),
        ("Wellbutrin XL 150 mg tablet", "24 HR"),
        ("bupropion SR 150 mg tablet", "12 HR"),
    ],
)
def test_xl_lasts_a_day_and_sr_half_a_day(text: str, start: str) -> None:
    drug = by_text(text).drug
    assert drug is not None
    assert drug.name.startswith(start)


@pytest.mark.parametrize("text", ["water pill", "sleep medicine from last visit"])
def test_what_people_call_a_drug_is_no_drug_of_that_name(text: str) -> None:
    assert by_text(text).drug is None


def test_the_beginning_of_one_name_is_no_slip_of_another() -> None:
    assert by_text("sertra 50 mg").drug is None
    assert names(by_text("setraline 50 mg")) == ["sertraline"]


@pytest.mark.parametrize(
    "text",
    ["sertra\u00adline 50 mg tablet", "sertra\u202eline 50 mg tablet", "\ufeffsertraline 50 mg"],
)
def test_characters_that_nobody_sees_are_no_part_of_a_name(text: str) -> None:
    drug = by_text(text).drug
    assert drug is not None
    assert [i.name for i in drug.ingredients] == ["sertraline"]
    assert [s.value for s in drug.strengths] == [Decimal(50)]


@pytest.mark.parametrize(
    ("text", "strengths"),
    [
        ("digoxin 0,125 mg tablet", []),
        ("warfarin 2,5 mg tablet", []),
        ("warfarin 2.5 mg tablet", [Decimal("2.5")]),
        ("ergocalciferol 50,000 unit capsule", [Decimal(50000)]),
        ("lisinopril,10 mg tablet", [Decimal(10)]),
    ],
)
def test_the_digits_behind_a_decimal_comma_are_never_a_strength_of_their_own(
    text: str, strengths: list[Decimal]
) -> None:
    drug = by_text(text).drug
    assert drug is not None
    assert [s.value for s in drug.strengths] == strengths


@pytest.mark.parametrize(
    ("text", "release"),
    [("divalproex ER 500 mg tablet", "ER"), ("divalproex DR 500 mg tab", "DR")],
)
def test_divalproex_without_its_salt_is_the_valproate_of_its_release(
    text: str, release: str
) -> None:
    drug = by_text(text).drug
    assert drug is not None
    assert [i.name for i in drug.ingredients] == ["valproate"]
    assert (drug.release, [s.value for s in drug.strengths]) == (release, [Decimal(500)])


@pytest.mark.parametrize(
    ("text", "salts"),
    [
        ("fluticasone 50 mcg nasal spray", []),
        ("fluticasone propionate 50 mcg nasal spray", ["fluticasone propionate"]),
        ("paroxetine 20 mg", []),
        ("paroxetine hcl 20 mg", ["paroxetine hydrochloride"]),
    ],
)
def test_a_salt_that_nobody_wrote_is_not_chosen_among_several(text: str, salts: list[str]) -> None:
    drug = by_text(text).drug
    assert drug is not None
    assert drug.strengths
    assert [i.name for i in drug.precise] == salts
