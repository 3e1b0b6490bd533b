"""The pictures of docs/, taken from the demo, so that they show what the pages are now.

    python -m tests.tools.screenshots [FOLDER]

Needs Chromium. Each picture is one window, 1400 px wide, and stays below 200 kB.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.web.conftest import QUIET, chromium
from tests.web.demo import Demo, running

LARGEST = 200_000
WINDOW = {"viewport": {"width": 1400, "height": 900}}
WIDE = {"viewport": {"width": 1820, "height": 900}, "device_scale_factor": 1400 / 1820}
"""A wide screen, shown 1400 px wide: findings stand beside the list."""


def worklist(page: Any, demo: Demo) -> None:
    page.goto(f"{demo.url}/patients")


def review(page: Any, demo: Demo) -> None:
    worklist(page, demo)
    page.get_by_role("link", name="TESTERMAN").click()


def over_time(page: Any, demo: Demo) -> None:
    worklist(page, demo)
    page.get_by_role("link", name="SAMPLEWOOD").click()
    page.get_by_role("link", name="Time line").click()


PICTURES: dict[str, tuple[str, dict[str, Any], Callable[[Any, Demo], None]]] = {
    "worklist": ("light", WINDOW, worklist),
    "review-page": ("light", WIDE, review),
    "review-page-dark": ("dark", WIDE, review),
    "time-line": ("light", WINDOW, over_time),
}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with running() as demo, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=list(QUIET))
        for name, (scheme, window, prepare) in PICTURES.items():
            context = browser.new_context(color_scheme=scheme, **window)
            page = context.new_page()
            prepare(page, demo)
            page.wait_for_load_state()
            picture = page.screenshot(path=folder / f"{name}.png")
            context.close()
            print(f"{name}.png {len(picture):,} bytes")
            if len(picture) > LARGEST:
                raise SystemExit(f"{name}.png is larger than {LARGEST:,} bytes")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "docs")
