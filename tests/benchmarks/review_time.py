"""How long a pharmacist's hands are busy with one review: twelve drugs, three sources.

    python -m tests.benchmarks.review_time [--page docs/review-time.md]

A script goes the way of a pharmacist through the case of `twelve_drugs.py` in a real browser, from
the opened page to the stored signature, once by keyboard alone and once by mouse. What was pressed,
pointed at and thought about is counted and told in seconds by the keystroke-level model. Target:
three minutes at most.

Sources: Card, Moran, Newell, Communications of the ACM 1980;23(7):396-410 (operators, their times,
where a mental preparation stands); Brysbaert, Journal of Memory and Language 2019;109:104047
(238 words a minute, silent reading of non-fiction).
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from service import app, log
from service.demo import DAY, PHARMACIST, demo_settings
from service.house import open_house
from service.pipeline.refresh import ask
from service.run import serve_house
from service.sandbox.process import apart
from tests.benchmarks.reconciliation.__main__ import put
from tests.benchmarks.twelve_drugs import DRUGS, PATIENT, written
from tests.web.conftest import QUIET, chromium
from tests.web.deciding import UNDECIDED

BEGIN, END = "<!-- review time: begin -->", "<!-- review time: end -->"
K, P, H, M = 0.28, 1.1, 0.4, 1.35
"""Seconds: a key or button by an average non-secretary typist (40 words a minute), pointing with a
mouse, a hand moved between mouse and keyboard, mental preparation."""
READING_WPM = 238
TARGET_S = 180
WAIT_MS = 20_000
DRAWN = """([all, left]) => document.querySelectorAll(all).length < left
    && !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling")"""
READ = ".facts, article.finding[data-item] h3, article.finding[data-item] > p, .grid tr[data-item]"
"""What a careful reader reads of the page: the facts, each shown finding, each drug's row."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the script's pharmacist says of one item that needs words; `button` as it is named."""

    button: str
    reason: str = ""
    to: str = ""


CONFIRMED = "GP confirmed by phone"
ANSWERS: Mapping[str, Answer] = {
    "atorvastatin": Answer("Change", CONFIRMED, "40 mg daily"),
    "lisinopril": Answer("Hold", "Lithium level first"),
    "folic acid": Answer("Continue", CONFIRMED),
    "ibuprofen": Answer("Propose to stop", "Raises lithium"),
}


@dataclass(slots=True)
class Hands:
    """What one way through the case took; `waited_s` is the time in which the page was waited for.

    A mental preparation stands before every command and every field, none inside a text that is
    typed or a run of Tabs (rules 0 to 2 of the paper).
    """

    keys: int = 0
    clicks: int = 0
    homings: int = 0
    thoughts: int = 0
    waited_s: float = 0.0

    @property
    def seconds(self) -> float:
        hands = (self.keys + self.clicks) * K + self.clicks * P + self.homings * H
        return hands + self.thoughts * M + self.waited_s

    def think(self) -> None:
        self.thoughts += 1


class Keyboard(Hands):
    """The whole way by keys."""

    def __init__(self, page: Any) -> None:
        super().__init__()
        self.page = page

    async def press(self, key: str) -> None:
        self.keys += 1
        await self.page.keyboard.press(key)

    async def command(self, key: str) -> None:
        self.think()
        await self.press(key)

    async def write(self, text: str) -> None:
        self.think()
        self.keys += len(text)
        await self.page.keyboard.type(text)

    async def tab_to(self, wanted: str) -> None:
        """Presses Tab until the focused element satisfies a condition on `e`."""
        self.think()
        for _ in range(60):
            await self.press("Tab")
            if await self.page.evaluate(f"(e => {wanted})(document.activeElement)"):
                return
        raise RuntimeError(f"no element that satisfies {wanted} is reached by Tab")

    async def agree(self) -> None:
        await self.command("s")
        await self.tab_to("e.textContent.startsWith('Continue')")
        await self.press("Enter")

    async def following(self) -> Any:
        await self.command("n")
        focused = await self.page.evaluate("document.activeElement.id")
        return self.page.locator(f"[id='{focused}']")

    async def decide(self, item: Any, answer: Answer | None) -> None:
        if answer is None:
            await self.command("a")
            return
        await self.command("o")
        await self.write(answer.reason)
        if answer.to:
            await self.press("Tab")
            await self.write(answer.to)
        await self.choose(item, answer.button)

    async def choose(self, item: Any, button: str) -> None:
        """Out of the field, and the choice by its number."""
        texts = await item.locator(".buttons button").all_text_contents()
        names = [text.strip() for text in texts]
        await self.press("Escape")
        await self.command(str(names.index(button) + 1))

    async def sign(self) -> None:
        await self.command("s")
        await self.tab_to("e.textContent.startsWith('Sign as')")
        await self.press("Enter")


