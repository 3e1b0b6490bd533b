"""Faults on demand: whom they befall, and what they make of an answer."""

import gzip
import json
import time
from itertools import islice
from typing import Any

import httpx
import msgspec
import pytest

from service.sandbox.exchange import decode
from service.sandbox.faults import (
    Answer,
    Content,
    Delay,
    Drip,
    Edit,
    Entries,
    Fault,
    Hang,
    Link,
    Reset,
    SelfLink,
    Total,
    Truncate,
)
from service.sandbox.manners import STRICT, Manners
from service.sandbox.run import running
from service.sandbox.server import Sandbox
from tests.sandbox.client import BASE, call, get, ids, link, pages, request, task

CONDITION = {"If-None-Exist": "identifier=urn:concord|1"}
SEARCH = "MedicationRequest?patient=1"


def five() -> Sandbox:
    """A server with five requests on three pages."""
    app = Sandbox(Manners("any", page_size=2))
    app.load([request(str(n)) for n in range(5)])
    return app


def statuses(app: Sandbox) -> list[int]:
    """The statuses of a search's pages, up to the first that is no 200."""
    answers, url = [], SEARCH
    while url and (not answers or answers[-1] == 200):
        answer = get(app, url)
        answers.append(answer.status_code)
        url = link(answer.json(), "next") if answer.status_code == 200 else ""
    return answers


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("first", [503]),
        ("middle", [200, 503]),
        ("last", [200, 200, 503]),
        ("2", [200, 503]),
        ("4", [200, 200, 200]),
    ],
)
def test_a_fault_befalls_the_page_it_aims_at(page: str, expected: list[int]) -> None:
    app = five()
    app.faults.add(Fault(Answer(503), type="MedicationRequest", page=page))
    assert statuses(app) == expected


def test_a_fault_happens_as_often_as_it_says_and_spares_the_first() -> None:
    app = five()
    app.faults.add(Fault(Answer(500), method="GET", path="/fhir/metadata$", times=2, after=1))
    assert [get(app, "metadata").status_code for _ in range(5)] == [200, 500, 500, 200, 200]
    app.faults.add(Fault(Answer(429), type="Patient", times=0))
    assert {get(app, "Patient").status_code for _ in range(5)} == {429}
    assert get(app, SEARCH).status_code == 200
    app.faults.clear()
    assert get(app, "Patient").status_code == 200


def test_an_answer_has_the_status_headers_and_body_of_the_fault() -> None:
    app = five()
    html = "<html>Please sign in</html>"
    app.faults.add(
        Fault(Answer(429, issue="too fast", code="throttled", headers={"Retry-After": "7"})),
        Fault(Answer(200, body=html, content_type="text/html")),
        Fault(Answer(307, headers={"Location": "{origin}/elsewhere"})),
        Fault(Answer(204)),
        Fault(Answer(503, retry_after_date_s=30)),
    )
    first, page, moved, empty, later = (get(app, SEARCH) for _ in range(5))
    assert (first.status_code, first.headers["Retry-After"]) == (429, "7")
    assert first.json()["issue"][0] == {
        "severity": "error",
        "code": "throttled",
        "diagnostics": "too fast",
    }
    assert (page.text, page.headers["Content-Type"]) == (html, "text/html")
    assert moved.headers["Location"] == "http://sandbox/elsewhere"
    assert (empty.status_code, empty.content) == (204, b"")
    assert later.headers["Retry-After"].endswith("GMT")


@pytest.mark.parametrize("commit", [False, True])
def test_a_write_is_done_or_not_as_the_fault_says(commit: bool) -> None:
    app = five()
    app.faults.add(Fault(Answer(502, commit=commit), method="POST", type="Task"))
    assert call(app, "POST", "Task", json=task()).status_code == 502
    assert app.storage.count("Task") == (1 if commit else 0)


def test_a_lost_201_leaves_the_resource_and_conditional_create_finds_it() -> None:
    app = five()
    app.faults.add(Fault(Reset(commit=True), method="POST"))
    with pytest.raises(ConnectionResetError):
        call(app, "POST", "Task", json=task(), headers=CONDITION)
    assert app.storage.count("Task") == 1
    assert call(app, "POST", "Task", json=task(), headers=CONDITION).status_code == 200


