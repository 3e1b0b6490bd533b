"""What goes wrong on the way is told by the state, on the first, a middle and the last page."""

from __future__ import annotations

import dataclasses

import pytest

from service.model.source import State
from service.sandbox.faults import (
    Action,
    Answer,
    Content,
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
from tests.read.chart import LINES, QUICK, certificate, ids_of, pulled, sandbox

WEB_PAGE = "<!DOCTYPE html><html><body>Please sign in</body></html>"
PAGES = ("first", "middle", "last")
ELSEWHERE = "http://127.0.0.2:9/fhir/MedicationRequest?page=2"

LASTING: dict[str, Action] = {
    "reset before the answer": Reset(at="request"),
    "reset in the header": Reset(at="header"),
    "reset in the body": Reset(at="body"),
    "body shorter than its length": Truncate(how="longer"),
    "last chunk missing": Truncate(how="chunked"),
    "half a body, then silence": Truncate(how="stall"),
    "hang": Hang(seconds=20),
    "one byte a second": Drip(chunk=1, pause_s=0.4),
    "429 for ever": Answer(status=429),
    "503 back in ten years": Answer(status=503, headers={"Retry-After": "315360000"}),
    "502 with a web page": Answer(status=502, body=WEB_PAGE, content_type="text/html"),
    "200 with a login page": Answer(status=200, body=WEB_PAGE, content_type="text/html"),
    "204": Answer(status=204),
    "304": Answer(status=304),
    "redirect to another host": Answer(status=302, headers={"Location": ELSEWHERE}),
    "redirect that keeps the method": Answer(status=307, headers={"Location": ELSEWHERE}),
    "500": Answer(status=500, issue="broken"),
    "400": Answer(status=400, issue="broken", code="invalid"),
    "200 with an OperationOutcome": Answer(status=200, issue="broken", code="exception"),
    "cut JSON": Content(kind="cut"),
    "NaN": Content(kind="nan"),
    "UTF-16": Content(kind="utf-16"),
    "Latin-1": Content(kind="latin-1"),
    "nested 100,000 deep": Content(kind="deep", size=100_000),
    "a page over the cap": Content(kind="huge", size=4_000_000),
    "gzip bomb": Content(kind="bomb", size=30_000_000),
    "deflate bomb": Content(kind="bomb", size=30_000_000, coding="deflate"),
    "another resource": Edit(set={"resourceType": "Basic"}),
    "another kind of Bundle": Edit(set={"type": "collection"}),
    "entries of another patient": Entries(subject="Patient/2"),
    "an error among the entries": Entries(outcome="broken", severity="error", code="exception"),
    "incomplete by its own word": Entries(outcome="more exists", code="incomplete"),
    "entries missing": Entries(drop=1),
    "entries in the shape of R5": Edit(
        set={"medication": {"concept": {"text": "x"}}},
        remove=["medicationCodeableConcept"],
        of="entries",
    ),
    "an entry that is none": Entries(add=[{"no": "resource"}]),
}

NEXT_LINKS: dict[str, Action] = {
    "next is itself": Link(to="self"),
    "next is the first page": Link(to="start"),
    "pages without end": Link(to="endless"),
    "next on another host": Link(to=ELSEWHERE),
    "next on another port": Link(to="http://{host}:1/fhir/MedicationRequest{query}"),
    "next with a user name": Link(to="http://{host}:{port}@127.0.0.2/fhir/MedicationRequest"),
    "next without a scheme": Link(to="//127.0.0.2/fhir/MedicationRequest"),
    "next with a backslash": Link(to="http:\\\\127.0.0.2\\fhir"),
    "next out of the base": Link(to="{origin}/admin/MedicationRequest"),
    "next climbing out": Link(to="{base}/../admin"),
    "next as a file": Link(to="file:///etc/passwd"),
    "next expired": Link(to="expired"),
}

PASSING: dict[str, Action] = {
    "429, one second": Answer(status=429, headers={"Retry-After": "1"}),
    "429, a date": Answer(status=429, retry_after_date_s=1),
    "429, no header": Answer(status=429),
    "500 once": Answer(status=500),
    "reset once": Reset(at="request"),
    "410 once": Answer(status=410),
    "cut off once": Truncate(how="longer"),
}

HARMLESS: dict[str, Action] = {
    "byte order mark": Content(kind="bom"),
    "duplicates": Entries(duplicate=True),
    "a warning": Entries(outcome="unknown status", severity="warning", code="not-supported"),
}


def _faults(action: Action, page: str, times: int) -> Fault:
    return Fault(action=action, type="MedicationRequest", page=page, times=times)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", LASTING)
def test_what_stays_broken_is_never_complete(name: str, page: str) -> None:
    limits = dataclasses.replace(QUICK, deadline_s=1.2) if "byte" in name else QUICK
    read = pulled(sandbox(_faults(LASTING[name], page, 0)), limits=limits)
    proof = certificate(read)
    assert proof.state in {State.PARTIAL, State.UNAVAILABLE}
    if page != "first":
        assert proof.state is State.PARTIAL or "R5" in proof.reasons[0]
        assert ids_of(read) >= {"m0"} or "R5" in proof.reasons[0]
    assert proof.reasons
    assert "MedicationRequest" in proof.reasons[0]
    assert "other" not in ids_of(read)
    assert certificate(read, "Observation").state is State.COMPLETE


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", NEXT_LINKS)
def test_a_next_link_astray_is_not_followed(name: str, page: str) -> None:
    read = pulled(sandbox(_faults(NEXT_LINKS[name], page, 0)))
    assert certificate(read).state is State.PARTIAL
    assert "page" in certificate(read).reasons[0]
    assert "other" not in ids_of(read)


@pytest.mark.parametrize(
    ("name", "page"),
    [
        (name, page)
        for name in [*PASSING, *HARMLESS]
        for page in PAGES
        if (name, page) != ("410 once", "first")  # a first page has no link that could expire
    ],
)
def test_what_passes_or_does_no_harm_leaves_the_read_complete(name: str, page: str) -> None:
    action = PASSING.get(name) or HARMLESS[name]
    read = pulled(sandbox(_faults(action, page, 1)))
    assert certificate(read).state is State.COMPLETE, certificate(read).reasons
    assert len(ids_of(read)) == LINES


@pytest.mark.parametrize("page", PAGES)
def test_a_total_larger_than_what_came_is_told(page: str) -> None:
    read = pulled(sandbox(_faults(Total(add=3), page, 0)))
    assert certificate(read).state is State.PARTIAL
    assert certificate(read).reasons == ("MedicationRequest: total says 9, 6 came",)


def test_a_refusal_is_withheld_and_not_empty() -> None:
    for status in (401, 403):
        read = pulled(sandbox(_faults(Answer(status=status), "first", 0)))
        assert certificate(read).state is State.WITHHELD
        assert read.state is State.WITHHELD


def test_a_refusal_in_the_middle_leaves_what_came_as_partial() -> None:
    read = pulled(sandbox(_faults(Answer(status=403), "middle", 0)))
    assert certificate(read).state is State.PARTIAL
    assert certificate(read).reasons == ("page 2 of MedicationRequest: 403 Forbidden",)
    assert len(ids_of(read)) == 2


def test_an_answer_that_ignored_the_patient_is_refused() -> None:
    read = pulled(sandbox(_faults(SelfLink(without=["patient"]), "first", 0)))
    assert certificate(read).state is State.UNAVAILABLE
    assert certificate(read).dropped == ("patient",)
    assert not ids_of(read)


def test_without_a_self_link_nothing_is_proven() -> None:
    read = pulled(sandbox(_faults(SelfLink(), "first", 0)))
    assert certificate(read).state is State.PARTIAL
    assert len(ids_of(read)) == LINES


def test_another_patients_entries_raise_an_alarm() -> None:
    read = pulled(sandbox(_faults(Entries(subject="Patient/2"), "middle", 0)))
    assert any("another patient" in problem.what for problem in read.problems)


def test_empty_pages_with_a_next_link_are_passed_but_not_for_ever() -> None:
    read = pulled(sandbox(_faults(Entries(empty=True), "middle", 0), total=False))
    assert len(ids_of(read)) == 4
    read = pulled(sandbox(_faults(Link(to="endless"), "", 0)))
    assert certificate(read).state is State.PARTIAL


def test_a_404_of_the_whole_type_is_not_offered_only_where_nothing_offers_it() -> None:
    gone = _faults(Answer(status=404, issue="unknown type", code="not-supported"), "", 0)
    assert certificate(pulled(sandbox(gone))).state is State.UNAVAILABLE
    nothing_said = Fault(action=Answer(status=404), path="metadata", times=0)
    assert certificate(pulled(sandbox(nothing_said, gone))).state is State.NOT_OFFERED
