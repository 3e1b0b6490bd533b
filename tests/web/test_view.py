"""What the patient page says: decisions first, silence never as safety, whatever was read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.web.patient.unread import day_notes, unread
from tests.web.drawn import Skeleton, patient_page
from tests.web.given import document, finding, full, line, medication, page, source


def text_of(content: dict[str, object], **said: object) -> str:
    return Skeleton(patient_page(page(content, **said))).text


def titles(content: dict[str, object]) -> list[tuple[str, int]]:
    return [(group["title"], len(group["rows"])) for group in page(content).grid.groups]


def test_what_differs_or_is_spoken_of_comes_before_what_agrees() -> None:
    content = document(
        medication(line("psychiatry"), id="m-1", agreement="identical"),
        medication(line("psychiatry"), id="m-2", agreement="different"),
        medication(line("psychiatry"), id="m-3", agreement="single-source"),
        medication(line("psychiatry"), id="m-4", agreement="identical", state="stopped"),
        medication(line("psychiatry"), id="m-5", agreement="identical"),
        findings=(finding("drug-interaction", medications=["m-5"]),),
    )
    assert titles(content) == [
        ("Needs a decision", 2),
        ("In one source only", 1),
        ("Identical in all that list it", 1),
        ("Stopped", 1),
    ]


def test_every_medication_stands_in_exactly_one_row() -> None:
    agreements = ["identical", "equivalent", "different", "single-source"]
    content = document(
        *(
            medication(line("psychiatry"), id=f"m-{number}", agreement=agreement, state=state)
            for number, (agreement, state) in enumerate(
                (a, s) for a in agreements for s in ("current", "stopped", "held", "unknown")
            )
        )
    )
    rows = [row["id"] for group in page(content).grid.groups for row in group["rows"]]
    assert sorted(rows) == sorted(m["id"] for m in content["medications"])


def test_columns_go_from_the_oldest_word_to_the_newest() -> None:
    content = document(
        medication(
            line("pharmacy", "dispense", authored="2026-11-01"),
            line("psychiatry", authored="2026-02-01"),
        )
    )
    assert [column["name"] for column in page(content).grid.columns] == ["psychiatry", "pharmacy"]


@pytest.mark.parametrize("state", ["partial", "unavailable", "withheld", "stale"])
def test_a_source_that_was_not_read_whole_is_said_first_and_never_looks_empty(state: str) -> None:
    content = document(
        medication(line("psychiatry")), sources=(source("psychiatry"), source("pharmacy", state))
    )
    said = text_of(content)
    assert f"pharmacy is {state}." in said
    assert f"source is {state}" in said
    assert "not listed" not in said
    assert "none read; a source is not complete" in said


def test_no_medications_is_said_only_where_every_source_was_read_whole() -> None:
    none = "No medications are recorded in any source."
    assert none in text_of(document())
    unproven = document(sources=(source("psychiatry"), source("pharmacy", "unavailable")))
    assert none not in text_of(unproven)
    assert "This does not mean that nothing is taken." in text_of(unproven)


def test_a_page_without_any_source_or_fact_is_readable() -> None:
    patient = {"grade": "possible", "name": None, "birth_date": None, "sex": None,
               "deceased": False, "records": []}  # fmt: skip
    said = text_of(document(sources=(), patient=patient, context={}))
    assert "Name not given" in said
    assert "birth date not given or contradicted" in said
    assert "identity possible" in said


def test_a_sig_of_five_thousand_characters_is_shown_whole() -> None:
    sig = "take one tablet " * 312
    said = text_of(document(medication(line("psychiatry", sig=sig, text="w" * 5000))))
    assert sig.strip() in said
    assert "w" * 5000 in said


def test_three_hundred_drugs_are_three_hundred_rows() -> None:
    content = document(*(medication(line("psychiatry", number=n), id=f"m-{n}") for n in range(300)))
    skeleton = Skeleton(patient_page(page(content, open=True)))
    assert (
        sum(element[0] == "tr" and "data-item" in element for element in skeleton.elements) == 300
    )


def test_what_changed_since_the_last_signed_list_is_said_at_its_drug() -> None:
    changes = [None, "unchanged", "started", "changed", "stopped"]
    content = document(
        *(medication(line("psychiatry"), id=f"m-{n}", change=c) for n, c in enumerate(changes))
    )
    rows = {row["id"]: row for group in page(content).grid.groups for row in group["rows"]}
    assert [bool(rows[f"m-{n}"]["change"]) for n in range(5)] == [False, False, True, True, True]
    assert "new since the last signed list" in text_of(content)


def test_ids_on_a_page_are_unique_and_labels_lead_to_something() -> None:
    html = patient_page(page(full(), open=True, report_etag='"e"'))
    ids = [part.split('"')[0] for part in html.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    for attribute in ("aria-labelledby", "for", "list"):
        wanted = [part.split('"')[0] for part in html.split(f' {attribute}="')[1:]]
        assert set(wanted) <= set(ids), attribute
    anchors = [part.split('"')[0] for part in html.split(' href="#')[1:]]
    assert set(anchors) <= set(ids)


def test_not_evaluable_is_counted_and_said_not_to_be_safe() -> None:
    said = text_of(full())
    assert "1 cannot be told (data missing; not the same as safe)" in said


def test_nobody_can_decide_on_a_page_that_is_not_open() -> None:
    html = patient_page(page(full()))
    assert "<form" not in html.split('id="sign"')[0].split("<main")[1]


def test_repeated_reading_problems_are_one_line_with_their_references() -> None:
    problems = [
        {"source": "psychiatry", "reference": f"Observation/{n}", "what": "no date"}
        for n in range(12)
    ]
    problems.append({"source": "pharmacy", "reference": "Observation/1", "what": "no date"})
    first, second = unread(problems)
    assert (first.subject, len(first.references)) == ("12 Observations", 12)
    assert (second.source, second.subject, second.references) == ("pharmacy", "Observation/1", ())


def test_the_note_of_the_day_is_no_problem_of_a_source() -> None:
    note = {"source": "", "reference": "", "what": "the day lies in the past"}
    assert unread([note]) == []
    assert day_notes([note]) == ["the day lies in the past"]
    said = text_of(document(problems=(note,)))
    assert "What could not be read" not in said
    assert "list of 2026-11-15; the day lies in the past" in said


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "source": st.sampled_from(["a", "b"]),
                "reference": st.sampled_from(["", "Patient/1", "Patient/2", "Observation/1"]),
                "what": st.sampled_from(["no date", "no code"]),
            }
        )
    )
)
def test_folding_problems_loses_none(problems: list[dict[str, str]]) -> None:
    folded = unread(problems)
    assert sum(max(1, len(one.references)) for one in folded) <= len(problems)
    for problem in problems:
        assert any(
            one.source == problem["source"]
            and one.what == problem["what"]
            and (problem["reference"] in {*one.references, one.subject})
            for one in folded
        )
