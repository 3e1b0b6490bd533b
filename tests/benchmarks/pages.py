"""How fast pages are drawn and how heavy they are: 30 drugs with 200 lines, 10,000 patients.

    python -m tests.benchmarks.pages

Targets: a patient page in 100 ms at the median and 300 kB at most, ready for its first key in 1 s
with the processor throttled to a quarter; the first page of the worklist, from the store to HTML,
in 100 ms; a PDF in 2 s.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from service.prints.comparison import comparison
from service.prints.material import Material
from service.prints.words import ENGLISH
from service.review.worklist import face, place, terms
from service.store import Connection, Store, open_store, patients, reports, worklist
from service.store.terms import Wanted, choices
from service.web.pdf import pdf
from service.web.print_pages import style
from service.web.templating import FOLDER, environment
from service.web.worklist_page import Worklist, heading
from tests.web.conftest import QUIET, chromium
from tests.web.drawn import drawn, patient_page
from tests.web.given import document, finding, line, medication, page, source

DRUGS, LINES, PATIENTS = 30, 200, 10_000
RUNS, BROWSER_RUNS, PDF_RUNS = 25, 9, 5
THROTTLE = 4
ORIGIN = "http://127.0.0.1"
AT = datetime(2026, 11, 15, 12, tzinfo=UTC)
SOURCES = ("psychiatry", "primary-care", "pharmacy")


def chart() -> dict[str, Any]:
    """A report of 30 drugs and 200 lines from three sources, with a finding for each drug."""
    lines: list[list[dict[str, Any]]] = [[] for _ in range(DRUGS)]
    for number in range(LINES):
        name = SOURCES[number % 3]
        kind = "dispense" if name == "pharmacy" else "request"
        day = (date(2026, 11, 1) - timedelta(days=number)).isoformat()
        lines[number % DRUGS].append(
            line(
                name, kind, number=number, authored=day, last_supplied=day, days_supply=30,
                requester="Dr. Tobias Marrowby", timing="once a day (MORN)",
                sig="Take one tablet by mouth every morning with a glass of water",
            )
        )  # fmt: skip
    return document(
        *(
            medication(*own, id=f"m-{number:016x}", indication=["Major depressive disorder"])
            for number, own in enumerate(lines)
        ),
        findings=tuple(
            finding("dose-mismatch", *own[:4], id=f"f-{n:016x}", medications=[f"m-{n:016x}"])
            for n, own in enumerate(lines)
        ),
        sources=tuple(source(name) for name in SOURCES),
    )


def timed(act: Callable[[], object], runs: int = RUNS) -> list[float]:
    """Milliseconds of each run, the first one left out."""
    act()
    found = []
    for _ in range(runs):
        start = time.perf_counter()
        act()
        found.append((time.perf_counter() - start) * 1000)
    return found


def told(what: str, runs: list[float]) -> None:
    slow = sorted(runs)[int(len(runs) * 0.95)]
    print(f"{what:<44}{statistics.median(runs):8.1f} ms median{slow:8.1f} ms at 95 %")


def patient_pages() -> None:
    content = chart()
    html = patient_page(page(content, open=True, report_etag='"e"'))
    told(f"patient page, {DRUGS} drugs, {LINES} lines", timed(lambda: _draw(content)))
    print(f"{'its weight':<44}{len(html.encode()) / 1000:8.1f} kB")


def _draw(content: dict[str, Any]) -> str:
    return patient_page(page(content, open=True, report_etag='"e"'))


def interactive() -> None:
    """From the request to the first finding that a key has reached, throttled to a quarter."""
    path = chromium()
    if not path:
        print("no Chromium here: not measured when the page is ready")
        return
    html = _draw(chart())
    runs = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(QUIET))
        for _ in range(BROWSER_RUNS):
            runs.append(_first_key(browser, html))
        browser.close()
    told(f"its first key answered, {THROTTLE} x throttled", runs)


def _first_key(browser: Any, html: str) -> float:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()

    def answer(route: Any) -> None:
        address = route.request.url.removeprefix(ORIGIN)
        if address == "/":
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
        elif address.startswith("/static/"):
            route.fulfill(path=FOLDER / "static" / Path(address).name)
        else:
            route.fulfill(status=204)

    page.route("**/*", answer)
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": THROTTLE})
    start = time.perf_counter()
    page.goto(ORIGIN, wait_until="domcontentloaded")
    page.keyboard.press("n")
    page.wait_for_function("document.activeElement.matches('[data-item]')")
    taken = (time.perf_counter() - start) * 1000
    context.close()
    return taken


def prints() -> None:
    """The comparison sheet of the same chart as a PDF."""
    document = comparison(Material(chart(), AT))
    html = (
        environment()
        .get_template("prints/comparison.html")
        .render(document=document, t=ENGLISH.say, language=ENGLISH.language)
    )
    told("comparison sheet as PDF", timed(lambda: pdf(html, style()), PDF_RUNS))


async def filled(store: Store) -> None:
    """10,000 patients on the worklist, each with a report of the same kind."""
    async with store.transaction() as tx:
        for number in range(PATIENTS):
            await _put(tx, store.key, number)


async def _put(tx: Connection, key: bytes, number: int) -> None:
    asked = {"source": "psychiatry", "reference": f"Patient/{number}"}
    one = await patients.ask(tx, key, asked, at=AT)
    name = f"TESTERMAN-{number:05}, Callum{number % 97}"
    content = document(
        medication(line("psychiatry", requester=f"Dr. {number % 40}")),
        findings=(finding("dose-mismatch" if number % 2 else "drug-interaction"),),
    )
    body = str(number).encode()
    kept = await reports.keep(tx, one.id, body, as_of=AT.date(), at=AT + timedelta(seconds=number))
    stands = place(content, one.id, kept.created_at)
    row = worklist.WorklistRow(
        patient=one.id, report=kept.id, severity=stands.severity, urgent=False, next_visit="",
        waiting_since=kept.created_at, high=1, moderate=0, low=0, not_evaluable=0,
        incomplete_sources=0, sort=stands.sort, face=face(content), terms=terms(content),
    )  # fmt: skip
    await worklist.put(tx, row, name=name, key=key)


async def first_page(store: Store, wanted: Wanted) -> str:
    """What the route does: rows, counts and choices from the store, and the page drawn."""
    async with store.read() as look:
        rows, cursor = await worklist.page(look, wanted=wanted, key=store.key)
        counts = await worklist.counts(look, wanted=wanted, key=store.key)
        found = Worklist(rows, cursor, counts, await choices(look), wanted)
    return drawn("worklist.html", worklist=found, heading=heading(found))


async def worklists() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = await open_store(f"sqlite:///{Path(folder) / 'pages.db'}")
        await filled(store)
        for what, wanted in {
            "first page": Wanted(),
            "first page, one drug": Wanted(drug="sertraline"),
            "first page, a name": Wanted(name="testerman-0"),
        }.items():
            runs = []
            for _ in range(RUNS):
                start = time.perf_counter()
                await first_page(store, wanted)
                runs.append((time.perf_counter() - start) * 1000)
            told(f"worklist of {PATIENTS:,}: {what}", runs)
        await store.close()


if __name__ == "__main__":
    patient_pages()
    interactive()
    prints()
    asyncio.run(worklists())