class Mouse(Hands):
    """The whole way by mouse, the keyboard for words alone."""

    def __init__(self, page: Any) -> None:
        super().__init__()
        self.page = page

    async def click(self, place: Any) -> None:
        self.think()
        self.clicks += 1
        await place.click()

    async def write(self, field: Any, text: str) -> None:
        await self.click(field)
        self.homings += 2
        self.keys += len(text)
        await self.page.keyboard.type(text)

    async def agree(self) -> None:
        await self.click(self.page.get_by_role("button", name="without findings"))

    async def following(self) -> Any:
        return self.page.locator(UNDECIDED).first

    async def decide(self, item: Any, answer: Answer | None) -> None:
        if answer is None:
            await self.click(item.locator("[data-primary]"))
            return
        if await item.locator(".otherwise").count():
            await self.click(item.locator(".otherwise"))
        form = item.locator("form.decide")
        await self.write(form.locator("[name=reason]"), answer.reason)
        if answer.to:
            await self.write(form.locator("[name=to]"), answer.to)
        await self.click(
            form.locator(".buttons").get_by_role("button", name=answer.button, exact=True)
        )

    async def sign(self) -> None:
        await self.click(self.page.get_by_role("button", name="Sign as"))


async def went_through(page: Any, hands: Keyboard | Mouse) -> int:
    """Decides every item and signs; gives the words that stood there to read."""
    words = len(" ".join(await page.locator(READ).all_inner_texts()).split())
    if await page.get_by_role("button", name="without findings").count():
        async with page.expect_navigation():
            await hands.agree()
    left = await page.locator(UNDECIDED).count()
    while left:
        item = await hands.following()
        name = (await item.locator("th, h3").first.inner_text()).lower()
        finding = await item.evaluate("e => e.tagName === 'ARTICLE'")
        answers = () if finding else (ANSWERS[drug] for drug in ANSWERS if name.startswith(drug))
        await hands.decide(item, next(iter(answers), None))
        await waited(hands, page.wait_for_function(DRAWN, arg=[UNDECIDED, left]))
        left = await page.locator(UNDECIDED).count()
    await hands.sign()
    await waited(hands, page.wait_for_selector(f"text=Signed by {PHARMACIST.name}"))
    return words


async def waited(hands: Hands, answer: Any) -> None:
    start = time.perf_counter()
    await answer
    hands.waited_s += time.perf_counter() - start


@asynccontextmanager
async def opened_case(folder: Path) -> AsyncIterator[str]:
    """The service with the case read and reconciled; gives the address of the patient's page."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with apart(written(folder)) as servers:
        addresses = {name: server.base_url for name, server in servers.items()}
        settings = demo_settings(addresses, folder / "case.db", port)
        async with open_house(settings, day=DAY, demo_user=PHARMACIST) as house:
            asked = {"source": "psychiatry", "reference": f"Patient/{PATIENT}"}
            patient = await ask(house.store, asked, PHARMACIST, at=app.now())
            await house.reconcile(patient)
            ready = asyncio.Event()
            serving = asyncio.create_task(serve_house(house, say=print, ready=ready.set))
            await ready.wait()
            yield f"http://127.0.0.1:{port}/patients/{patient}"
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def measured(way: type[Keyboard] | type[Mouse]) -> tuple[Hands, int, int, int]:
    """The hands, the items that they decided, the drugs among these, and the words to read."""
    with tempfile.TemporaryDirectory() as folder:
        async with opened_case(Path(folder)) as address, async_playwright() as driver:
            browser = await driver.chromium.launch(
                executable_path=chromium() or None, args=list(QUIET)
            )
            page = await browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(WAIT_MS)
            await page.goto(address.partition("/patients")[0])  # signs in
            await page.goto(address)
            items = await page.locator(UNDECIDED).count()
            drugs = await page.locator(".grid tr[data-item]").count()
            hands = way(page)
            words = await went_through(page, hands)
            await browser.close()
    return hands, items, drugs, words


def markdown(found: Mapping[str, Hands], items: int, words: int) -> str:
    rows = "\n".join(
        f"| {name} | {one.keys} | {one.clicks} | {one.homings} | {one.thoughts} | "
        f"{one.seconds:.0f} s |"
        for name, one in found.items()
    )
    reading = words / READING_WPM * 60
    fastest = min(one.seconds for one in found.values())
    return f"""{DRUGS} drugs, {items - DRUGS} findings, three sources; from the opened page to the \
stored signature.

| way | keys (K) | clicks (P and K) | hand to mouse or back (H) | preparations (M) | modelled |
|---|--:|--:|--:|--:|--:|
{rows}

Reading is not in the model: every shown finding, every drug's row and the facts are {words} \
words, {reading:.0f} s at {READING_WPM} words a minute. Reading every word once and then working \
by the faster way: {(reading + fastest) / 60:.1f} minutes."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.review_time")
    parser.add_argument("--page", type=Path, help="a Markdown page to put the table into")
    chosen = parser.parse_args(arguments)
    log.configure("WARNING")
    found: dict[str, Hands] = {}
    ways: dict[str, type[Keyboard] | type[Mouse]] = {"keyboard": Keyboard, "mouse": Mouse}
    for name, way in ways.items():
        hands, items, drugs, words = asyncio.run(measured(way))
        if drugs != DRUGS:
            raise RuntimeError(f"the case has {drugs} drugs on the page, not {DRUGS}")
        found[name] = hands
    text = markdown(found, items, words)
    print(text)
    if chosen.page:
        put(chosen.page, text, BEGIN, END)
    return 0 if found["keyboard"].seconds <= TARGET_S else 1


if __name__ == "__main__":
    sys.exit(main())
