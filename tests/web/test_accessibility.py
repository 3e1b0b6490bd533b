"""Every page in light and dark, at 1024 px and at 200 % zoom: no violation that axe-core finds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.demo import Demo

pytestmark = pytest.mark.browser

WINDOWS = {
    "1024 px": {"viewport": {"width": 1024, "height": 768}},
    "200 % zoom": {"viewport": {"width": 512, "height": 384}, "device_scale_factor": 2},
}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Any) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page, options={"runOnly": {"type": "tag", "values": WCAG}}).response
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def addresses(page: Any, demo: Demo) -> list[str]:
    """The pages of the demo: worklist, two patients, a plan, evidence, and what is not there."""
    page.goto(demo.url)
    links = page.locator("table.worklist a")
    patients = [links.nth(number).get_attribute("href") for number in range(links.count())]
    page.goto(demo.url + patients[0])
    evidence = page.locator(".evidence a").first.get_attribute("href")
    return [
        "/patients",
        patients[0],
        patients[-1],
        f"{patients[0]}/timeline",
        f"{patients[0]}/plan",
        evidence,
        "/patients/nobody",
    ]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_on_any_page(
    browser: Any, demo: Demo, scheme: str, window: str
) -> None:
    context = browser.new_context(color_scheme=scheme, **WINDOWS[window])
    page = context.new_page()
    found = []
    for address in addresses(page, demo):
        page.goto(demo.url + address)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found += [f"{address} {said}" for said in violations(page)]
        assert page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ), f"{address} scrolls sideways"
    page.goto(demo.url)
    page.evaluate("document.getElementById('keys').showModal()")
    found += [f"the keys {said}" for said in violations(page)]
    context.close()
    assert found == []