def test_next_can_lead_in_circles_nowhere_or_elsewhere() -> None:
    app = five()
    second = link(get(app, SEARCH).json(), "next")
    last = link(get(app, second).json(), "next")

    def leads(url: str, to: str) -> str:
        app.faults.add(Fault(Link(to)))
        return link(get(app, url).json(), "next")

    assert leads(SEARCH, "self") == f"{BASE}/{SEARCH}"
    assert leads(second, "self") == second
    assert leads(last, "start") == f"{BASE}/{SEARCH}"
    assert leads(SEARCH, "none") == ""
    assert get(app, leads(SEARCH, "expired")).status_code == 410
    foreign = leads(SEARCH, "https://{host}.other.example/fhir?{query}")
    assert foreign.startswith("https://sandbox.other.example/fhir?_page=")
    assert link(get(app, SEARCH).json(), "next").startswith(f"{BASE}?_page=")


def test_endless_pages_never_repeat_an_entry() -> None:
    app = five()
    app.faults.add(Fault(Link("endless")))
    thirty = islice(pages(app, SEARCH), 30)
    seen = [id_ for page in thirty for id_ in ids(page)]
    assert len(seen) == len(set(seen)) == 60


def test_entries_come_twice_or_are_missing_or_belong_to_somebody_else() -> None:
    app = five()
    app.faults.add(
        Fault(Entries(duplicate=True)),
        Fault(Entries(drop=1)),
        Fault(Entries(empty=True)),
        Fault(Entries(subject="Patient/other")),
        Fault(Entries(add=[request("x")])),
        Fault(Entries(outcome="some results are missing")),
        Fault(Total(3)),
        Fault(SelfLink(["patient"])),
        Fault(SelfLink()),
    )
    twice, fewer, none, other, more, warned, total, ignored, bare = (
        get(app, SEARCH).json() for _ in range(9)
    )
    assert ids(twice) == ["0", "0", "1", "1"]
    assert ids(fewer) == ["0"]
    assert (ids(none), bool(link(none, "next"))) == ([], True)
    assert other["entry"][0]["resource"]["subject"] == {"reference": "Patient/other"}
    assert ids(more) == ["0", "1", "x"]
    assert warned["entry"][-1]["resource"]["issue"][0]["severity"] == "warning"
    assert warned["entry"][-1]["search"] == {"mode": "outcome"}
    assert total["total"] == 8
    assert link(ignored, "self") == f"{BASE}/MedicationRequest"
    assert link(bare, "self") == ""
    assert get(app, SEARCH).json()["total"] == 5


def test_an_edit_changes_the_answer_the_entries_or_what_is_stored() -> None:
    app = five()
    app.faults.add(
        Fault(Edit(set={"fhirVersion": "5.0.0", "rest[0].mode": "client"}), path="metadata"),
        Fault(Edit(remove=["status"], of="entries"), page="first"),
        Fault(Edit(remove=["identifier[0].system"], set={"status": "draft"}, of="stored")),
    )
    statement = get(app, "metadata").json()
    assert (statement["fhirVersion"], statement["rest"][0]["mode"]) == ("5.0.0", "client")
    entries = get(app, SEARCH).json()["entry"]
    assert ["status" in entry["resource"] for entry in entries] == [False, False]
    made = call(app, "POST", "Task", json=task()).json()
    assert (made["status"], made["identifier"]) == ("draft", [{"value": "1"}])
    assert all("status" in entry["resource"] for entry in get(app, SEARCH).json()["entry"])


def parses(body: bytes) -> bool:
    """Whether a strict reader takes it (Python's own would take NaN)."""
    try:
        decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


@pytest.mark.parametrize("kind", ["cut", "nan", "bom", "utf-16"])
def test_a_spoiled_body_is_no_json_of_utf_8(kind: Any) -> None:
    app = five()
    app.faults.add(Fault(Content(kind)))
    answer = get(app, SEARCH)
    assert answer.status_code == 200
    assert not parses(answer.content)
    assert parses(get(app, SEARCH).content)


