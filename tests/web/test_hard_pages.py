"""Pages of hard patients stay readable and true: hundreds of drugs, none, unread, hostile words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.web.patient.cells import LONGEST
from service.web.templating import STATIC
from tests.web import hard
from tests.web.drawn import Skeleton, patient_page
from tests.web.given import line, medication, page
from tests.web.test_accessibility import ASKED, violations

ORIGIN = "http://127.0.0.1"
STATES = ("unavailable", "withheld", "partial", "stale")
WINDOWS: Mapping[str, dict[str, Any]] = {
    "a desk": {"viewport": {"width": 1400, "height": 900}},
    "1024 px": {"viewport": {"width": 1024, "height": 768}},
    "a tablet upright": {"viewport": {"width": 820, "height": 1180}},
    "200 % zoom": {"viewport": {"width": 512, "height": 384}, "device_scale_factor": 2},
}

SPILT = """() => [...document.querySelectorAll(
    ".grid [role=cell], .grid [role=rowheader], .finding")]
    .filter(one => one.scrollWidth > one.clientWidth + 1)
    .map(one => one.innerText.slice(0, 80))"""
"""The beginnings of cells whose words are wider than their column."""
ALL_LAID_OUT = """[...document.querySelectorAll("tr[data-item]")].every(
    one => one.checkVisibility({contentVisibilityAuto: true}))"""


def text(content: dict[str, Any]) -> str:
    return Skeleton(html(content)).text


def html(content: dict[str, Any]) -> str:
    return patient_page(page(content, open=True, report_etag='"e"'))


def test_an_empty_list_that_was_read_whole_says_so_of_each_source() -> None:
    said = text(hard.nothing())
    assert "No medications are recorded in any source." in said
    for name in hard.SOURCES:
        assert f"{name} was read whole and lists no medication." in said
    assert "Ask the patient what is taken" in said


@pytest.mark.parametrize("state", STATES)
def test_an_empty_list_with_a_source_unread_never_reads_as_no_medications(state: str) -> None:
    said = text(hard.unread(state))
    assert "No medications are recorded" not in said
    assert "This does not mean that nothing is taken." in said
    assert re.search(rf"pharmacy is {state}\. \S.* it did not answer", said)
    assert "psychiatry was read whole and lists no medication." in said
    assert "none recorded" not in said, "nor do its allergies"
    assert "none booked" not in said, "nor its appointments"


def test_without_any_source_the_page_says_that_nothing_is_known() -> None:
    content = hard.nothing() | {"sources": []}
    said = text(content)
    assert "No source was read. Nothing is known of what is taken." in said
    assert "none recorded" not in said


def test_a_source_whose_lines_could_not_be_read_does_not_count_as_read_whole() -> None:
    problem = {"source": "pharmacy", "reference": "MedicationDispense/1", "what": "no drug in it"}
    said = text(hard.nothing() | {"problems": [problem]})
    assert "1 thing of it could not be read; see below." in said
    assert "✓ pharmacy was read whole" not in said


@pytest.mark.parametrize("name", hard.HOSTILE)
def test_no_drug_name_is_cut_and_one_that_nobody_can_see_is_called_so(name: str) -> None:
    (row,) = page(hard.nothing() | {"medications": [medication(line("pharmacy"), display=name)]})\
        .grid.groups[0]["rows"]  # fmt: skip
    assert row["display"] == (name if name.strip(" \u200b") else "Drug without a name")


def test_directions_of_5000_characters_are_short_in_the_cell_and_whole_as_written() -> None:
    drug = medication(line("psychiatry", timing=hard.SIG))
    shown = html(hard.nothing() | {"medications": [drug]})
    before, written = shown.split('class="written"')
    assert f"{hard.SIG[:LONGEST].rstrip()} …" in before
    assert hard.SIG not in before
    assert hard.SIG in written


def test_a_patient_of_whom_nothing_is_known_but_a_line_is_drawn_in_words() -> None:
    said = text(hard.everything_missing())
    for words in ("Name not given", "Drug without a name", "dose not read", "order without status"):
        assert words in said


def test_three_hundred_drugs_are_all_on_the_page_and_marked_to_be_laid_out_when_reached() -> None:
    shown = html(hard.three_hundred())
    assert shown.count('role="rowheader">sertraline') == 300
    assert 'class="layout long"' in shown
    assert 'class="layout"' in html(hard.twelve())


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """Each hard patient's page, with every fold of it open."""
    patients = {
        "twelve": hard.twelve(),
        "hostile": hard.hostile_words(),
        "nothing": hard.nothing(),
        "missing": hard.everything_missing(),
        **{state: hard.unread(state, *hard.twelve()["medications"]) for state in STATES},
    }
    return {
        name: html(content).replace("<details", "<details open")
        for name, content in patients.items()
    }


@pytest.mark.browser
@pytest.mark.parametrize("window", WINDOWS)
def test_no_hard_page_scrolls_sideways_or_spills_into_the_next_column(
    browser: Any, pages: dict[str, str], window: str
) -> None:
    context = browser.new_context(**WINDOWS[window])
    shown = context.new_page()
    serve(shown, pages)
    for name in pages:
        shown.goto(f"{ORIGIN}/{name}")
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        spilt = shown.evaluate(SPILT)
        assert spilt == [], name
    context.close()


@pytest.mark.browser
def test_axe_finds_no_violation_on_hard_pages_not_even_where_drugs_and_findings_share_names(
    browser: Any, pages: dict[str, str]
) -> None:
    alike = hard.twelve()
    for one in alike["findings"]:
        one["title"] = "The same title"
    for one in alike["medications"]:
        one["display"] = "the same drug"
    looked_at = {name: pages[name] for name in ("hostile", "nothing", "missing", "stale")}
    looked_at["alike"] = html(alike)
    context = browser.new_context(**WINDOWS["a desk"])
    shown = context.new_page()
    serve(shown, looked_at)
    for name in looked_at:
        shown.goto(f"{ORIGIN}/{name}")
        assert violations(shown, ASKED["light"]) == [], name
    context.close()


@pytest.mark.browser
def test_what_is_out_of_sight_of_a_long_list_is_found_reached_by_key_and_printed(
    browser: Any,
) -> None:
    context = browser.new_context(**WINDOWS["a desk"])
    shown = context.new_page()
    serve(shown, {"long": html(hard.three_hundred())})
    shown.goto(f"{ORIGIN}/long")
    shown.keyboard.press("k")
    last = shown.evaluate("document.activeElement.innerText")
    assert "sertraline 299 mg oral tablet" in last
    assert shown.evaluate("window.find('sertraline 150 mg')")
    box = shown.locator("#m-299").bounding_box()
    shown.goto(f"{ORIGIN}/long#m-299")
    at = shown.evaluate("document.getElementById('m-299').getBoundingClientRect().top")
    assert -1 < at < 900, (at, box)
    shown.emulate_media(media="print")
    assert shown.evaluate(ALL_LAID_OUT)
    context.close()


def serve(shown: Any, pages: Mapping[str, str]) -> None:
    """Answers with these pages and the static files, and with nothing for all else."""

    def answer(route: Any) -> None:
        address = route.request.url.removeprefix(ORIGIN).lstrip("/")
        if address.partition("#")[0] in pages:
            body = pages[address.partition("#")[0]]
            route.fulfill(body=body, content_type="text/html; charset=utf-8")
        elif address.startswith("static/"):
            route.fulfill(path=STATIC / Path(urlsplit(address).path).name)
        else:
            route.fulfill(status=204)

    shown.route("**/*", answer)
