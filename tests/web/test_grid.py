"""The grid: identical lines are one cell, differences stay apart, every way to group keeps all."""

from __future__ import annotations

from typing import Any

import pytest

from service.web.patient.grouping import BY, NEED, NO_CLASS
from service.web.templating import whole_days
from tests.web.drawn import Skeleton, patient_page
from tests.web.given import document, finding, line, medication, page, source

THREE = (source("psychiatry"), source("pharmacy"), source("primary-care"))


def together(*lines: dict[str, Any], **said: Any) -> Any:
    findings, sources = said.pop("findings", ()), said.pop("sources", THREE)
    found = medication(*lines, **{"agreement": "identical", **said})
    (group,) = page(document(found, findings=findings, sources=sources)).grid.groups
    return group["rows"][0]["together"]


def test_what_all_sources_say_alike_is_one_cell_that_names_them_and_who_is_silent() -> None:
    found = together(line("psychiatry"), line("pharmacy", authored="2026-10-09"))
    assert (found.dose, found.timing) == ("50 mg a day", "once a day")
    assert found.sources == (("psychiatry", "2026-10-01"), ("pharmacy", "2026-10-09"))
    assert found.missing == ("primary-care",)


@pytest.mark.parametrize(
    "said",
    [
        {"agreement": "different"},
        {"findings": (finding("drug-interaction"),)},
        {"sources": (source("psychiatry"), source("pharmacy"), source("x", "partial"))},
    ],
)
def test_nothing_is_folded_that_somebody_has_to_look_at(said: dict[str, Any]) -> None:
    assert together(line("psychiatry"), line("pharmacy"), **said) is None


def test_two_doses_or_a_single_source_are_never_one_cell() -> None:
    assert together(line("psychiatry"), line("pharmacy", dose=75)) is None
    assert together(line("psychiatry")) is None
    assert together(line("psychiatry"), line("psychiatry", number=2)) is None


def test_a_folded_row_still_holds_every_line_of_every_source() -> None:
    found = medication(
        line("psychiatry", text="as psychiatry wrote"),
        line("pharmacy", text="as the pharmacy wrote"),
        agreement="identical",
    )
    said = Skeleton(patient_page(page(document(found)))).text
    assert "alike in" in said
    assert "as psychiatry wrote" in said
    assert "as the pharmacy wrote" in said


def test_equivalent_products_stand_apart_from_identical_ones() -> None:
    content = document(
        medication(line("psychiatry"), line("pharmacy"), id="m-1", agreement="equivalent"),
        medication(line("psychiatry"), line("pharmacy"), id="m-2", agreement="identical"),
    )
    assert [group["title"] for group in page(content).grid.groups] == [NEED[2], NEED[3]]


@pytest.mark.parametrize("by", [*BY, "no such way"])
def test_every_way_to_group_shows_every_drug_once(by: str) -> None:
    content = document(
        medication(line("psychiatry", requester="Dr. A"), id="m-1", indication=["depression"]),
        medication(line("psychiatry"), id="m-2", ingredients=[]),
    )
    groups = page(content, by=by, drug_classes={"36437": "SSRIs"}).grid.groups
    assert sorted(row["id"] for group in groups for row in group["rows"]) == ["m-1", "m-2"]
    if by == "class":
        assert [group["title"] for group in groups] == ["SSRIs", NO_CLASS]


def test_a_drug_that_takes_a_second_person_says_so() -> None:
    lithium = medication(
        line("psychiatry"), ingredients=[{"rxcui": "6448", "name": "lithium"}], id="m-li"
    )
    content = document(lithium, medication(line("psychiatry")))
    said = Skeleton(patient_page(page(content))).text
    assert said.count("takes a second person") == 1
    waiting = page(content, awaiting_second=("m-li",), open=True)
    assert waiting.waiting_for_second == [("sertraline 50 mg oral tablet", "m-li")]


def test_no_column_however_narrow_breaks_a_date_in_two_and_words_stay_words() -> None:
    said = str(whole_days("last on 2026-11-06 <b>& 2026-11-066</b>"))
    assert said == (
        'last on <span class="day">2026-11-06</span> &lt;b&gt;&amp; 2026-11-066&lt;/b&gt;'
    )