def test_a_spoiled_body_has_the_size_that_was_asked() -> None:
    app = five()
    app.faults.add(
        Fault(Content("deep", size=200_000)),
        Fault(Content("huge", size=1 << 20)),
        Fault(Content("many", size=1000)),
        Fault(Content("number", size=5000)),
        Fault(Content("bomb", size=4 << 20)),
    )
    assert get(app, SEARCH).content.count(b"[") == 200_000
    assert len(get(app, SEARCH).content) >= 1 << 20
    assert len(get(app, SEARCH).json()["entry"]) == 1000
    assert b"9" * 5000 in get(app, SEARCH).content
    with running(app) as base, httpx.Client() as client:
        raw = b""
        with client.stream("GET", f"{base}/{SEARCH}") as answer:
            for chunk in answer.iter_raw():
                raw += chunk
        assert len(raw) < 20_000
        assert len(gzip.decompress(raw)) >= 4 << 20


def read_within(seconds: float, client: httpx.Client, url: str) -> None:
    """Reads an answer under one deadline: httpx's own counts anew for every byte."""
    end = time.monotonic() + seconds
    with client.stream("GET", url) as answer:
        for _ in answer.iter_raw():
            if time.monotonic() > end:
                raise httpx.ReadTimeout("too slow")


@pytest.mark.parametrize(
    ("action", "error"),
    [
        (Reset(), httpx.ReadError),
        (Reset(at="header"), httpx.ReadError),
        (Reset(at="headers"), httpx.ReadError),
        (Reset(at="body"), httpx.ReadError),
        (Truncate("longer"), httpx.RemoteProtocolError),
        (Truncate("chunked"), httpx.RemoteProtocolError),
        (Truncate("stall"), httpx.ReadTimeout),
        (Hang(), httpx.ReadTimeout),
        (Hang(seconds=0.05), httpx.RemoteProtocolError),
        (Drip(pause_s=0.01), httpx.ReadTimeout),
    ],
)
def test_a_broken_connection_is_an_error_and_the_next_request_is_well(
    action: Any, error: type[Exception]
) -> None:
    app = five()
    app.faults.add(Fault(action, type="MedicationRequest"))
    with running(app) as base, httpx.Client(timeout=0.3) as client:
        with pytest.raises(error):
            read_within(0.2, client, f"{base}/{SEARCH}")
        assert client.get(f"{base}/{SEARCH}").status_code == 200
        assert [seen.fault for seen in app.log] == [type(action).__name__, ""]


def test_a_content_length_that_is_too_short_cuts_the_body() -> None:
    app = five()
    app.faults.add(Fault(Truncate("shorter")))
    with running(app) as base, httpx.Client(timeout=2) as client:
        try:
            body = client.get(f"{base}/{SEARCH}").content
        except httpx.RemoteProtocolError:
            body = b""
        assert not parses(body)


def test_a_delayed_answer_is_right() -> None:
    app = five()
    app.faults.add(Fault(Delay(0.05)))
    assert ids(get(app, SEARCH).json()) == ["0", "1"]


def test_faults_and_log_are_reached_over_http() -> None:
    app = five()
    fault = {"method": "GET", "type": "Patient", "action": {"do": "answer", "status": 503}}
    added = call(app, "POST", "http://sandbox/_sandbox/faults", json=[fault])
    assert (added.status_code, len(added.json())) == (201, 1)
    assert get(app, "Patient?_id=1", headers={"Authorization": "Bearer t"}).status_code == 503
    (seen,) = get(app, "http://sandbox/_sandbox/log").json()
    assert (seen["method"], seen["path"], seen["query"]) == ("GET", "/fhir/Patient", [["_id", "1"]])
    assert (seen["status"], seen["fault"]) == (503, "Answer")
    assert seen["headers"]["authorization"] == "Bearer t"
    call(app, "POST", "http://sandbox/_sandbox/faults", json=fault)
    call(app, "DELETE", "http://sandbox/_sandbox/faults")
    call(app, "DELETE", "http://sandbox/_sandbox/log")
    assert get(app, "Patient").status_code == 200
    assert len(app.log) == 1


@pytest.mark.parametrize(
    "wrong", [{}, {"action": {"do": "explode"}}, {"action": {"do": "answer"}, "colour": 1}, "x"]
)
def test_a_fault_that_cannot_be_read_is_refused_by_name(wrong: Any) -> None:
    app = five()
    answer = call(app, "POST", "http://sandbox/_sandbox/faults", json=wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert app.faults.waiting == []


def test_the_control_takes_no_web_form() -> None:
    app = Sandbox(STRICT)
    fault = json.dumps({"action": {"do": "hang"}}).encode()
    url = "http://sandbox/_sandbox/faults"
    assert call(app, "POST", url, content=fault).status_code == 404
    assert app.faults.waiting == []
