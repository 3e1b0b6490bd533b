"""The worklist narrowed down: who is found, who is not, and what a row says without its report."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from service.model.finding import Severity
from service.review.worklist import face, place, terms
from service.store import Connection, open_store, patients, reports, syncs, worklist
from service.store.terms import Wanted, words
from service.web.worklist.page import Worklist, shown, since_words
from tests.web.given import document, finding, line, medication, source

AT = datetime(2026, 11, 15, 12, tzinfo=UTC)
KEY = b"k" * 32


def made(name: str, **said: Any) -> dict[str, Any]:
    content = document(
        medication(line("psychiatry", requester=said.pop("prescriber", "Dr. Marrowby"))),
        findings=(finding(said.pop("type", "dose-mismatch")),),
        **said,
    )
    return {**content, "patient": {**content["patient"], "name": name}}


PEOPLE = {
    "a": made("NOTAREAL, Sylvie"),
    "b": made("Müller-Tannenberg, Jürgen", type="drug-interaction", prescriber="Dr. Fennimore"),
    "c": made("NOTABLE, Otto", sources=(source("psychiatry", "partial"),)),
}


def in_store(act: Callable[[Connection, dict[str, str]], Awaitable[None]]) -> None:
    """Runs `act` on a store in memory with PEOPLE on the worklist, under their letters."""

    async def run() -> None:
        store = await open_store("sqlite:///:memory:")
        ids = {}
        async with store.transaction() as tx:
            for letter, content in PEOPLE.items():
                asked = {"source": "psychiatry", "reference": f"Patient/{letter}"}
                one = await patients.ask(tx, KEY, asked, at=AT)
                ids[letter] = one.id
                body = letter.encode()
                kept = await reports.keep(tx, one.id, body, as_of=date(2026, 11, 15), at=AT)
                await put(tx, kept, content)
        async with store.transaction() as tx:
            await act(tx, ids)
        await store.close()

    asyncio.run(run())


async def put(tx: Connection, kept: reports.KeptReport, content: dict[str, Any]) -> None:
    stands = place(content, kept.patient, kept.created_at)
    row = worklist.WorklistRow(
        patient=kept.patient,
        report=kept.id,
        severity=stands.severity,
        urgent=stands.urgent,
        next_visit="",
        waiting_since=kept.created_at,
        high=stands.high,
        moderate=stands.moderate,
        low=stands.low,
        not_evaluable=stands.not_evaluable,
        incomplete_sources=stands.incomplete_sources,
        sort=stands.sort,
        face=face(content),
        terms=terms(content),
    )
    await worklist.put(tx, row, name=content["patient"]["name"], key=KEY)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), "abc"),
        (Wanted(finding="dose-mismatch"), "ac"),
        (Wanted(drug="sertraline"), "abc"),
        (Wanted(drug="lithium"), ""),
        (Wanted(clinician="Dr. Fennimore"), "b"),
        (Wanted(finding="dose-mismatch", clinician="Dr. Fennimore"), ""),
        (Wanted(state="incomplete"), "c"),
        (Wanted(state="unsigned"), "abc"),
        (Wanted(state="signed"), ""),
        (Wanted(name="nota"), "ac"),
        (Wanted(name="nota otto"), "c"),
        (Wanted(name="MULLER"), "b"),
        (Wanted(name="jürgen tannen"), "b"),
        (Wanted(name="otareal"), ""),
        (Wanted(state="no such state"), "abc"),
    ],
)
def test_patients_are_found_by_what_is_asked_for_and_counted_alike(
    wanted: Wanted, found: str
) -> None:
    async def act(tx: Connection, ids: dict[str, str]) -> None:
        rows, _ = await worklist.page(tx, wanted=wanted, key=KEY)
        assert {row.patient for row in rows} == {ids[letter] for letter in found}
        counts = await worklist.counts(tx, wanted=wanted, key=KEY)
        assert sum(counts.values()) == len(found)

    in_store(act)


def test_a_source_that_nobody_has_read_for_too_long_is_not_complete_in_filter_count_and_row() -> (
    None
):
    async def act(tx: Connection, ids: dict[str, str]) -> None:
        await syncs.put(tx, ids["a"], "pharmacy", seen_at=AT - timedelta(hours=30))
        await syncs.put(tx, ids["b"], "pharmacy", seen_at=AT - timedelta(hours=3))
        fresh_from, wanted = AT - timedelta(hours=24), Wanted(state="incomplete")
        rows, _ = await worklist.page(tx, wanted=wanted, fresh_from=fresh_from)
        assert {row.patient for row in rows} == {ids["a"], ids["c"]}
        counts = await worklist.counts(tx, wanted=wanted, fresh_from=fresh_from)
        assert sum(counts.values()) == 2
        old = await syncs.grown_old(tx, list(ids.values()), fresh_from=fresh_from)
        assert old == {ids["a"]: ("pharmacy",)}
        told = Worklist(rows, None, counts, {}, wanted, old=old).shown
        assert {one["id"]: one["incomplete"] for one in told}[ids["a"]] == ["pharmacy"]

    in_store(act)


def test_a_signature_and_a_newer_report_move_a_patient_between_the_states() -> None:
    async def states(tx: Connection, patient: str) -> set[str]:
        found = set()
        for state in ("unsigned", "signed", "changed"):
            rows, _ = await worklist.page(tx, wanted=Wanted(state=state))
            found |= {state for row in rows if row.patient == patient}
        return found

    async def act(tx: Connection, ids: dict[str, str]) -> None:
        assert await states(tx, ids["a"]) == {"unsigned"}
        await worklist.mark_signed(tx, ids["a"], at=AT + timedelta(hours=1))
        assert await states(tx, ids["a"]) == {"signed"}
        again = await reports.keep(
            tx, ids["a"], b"new", as_of=date(2026, 11, 16), at=AT + timedelta(days=1)
        )
        await put(tx, again, PEOPLE["a"])
        assert await states(tx, ids["a"]) == {"changed"}

    in_store(act)


def test_no_name_stands_in_what_the_list_is_searched_by() -> None:
    async def act(tx: Connection, ids: dict[str, str]) -> None:
        rows = (await tx.exec_driver_sql("SELECT kind, term FROM worklist_terms")).all()
        names = [term for kind, term in rows if kind == "name"]
        assert names
        assert not any("nota" in term or "sylvie" in term for term in names)

    in_store(act)


def test_names_are_searched_by_in_one_form() -> None:
    assert words("Müller-Tannenberg, Jürgen") == ["muller", "tannenberg", "jurgen"]
    assert words("O'Neil X") == ["neil"]


def row(**said: Any) -> worklist.WorklistRow:
    values: dict[str, Any] = {
        "patient": "p-1", "report": "r-1", "severity": Severity.HIGH, "urgent": False,
        "next_visit": "", "waiting_since": AT, "high": 2, "moderate": 0, "low": 1,
        "not_evaluable": 0, "incomplete_sources": 0, "sort": "", "face": face(PEOPLE["a"]),
        "identity": (("birth_date", "1974-06-11"), ("name", "NOTAREAL, Sylvie")),
    }  # fmt: skip
    return worklist.WorklistRow(**{**values, **said})


def test_a_row_says_who_why_and_with_whom_from_the_index_alone() -> None:
    said = shown(row())
    assert said["name"] == "NOTAREAL, Sylvie"
    assert said["about"] == "sex not given, born 1974-06-11, 52 years"
    assert said["gravest"] == "A finding of type dose-mismatch"
    assert said["findings"] == "2 high, 1 low"
    assert shown(row(face={}, identity=()))["name"] == "Name not given"


def test_what_is_new_since_the_signature_is_said_in_counts() -> None:
    changed = {**face(PEOPLE["a"]), "changed": {"started": 1, "stopped": 2}}
    later = AT + timedelta(days=1)
    assert since_words(row()) == ""
    assert since_words(row(signed_at=AT, face=changed)) == "1 started, 2 stopped"
    assert since_words(row(signed_at=AT, waiting_since=later)) == "read again, same drugs"
    assert since_words(row(signed_at=later)) == "nothing new"


def test_the_next_page_keeps_what_was_asked_for() -> None:
    found = Worklist((), "0|x", {}, {}, Wanted(drug="lithium & co"))
    assert found.more == "/patients?drug=lithium+%26+co&cursor=0%7Cx"
    assert Worklist((), None, {}, {}, Wanted()).more == ""
