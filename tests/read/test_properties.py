"""Order, pages and duplicates change nothing; nonsense of any kind gets a state and never a crash.

Answers are made by a function given as transport, so that thousands of servers can be tried.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fhir.client import FhirClient
from service.fhir.wire import Limits
from service.model.source import Role, SourceRead, State
from service.read.server import ServerReader
from service.read.since import Since, merged_reads
from tests.read.chart import request

BASE = "https://ehr.example/fhir"
LINES = [request(f"m{number}") for number in range(12)]
LIMITS = Limits(deadline_s=5, attempts=1, pages=40)
CALM = settings(max_examples=60)

Answers = Callable[[httpx.Request], httpx.Response]


def read_from(answer: Answers, *, since: Since | None = None) -> SourceRead:
    async def run() -> SourceRead:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            client = FhirClient(BASE, http=http, limits=LIMITS)
            return await ServerReader("clinic", Role.OTHER, client).pull(("1",), since=since)

    return asyncio.run(run())


def bundle(entries: Sequence[Mapping[str, Any]], this: str, following: str) -> dict[str, Any]:
    link = [{"relation": "self", "url": this}]
    if following:
        link.append({"relation": "next", "url": following})
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": link,
        "entry": [{"resource": one, "search": {"mode": "match"}} for one in entries],
    }


def paged(pages: Sequence[Sequence[Mapping[str, Any]]]) -> Answers:
    """A server whose MedicationRequests come in these pages."""

    def answer(asked: httpx.Request) -> httpx.Response:
        path, query = asked.url.path.removeprefix("/fhir/"), dict(asked.url.params)
        if path == "metadata":
            kinds = [{"type": "Patient"}, {"type": "MedicationRequest"}]
            statement = {
                "resourceType": "CapabilityStatement",
                "fhirVersion": "4.0.1",
                "rest": [{"mode": "server", "resource": kinds}],
            }
            return httpx.Response(200, json=statement)
        if path == "Patient/1":
            return httpx.Response(200, json={"resourceType": "Patient", "id": "1"})
        if query.get("_summary") == "count":
            body = bundle([], str(asked.url), "") | {
                "total": len({o["id"] for p in pages for o in p})
            }
            return httpx.Response(200, json=body)
        number = int(query.get("page", 0))
        following = f"{BASE}/MedicationRequest?patient=1&page={number + 1}"
        body = bundle(
            pages[number] if pages else [],
            str(asked.url),
            following if number + 1 < len(pages) else "",
        )
        return httpx.Response(200, json=body)

    return answer


def content(read: SourceRead) -> list[tuple[str, bytes]]:
    return [(one.reference, json.dumps(json.loads(one.body)).encode()) for one in read.resources]


@st.composite
def arranged(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    """The same lines in any order, some of them again, cut into pages anywhere."""
    again = draw(st.lists(st.sampled_from(LINES), max_size=6))
    lines = draw(st.permutations([*LINES, *again]))
    cuts = sorted(draw(st.sets(st.integers(1, len(lines) - 1), max_size=6)))
    return [list(lines[a:b]) for a, b in zip([0, *cuts], [*cuts, len(lines)], strict=True)]


PLAIN = content(read_from(paged([LINES])))


@CALM
@given(arranged())
def test_order_pages_and_duplicates_change_nothing(pages: list[list[dict[str, Any]]]) -> None:
    read = read_from(paged(pages))
    assert read.state is State.COMPLETE, read.certificates
    assert content(read) == PLAIN


@CALM
@given(st.permutations(["a", "b", "c"]))
def test_the_order_of_sources_changes_none_of_their_reads(order: list[str]) -> None:
    held = {"a": LINES[:3], "b": LINES[3:7], "c": []}

    async def run() -> dict[str, SourceRead]:
        async def one(name: str) -> tuple[str, SourceRead]:
            transport = httpx.MockTransport(paged([held[name]]))
            async with httpx.AsyncClient(transport=transport) as http:
                client = FhirClient(BASE, http=http, limits=LIMITS)
                return name, await ServerReader(name, Role.OTHER, client).pull(("1",))

        return dict(await asyncio.gather(*(one(name) for name in order)))

    reads = asyncio.run(run())
    for name, lines in held.items():
        found = {one.id for one in reads[name].resources if one.type == "MedicationRequest"}
        assert found == {one["id"] for one in lines}
        assert reads[name].state is State.COMPLETE


@CALM
@given(st.sets(st.integers(0, 11)), st.sets(st.integers(0, 11)))
def test_a_read_brought_up_to_date_twice_is_the_same_as_once(
    first: set[int], second: set[int]
) -> None:
    kept = read_from(paged([[LINES[n] for n in sorted(first)]]))
    fresh = read_from(paged([[LINES[n] for n in sorted(second)]]))
    once = merged_reads(kept, fresh)
    assert merged_reads(once, fresh) == once


NAMES = (
    "resourceType", "type", "total", "link", "relation", "url", "entry", "resource", "search",
    "mode", "id", "meta", "versionId", "subject", "reference", "issue", "severity", "code",
    "details", "coding", "rest", "fhirVersion", "software", "name", "searchParam", "interaction",
    "response", "status", "fullUrl",
)  # fmt: skip
scalars = st.none() | st.booleans() | st.integers(-5, 10**12) | st.text(max_size=12)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)
kinds = st.sampled_from(["Bundle", "CapabilityStatement", "OperationOutcome", "MedicationRequest"])


@settings(CALM, max_examples=120)
@given(trees, kinds, st.sampled_from([200, 200, 200, 400, 403, 404, 410, 500]), st.booleans())
def test_nonsense_gets_a_state_and_a_reason_and_never_a_complete_list(
    tree: Any, kind: str, status: int, everywhere: bool
) -> None:
    """Structured nonsense in place of the medication search (or of everything)."""
    plain = paged([LINES])
    body = {**tree, "resourceType": kind} if isinstance(tree, dict) else tree

    def answer(asked: httpx.Request) -> httpx.Response:
        if everywhere or asked.url.path.endswith("/MedicationRequest"):
            return httpx.Response(status, json=body)
        return plain(asked)

    read = read_from(answer)
    state = read.state_of("MedicationRequest")
    lines = [one for one in read.resources if one.type == "MedicationRequest"]
    if state is State.COMPLETE:
        assert not lines
        assert everywhere or (isinstance(body, dict) and body.get("type") == "searchset")
    else:
        assert read.reasons or any(one.reasons for one in read.certificates)
