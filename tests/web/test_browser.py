"""The whole way in a real browser: from the worklist to resources that stand on three servers."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.deciding import UNDECIDED, decide_the_rest
from tests.web.demo import Demo

pytestmark = pytest.mark.browser

WAIT_MS = 20_000


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """An empty window; a message of its console or an error of its scripts fails the test."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    opened = context.new_page()
    opened.set_default_timeout(WAIT_MS)
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    context.close()
    assert said == []


def open_patient(page: Any, demo: Demo, name: str) -> None:
    page.goto(demo.url)
    page.get_by_role("link", name=name).click()
    page.wait_for_selector("#signing")


def test_from_the_worklist_to_resources_on_the_servers(page: Any, demo: Demo) -> None:
    open_patient(page, demo, "TESTERMAN")
    assert page.get_by_text("wait for a decision").is_visible()
    decide_the_rest(page)
    assert "wait for a decision" not in page.locator("#sign").inner_text()
    page.get_by_role("button", name=re.compile("^Sign as Dana Demo")).click()
    page.wait_for_selector("text=Signed by Dana Demo, PharmD")
    page.wait_for_function("() => !document.querySelector('#deliveries').hasAttribute('hx-get')")
    rows = page.locator("#deliveries tbody tr")
    shown = [rows.nth(number).locator("td").all_inner_texts() for number in range(rows.count())]
    written = [row for row in shown if row[2] == "done"]
    assert {row[0] for row in written} >= {"psychiatry", "primary-care"}
    assert {row[1] for row in written} >= {"List", "Provenance"}
    addresses = {
        link.inner_text(): link.get_attribute("href")
        for link in page.locator("#deliveries tbody a").all()
    }
    for target, type_, _, stands_as, _ in written:
        reference, _, version = stands_as.partition(" version ")
        with urllib.request.urlopen(addresses[reference], timeout=10) as answer:
            found = json.loads(answer.read())
        assert f"{found['resourceType']}/{found['id']}" == reference, target
        assert found["resourceType"] == type_
        assert found["meta"]["versionId"] == version


def test_without_a_script_everything_can_be_read_and_decided(browser: Any, demo: Demo) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    open_patient(page, demo, "SAMPLEWOOD")
    assert "Lithium" in page.locator("#findings").locator("..").inner_text()
    card = page.locator("article.finding").first
    card.locator("summary").first.click()
    card.locator(".evidence a").first.click()
    assert '"resourceType"' in page.locator("pre").inner_text()
    page.get_by_role("link", name="Back to the patient").click()
    page.get_by_role("button", name="Accept").first.click()
    assert page.locator(".decided-as").count() == 1
    page.get_by_role("button", name="Take back").click()
    assert page.locator(".decided-as").count() == 0
    here = page.url.partition("#")[0]
    card.get_by_role("link", name="otherwise").click()
    assert page.url.startswith(f"{here}?forms=whole#f-")
    card.get_by_text("otherwise").click()
    assert card.get_by_role("button", name="Override").is_visible()
    page.goto(here)
    page.get_by_role("link", name="Show every choice").click()
    assert page.locator("button[value=override]").count() > 1
    context.close()


def test_by_keyboard_alone_a_list_is_read_decided_and_signed(page: Any, demo: Demo) -> None:
    page.goto(demo.url)
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.textContent")
        if name.startswith("FABRICANT"):
            break
    assert name.startswith("FABRICANT")
    page.keyboard.press("Enter")
    page.wait_for_selector("#signing")
    assert page.locator("h1").inner_text() == name
    for left in range(page.locator(UNDECIDED).count(), 0, -1):
        page.keyboard.press("n")
        item = page.evaluate("document.activeElement.id")
        if page.locator(f"#{item} [data-primary]").count():
            page.keyboard.press("a")
        else:
            page.keyboard.press("o")
            page.keyboard.type("Talked about it, 1 a day")
            written = page.evaluate("document.activeElement.value")
            assert written == "Talked about it, 1 a day"
            page.keyboard.press("Escape")
            page.keyboard.press("6")
        page.wait_for_function(
            "([undecided, left]) => document.querySelectorAll(undecided).length < left",
            arg=[UNDECIDED, left],
        )
        assert page.evaluate("document.activeElement.id") == item
    page.keyboard.press("s")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").startswith("Sign as"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Signed by Dana Demo, PharmD")


def test_single_keys_can_be_switched_off(page: Any, demo: Demo) -> None:
    open_patient(page, demo, "SAMPLEWOOD")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.matches('[data-item]')")
    page.keyboard.press("?")
    page.get_by_label("Single keys are on").uncheck()
    page.get_by_role("button", name="Close").click()
    page.reload()
    page.keyboard.press("j")
    assert not page.evaluate("document.activeElement.matches('[data-item]')")


def test_enter_in_a_field_decides_nothing(page: Any, demo: Demo) -> None:
    open_patient(page, demo, "SAMPLEWOOD")
    card = page.locator("article.finding").first
    card.get_by_text("otherwise").click()
    card.locator("[name=reason]").fill("I am still writing")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert card.locator(".decided-as").count() == 0
    assert card.locator("[name=reason]").input_value() == "I am still writing"


def test_words_written_under_otherwise_go_with_the_button_that_decides_at_once(
    page: Any, demo: Demo
) -> None:
    open_patient(page, demo, "SAMPLEWOOD")
    card = page.locator("article.finding[data-item]").last
    card.get_by_role("link", name="otherwise").click()
    card.locator("[name=reason]").fill("Seen with the patient today")
    card.locator("[data-primary]").click()
    decided = card.locator(".decided-as")
    decided.wait_for()
    assert "Seen with the patient today" in decided.inner_text()
    card.get_by_role("button", name="Take back").click()
    card.get_by_role("link", name="otherwise").wait_for()
