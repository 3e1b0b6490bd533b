"""Deciding on a patient's page in a browser, as a person would."""

from __future__ import annotations

from typing import Any, Final

UNDECIDED: Final = "[data-item]:has(.decide):not(:has(.decided-as))"


def decide_the_rest(page: Any) -> None:
    """Follows the suggestion where one click does; gives a reason where one is needed."""
    while (count := page.locator(UNDECIDED).count()) > 0:
        item = page.locator(UNDECIDED).first
        if item.locator("[data-primary]").count():
            item.locator("[data-primary]").click()
        else:
            item.locator("[name=reason]").fill("Talked about it with the patient")
            item.get_by_role("button", name="Not sure").click()
        page.wait_for_function(
            "([undecided, count]) => document.querySelectorAll(undecided).length < count",
            arg=[UNDECIDED, count],
        )
