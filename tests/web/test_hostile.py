"""What a source wrote is text: nothing of it becomes markup, script, address or template."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.model.around import PatientWord
from service.pipeline.changes import ConflictChange
from service.prints.changes import Changes, News
from service.review.difference import Change, Field
from service.web.guard import HEADERS
from service.web.over_time.monitoring import calendar
from service.web.over_time.timeline import timeline
from service.web.patient.care import care
from service.web.patient.since import Baseline, Since
from service.web.signing.page import decided_words
from service.web.templating import STATIC
from tests.web.drawn import PHARMACIST, Skeleton, drawn, patient_page
from tests.web.every_page import every_page
from tests.web.given import full, hostile, page, planned
from tests.web.payloads import payloads

AT = datetime(2026, 11, 15, 12, tzinfo=UTC)
ORIGIN = "http://localhost:9"
FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"


def opened(content: dict[str, Any]) -> str:
    return patient_page(page(content, open=True, report_etag='"e"'))


def test_the_corpus_has_three_hundred_texts() -> None:
    assert len(payloads()) >= 300


def test_a_payload_in_every_field_is_read_as_it_was_written_and_changes_no_element() -> None:
    plain = Skeleton(opened(hostile(full(), "x"))).elements
    for text in payloads():
        found = Skeleton(opened(hostile(full(), text)))
        assert found.elements == plain, text
        assert "\x00" in text or " ".join(text.split()) in found.text, text


def over_time(content: dict[str, Any]) -> list[tuple[str, ...]]:
    values = {"line": timeline(content), "calendar": calendar(content), "spans": (12,)}
    return Skeleton(drawn("timeline.html", page=page(content), **values)).elements


def test_no_payload_changes_what_the_time_line_is_made_of() -> None:
    """Beside a plain text of the same length: where a dose is written depends on its length."""
    for size, texts in groupby(sorted(payloads(), key=len), len):
        plain = over_time(hostile(full(), "x" * size))
        for text in texts:
            assert over_time(hostile(full(), text)) == plain, text


OTHERS = [
    "resource.html",
    "plan.html",
    "patient.html",
    "care.html",
    "since.html",
    "words.html",
    "message.html",
]


@pytest.mark.parametrize("template", OTHERS)
def test_no_payload_changes_what_the_other_pages_are_made_of(template: str) -> None:
    def skeleton(text: str) -> list[tuple[str, ...]]:
        field = Field(text, text, text)
        write = {"type": text, "words": text, "json": text}
        target = {
            "name": text,
            "writes": [write],
            "skipped": [text],
            "json": text,
            "texts": [(text, text)],
        }
        shown = page(hostile(planned(), text), open=True, words=said(text), since=since(text))
        values = {
            "resource.html": {"reference": text, "source": text, "version": text, "body": text},
            "plan.html": {
                "page": shown,
                "scope": "all",
                "decided": decided_words(shown),
                "targets": [target],
                "care_plans": [{"name": text, "title": text, "status": text, "refused": text}],
                "chosen": [],
                "problems": [text],
                "conflicts": [ConflictChange(text, text, text, text, text, (field,))],
            },
            "patient.html": {"page": shown, "met": [Change(text, text, text, text, (field,))]},
            "care.html": {"page": shown, "care": care(shown.content)},
            "since.html": {"page": shown},
            "words.html": {"page": shown},
            "message.html": {"title": text, "message": text},
        }[template]
        return Skeleton(drawn(template, id="p-1", **values)).elements

    plain = skeleton("x")
    for text in payloads():
        assert skeleton(text) == plain, text


def said(text: str) -> list[PatientWord]:
    return [PatientWord(1, "question", text, PHARMACIST, AT)]


def since(text: str) -> Since:
    """News of every kind, each in these words."""
    news = (News(text, text, "2026-11-01", text),)
    told = Changes("2026-10-01", "2026-10-01", news, news, news, news, news)
    return Since("2026-10-01", text, (Baseline("2026-10-01", text),), told)


def packed(limit: int = 1_800) -> list[str]:
    """All payloads in a few texts that fit into a field."""
    found = [""]
    for text in payloads():
        if len(found[-1]) + len(text) >= limit:
            found.append("")
        found[-1] = f"{found[-1]} {text}".strip()
    return found


def elements(text: str) -> dict[str, list[tuple[str, ...]]]:
    """What every page of the application is made of, in no order; pages by their place."""
    drawn = every_page(hostile(planned(), text), text=text).pages
    told = [(re.sub("p-[0-9a-f]{8,}|(?<=to=)[^&]*", "", at), html) for at, html in drawn.items()]
    return {at: sorted(Skeleton(html).elements) for at, html in told if "timeline" not in at}


def test_no_payload_changes_what_any_page_sheet_or_error_is_made_of() -> None:
    plain, texts = elements("x"), packed()
    for text in texts if FULL else texts[:2]:
        assert elements(text) == plain


def together(texts: list[str]) -> dict[str, Any]:
    """One document in which each of these texts stands in every field of drugs and findings."""
    whole, *parts = (hostile(full(), text) for text in texts)
    for number, part in enumerate(parts):
        for kind in ("medications", "findings"):
            whole[kind] += [{**one, "id": f"{one['id']}-{number}"} for one in part[kind]]
        whole["problems"] += part["problems"]
        whole["sources"] += part["sources"]
    for one in (line for medication in whole["medications"] for line in medication["lines"]):
        one["source"] = "psychiatry"
    whole["sources"] = [{**one, "name": "psychiatry"} for one in whole["sources"][:1]]
    return whole


@pytest.mark.browser
def test_in_a_browser_no_payload_runs_and_nothing_is_asked_for_elsewhere(browser: Any) -> None:
    texts = payloads()
    chunks = [opened(together(texts[start : start + 40])) for start in range(0, len(texts), 40)]
    asked: list[str] = []
    said: list[str] = []

    def answer(route: Any) -> None:
        address = route.request.url.removeprefix(ORIGIN)
        if address.strip("/").isdecimal():
            html = chunks[int(address.strip("/"))]
            route.fulfill(body=html, content_type="text/html; charset=utf-8", headers=HEADERS)
        elif address.startswith("/static/"):
            route.fulfill(path=STATIC / Path(urlsplit(address).path).name, headers=HEADERS)
        elif address == "/patients/p-1/progress":
            route.fulfill(status=204)
        else:
            asked.append(address)
            route.abort()

    context = browser.new_context()
    context.add_init_script("window.hits = 0; window.hit = () => { window.hits += 1; };")
    window = context.new_page()
    window.on("console", lambda message: said.append(message.text))
    window.on("dialog", lambda dialog: (said.append("a dialog"), dialog.dismiss()))
    window.route("**/*", answer)
    hits = 0
    for number in range(len(chunks)):
        window.goto(f"{ORIGIN}/{number}")
        window.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        window.mouse.move(400, 400 + number)
        window.wait_for_timeout(100)
        hits += window.evaluate("window.hits")
    context.close()
    assert (hits, asked, said) == (0, [], [])
