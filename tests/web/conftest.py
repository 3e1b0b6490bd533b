"""A browser and a running demo, once for all tests that need them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.demo import Demo, running

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in a browser come last: once it is open, its driver holds the thread's event loop."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def chromium() -> str:
    """Where Chromium is: CONCORD_CHROMIUM, or a browser of that name; "" where there is none."""
    named = os.environ.get("CONCORD_CHROMIUM", "")
    found = (shutil.which(name) for name in (named, "chromium", "chromium-browser") if name)
    return next((path for path in found if path), "")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = chromium()
    if not path:
        pytest.skip("no Chromium here (install the system's package, or set CONCORD_CHROMIUM)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=list(QUIET))
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    with running() as found:
        yield found
