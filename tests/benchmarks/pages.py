"""How fast pages are drawn and how heavy they are: 30 drugs with 200 lines, 10,000 patients.

    python -m tests.benchmarks.pages [--page docs/benchmarks.md]

Targets: a patient page in 100 ms at the median and 300 kB at most, ready for its first key in 1 s
with the processor throttled to a quarter; the first page of the worklist, from the store to HTML,
in 100 ms; a PDF in 2 s.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from service.prints.comparison import comparison
from service.prints.material import Material
from service.prints.words import ENGLISH
from service.review.worklist import face, place, terms
from service.store import Connection, Store, open_store, patients, reports, worklist
from service.store.terms import Wanted, choices
from service.web.pdf import pdf
from service.web.print_pages import style
from service.web.templating import STATIC, environment
from service.web.worklist.page import Worklist, heading
from tests.benchmarks.reconciliation.__main__ import put
from tests.web.conftest import QUIET, chromium
from tests.web.drawn import drawn, patient_page
from tests.web.given import document, finding, line, medication, page, source

DRUGS, LINES, PATIENTS = 30, 200, 10_000
RUNS, BROWSER_RUNS, PDF_RUNS = 25, 9, 5
THROTTLE = 4
AT = datetime(2026, 11, 15, 12, tzinfo=UTC)
SOURCES = ("psychiatry", "primary-care", "pharmacy")
BEGIN, END = "<!-- pages: begin -->", "<!-- pages: end -->"
REACHED = """addEventListener("focusin", (event) => {
    if (event.target.matches("[data-item]")) window.reached ??= performance.now();
}, true);
addEventListener("DOMContentLoaded", () => setTimeout(() => document.body.dispatchEvent(
    new KeyboardEvent("keydown", {key: "n", bubbles: true, cancelable: true}))));"""
"""Presses a key as soon as the document is parsed, and notes when it has reached a finding.

All by the page's own clock, from the begin of the navigation: nothing of the driver is in it.
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: milliseconds of each run, or another amount said in `words`."""

    what: str
    aim: str
    runs: tuple[float, ...] = ()
    words: str = ""

    @property
    def reached(self) -> str:
        if not self.runs:
            return self.words
        slow = sorted(self.runs)[int(len(self.runs) * 0.95)]
        return f"{statistics.median(self.runs):,.0f} ms ({slow:,.0f} ms at 95 %)"


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


def patient_pages() -> list[Figure]:
    content = chart()
    html = _draw(content)
    what = f"patient page of {DRUGS} drugs and {LINES} lines"
    return [
        Figure(f"{what}, drawn by the server", "100 ms", tuple(timed(lambda: _draw(content)))),
        Figure("its weight", "300 kB", words=f"{len(html.encode()) / 1000:.0f} kB"),
    ]


def _draw(content: dict[str, Any]) -> str:
    return patient_page(page(content, open=True, report_etag='"e"'))


def interactive() -> list[Figure]:
    """From the begin of the navigation to the first finding that a key has reached."""
    path = chromium()
    if not path:
        print("no Chromium here: not measured when the page is ready")
        return []
    with served(_draw(chart())) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(QUIET))
        slow = [_first_key(browser, address, THROTTLE) for _ in range(BROWSER_RUNS)]
        plain = [_first_key(browser, address, 1) for _ in range(BROWSER_RUNS)]
        browser.close()
    return [
        Figure(
            f"its first key answered, {THROTTLE} x throttled, by the page's clock",
            "1,000 ms",
            tuple(one.by_page for one in slow),
        ),
        Figure(
            "processor time of its main thread until then, not throttled",
            "",
            tuple(one.processor for one in plain),
        ),
        Figure("its elements, all nodes", "", words=f"{plain[0].elements:,}, {plain[0].nodes:,}"),
    ]


@dataclass(frozen=True, slots=True)
class FirstKey:
    """Milliseconds until the first key was answered, and how much there was to lay out."""

    by_page: float
    processor: float
    elements: int
    nodes: int


@contextmanager
def served(html: str) -> Iterator[str]:
    """The address of a page with its static files, served as they are until the block ends."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, kind = html.encode(), "text/html; charset=utf-8"
            if self.path.startswith("/static/"):
                file = STATIC / Path(urlsplit(self.path).path).name
                body, kind = file.read_bytes(), str(guess_type(file.name)[0])
            self.send_response(200 if self.path.startswith(("/static/", "/?")) else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing of it belongs into the table."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/?"
        server.shutdown()


def _first_key(browser: Any, address: str, throttle: int) -> FirstKey:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.add_init_script(REACHED)
    tools = context.new_cdp_session(page)
    tools.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    tools.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_function("window.reached", polling=100)
    told = {one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]}
    found = FirstKey(
        by_page=page.evaluate("window.reached"),
        processor=told["TaskDuration"] * 1000,
        elements=page.evaluate("document.querySelectorAll('*').length"),
        nodes=int(told["Nodes"]),
    )
    context.close()
    return found


def prints() -> list[Figure]:
    """The comparison sheet of the same chart as a PDF."""
    document = comparison(Material(chart(), AT))
    html = (
        environment()
        .get_template("prints/comparison.html")
        .render(document=document, t=ENGLISH.say, language=ENGLISH.language)
    )
    runs = timed(lambda: pdf(html, style()), PDF_RUNS)
    return [Figure("comparison sheet of the same patient as PDF", "2,000 ms", tuple(runs))]


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


async def worklists() -> list[Figure]:
    figures = []
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
            figures.append(Figure(f"worklist of {PATIENTS:,}: {what}", "100 ms", tuple(runs)))
        await store.close()
    return figures


def table(figures: Sequence[Figure]) -> str:
    rows = "\n".join(f"| {one.what} | {one.reached} | {one.aim} |" for one in figures)
    day = datetime.now(UTC).date().isoformat()
    return f"{day}, medians.\n\n| figure | reached | aim |\n|---|--:|--:|\n{rows}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--page", type=Path, help="the page of docs/ to write the table into")
    asked = parser.parse_args()
    figures = [*patient_pages(), *interactive(), *prints(), *asyncio.run(worklists())]
    told = table(figures)
    print(told)
    if asked.page:
        put(asked.page, told, BEGIN, END)


if __name__ == "__main__":
    main()
