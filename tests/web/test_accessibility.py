"""Every page in light and dark, at 1024 px and at 200 % zoom: no violation that axe-core finds."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.web.templating import STATIC
from tests.web.every_page import NO_PAGES, PAGES, every_page, whole_templates
from tests.web.office import Office, in_office
from tests.web.test_roles import routes

ORIGIN = "http://127.0.0.1"
FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"
WINDOWS: dict[str, dict[str, Any]] = {
    "1024 px": {"viewport": {"width": 1024, "height": 768}},
    "200 % zoom": {"viewport": {"width": 512, "height": 384}, "device_scale_factor": 2},
}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ASKED = {
    "light": {"type": "tag", "values": WCAG},
    "dark": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}
"""Dark differs from light in its colours and in nothing else: there only they are judged again."""
OPEN_ALL = """async () => {
    document.querySelectorAll('*').forEach(one => one.style.contentVisibility = 'visible');
    document.querySelectorAll('.otherwise').forEach(one => one.click());
    document.querySelectorAll('details').forEach(one => one.open = true);
    await new Promise(done => setTimeout(done, 20));
}"""
"""Opens whatever can be opened, and waits until the fields of decisions stand in their forms. What
is out of sight and not laid out yet is laid out: its places are not real before."""


def test_every_route_that_gives_a_page_is_looked_at() -> None:
    async def use(office: Office) -> None:
        found = {
            path
            for method, path in routes(office)
            if method == "GET" and not path.startswith("/api/")
        }
        assert found == set(PAGES) | set(NO_PAGES)

    in_office(use)


def test_every_template_that_is_a_page_is_looked_at_the_answers_to_forms_and_errors_too() -> None:
    assert whole_templates() - every_page().templates == set()


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The HTML of every page; drawn apart, as the browser's driver holds this thread's loop.

    The sheets in another language are looked at in the full run: they are the same elements.
    """
    with ThreadPoolExecutor(1) as apart:
        found = apart.submit(every_page).result().pages
    return {address: html for address, html in found.items() if FULL or "lang=es" not in address}


def violations(page: Any, asked: dict[str, Any]) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page, options={"runOnly": asked}).response
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.browser
@pytest.mark.parametrize(
    ("scheme", "window"),
    [
        ("light", "1024 px"),
        ("light", "200 % zoom"),
        ("dark", "1024 px"),
        ("dark", "200 % zoom"),
    ],
)
def test_axe_finds_no_violation_on_any_page(
    browser: Any, pages: dict[str, str], scheme: str, window: str
) -> None:
    context = browser.new_context(color_scheme=scheme, **WINDOWS[window])
    page = context.new_page()

    def answer(route: Any) -> None:
        address = route.request.url.removeprefix(ORIGIN)
        if address in pages:
            route.fulfill(body=pages[address], content_type="text/html; charset=utf-8")
        elif address.startswith("/static/"):
            route.fulfill(path=STATIC / Path(urlsplit(address).path).name)
        else:
            route.fulfill(status=204)

    page.route("**/*", answer)
    found = []
    for address in pages:
        page.goto(ORIGIN + address)
        page.evaluate(OPEN_ALL)
        found += [f"{address} {said}" for said in violations(page, ASKED[scheme])]
        if page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        ):
            found.append(f"{address} scrolls sideways")
        if "data-fields" in pages[address]:
            for name in ("reason_code", "assigned_to", "due", "to", "harm", "reason"):
                assert page.locator(f"form.decide [name={name}]").count(), (address, name)
    page.goto(f"{ORIGIN}/rules")
    page.evaluate("document.getElementById('keys').showModal()")
    found += [f"the keys {said}" for said in violations(page, ASKED[scheme])]
    context.close()
    assert "\n".join(found) == ""
